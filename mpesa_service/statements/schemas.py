"""Statements in the API: uploads, stored statements with their reports, and proven days."""

from datetime import datetime, timedelta
from typing import Any

from marshmallow import Schema, fields

from mpesa_service.domain.statements import DateOrder, DateOrderReason, StatementStatus
from mpesa_service.web.fields import ReasonField, RequestSchema, between, characters, text_field, time_field
from mpesa_service.web.query_fields import QueryTime, WholeNumber

MOST_STATEMENTS = 100
_SHA256 = (
    "The file's SHA-256: the same file is one statement. Of a file without lines: with its shortcode, account"
    " and period."
)


class LastMoment(QueryTime):
    """The end of a period: a date is its last second, and a date-time is itself."""

    def _deserialize(self, value: Any, *arguments: Any, **more: Any) -> datetime:
        found = super()._deserialize(value, *arguments, **more)
        return found + timedelta(days=1, seconds=-1) if len(value) == len("2026-11-30") else found


class ImportSchema(RequestSchema):
    """What the caller says about a file that does not say it itself."""

    shortcode = fields.String(
        load_default=None,
        validate=characters(4, 10),
        metadata={"description": "The shortcode, if neither the file nor its name says it."},
    )
    account = fields.String(
        load_default=None,
        validate=characters(1, 64),
        metadata={"description": "The account, such as `Utility Account`, if the file does not say it."},
    )
    period_from = QueryTime(
        data_key="from",
        load_default=None,
        metadata={"description": "The beginning of the period, if the file does not say it."},
    )
    period_to = LastMoment(
        data_key="to",
        load_default=None,
        metadata={"description": "The end of the period: its last second, or its last day."},
    )
    dates = fields.Enum(
        DateOrder,
        by_value=True,
        load_default=None,
        metadata={
            "description": "What stands first in the dates, if the file does not show it: the day (`dmy`) or"
            " the month (`mdy`)."
        },
    )


class StatementQuerySchema(RequestSchema):
    """A page of the list of statements."""

    limit = WholeNumber(load_default=50, validate=between(1, MOST_STATEMENTS))
    after = fields.String(load_default="", metadata={"description": "The id of the last one before."})


class ApplySchema(RequestSchema):
    """The decision to apply a statement."""

    accept_broken_balance = fields.String(
        data_key="acceptBrokenBalance",
        load_default=None,
        allow_none=True,
        validate=characters(1, 500),
        metadata={"description": "The reason why a statement with a broken balance is applied."},
    )
    accept_mismatch = fields.String(
        data_key="acceptMismatch",
        load_default=None,
        allow_none=True,
        validate=characters(1, 500),
        metadata={
            "description": "The reason why a statement is applied that contradicts an applied statement."
        },
    )


class WithdrawSchema(RequestSchema):
    """The decision that a statement's file is wrong."""

    reason = ReasonField(required=True)


class StatementSchema(Schema):
    """A statement. All sums are exact, in cents. `report` is the result of the last comparison."""

    id = text_field("_id", nullable=False)
    name = text_field("name", "The file's name.", nullable=False)
    sha256 = text_field("sha256", _SHA256, nullable=False)
    shape = text_field("shape", "`A` portal, `B` newer, `C` stores, `D` of 2010, `F` daily.", nullable=False)
    container = text_field("container", "`csv`, `xls` or `xlsx`.", nullable=False)
    shortcode = text_field("shortcode", nullable=False)
    account = text_field("account", "Empty if it is not known.", nullable=False)
    status = fields.String(metadata={"enum": [status.value for status in StatementStatus]})
    period_from = time_field("periodFrom", nullable=True)
    period_to = time_field("periodTo", nullable=True)
    first_at = time_field("firstLineAt", nullable=True)
    last_at = time_field("lastLineAt", nullable=True)
    date_order = text_field("dateOrder", "`dmy` or `mdy`; null if no date depends on it.")
    date_order_reason = fields.String(
        data_key="dateOrderReason",
        allow_none=True,
        metadata={"enum": [*(reason.value for reason in DateOrderReason), None]},
    )
    line_count = fields.Integer(data_key="lineCount")
    new_count = fields.Integer(
        data_key="newLineCount", metadata={"description": "Lines that no other statement had before."}
    )
    not_completed_count = fields.Integer(
        data_key="notCompletedLineCount",
        metadata={"description": "Lines of transactions that failed or were canceled: no money moved."},
    )
    unread_count = fields.Integer(
        data_key="unreadCount", metadata={"description": "Rows that were not understood."}
    )
    unread = fields.List(
        fields.Dict(), metadata={"description": "The first 1,000 of them: their line number and the reason."}
    )
    paid_in_cents = fields.Integer(data_key="paidInCents")
    withdrawn_cents = fields.Integer(data_key="withdrawnCents")
    balanced = fields.Boolean(
        allow_none=True,
        metadata={
            "description": "Whether the running balance is unbroken. Null: there are no balances, or rows"
            " that look like transactions were not understood."
        },
    )
    findings = fields.List(
        fields.String(), metadata={"description": "What the statement says against itself."}
    )
    accounts = fields.List(fields.Dict(), metadata={"description": "Lines and sums of each account."})
    report = fields.Dict(metadata={"description": "What the comparison found. See `docs/statements.md`."})
    progress = fields.Dict(metadata={"description": "How many lines of each step are applied so far."})
    created_by = text_field("createdBy", nullable=False)
    created_at = time_field("createdAt")
    read_at = time_field("readAt", nullable=True)
    applied_by = text_field("appliedBy")
    applied_at = time_field("appliedAt", nullable=True)
    broken_balance_reason = text_field("brokenBalanceReason")
    failure_reason = text_field("failureReason")
    withdrawn_at = time_field("withdrawnAt", nullable=True)
    withdrawn_by = text_field("withdrawnBy", "Who decided that the file is wrong, so that it proves nothing.")
    withdrawal_reason = text_field("withdrawalReason")


class DaysSchema(Schema):
    """Days of Nairobi that follow each other."""

    first = fields.Date(data_key="from", metadata={"description": "The first day."})
    last = fields.Date(data_key="to", metadata={"description": "The last day."})
    count = fields.Integer(data_key="days")


class CoverageSchema(Schema):
    """The days of one account that applied statements prove, and the gaps between them."""

    shortcode = text_field("shortcode", nullable=False)
    account = text_field("account", "Empty if the statements do not name it.", nullable=False)
    proven = fields.List(fields.Nested(DaysSchema))
    gaps = fields.List(fields.Nested(DaysSchema))


class StatementListSchema(StatementSchema):
    """A statement in a list: without the rows and the report."""

    class Meta:
        exclude = ("unread", "report", "accounts")
