"""Requests and responses about payouts."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, pre_dump, validate

from mpesa_service.domain.commands import BatchStatus, PayoutType
from mpesa_service.domain.payout_files import FileRows
from mpesa_service.domain.payouts import FIELDS, MAX_ROWS, PayoutPurpose
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.outflow.schemas import ApprovalSchema
from mpesa_service.web.csv_rows import csv_lines
from mpesa_service.web.fields import (
    Pattern,
    RequestSchema,
    between,
    bom_field,
    characters,
    evidence_field,
    one_of,
    text_field,
    time_field,
)
from mpesa_service.web.file_formats import BOM, XLSX, FileFormat
from mpesa_service.web.xlsx_rows import xlsx_parts

ROW_STATUSES = sorted({status.public for status in PayoutStatus})
_REFERENCE = r"^[A-Za-z0-9_-]{1,64}$"
_ID = {"example": "01a205e279cb21ba6f2a359c"}


def _field(description: str, **more: Any) -> fields.Raw:
    """A field of a row, whose rules are those of `domain.payouts`: it reports all rows at once."""
    return fields.Raw(allow_none=True, metadata={"type": "string", "description": description, **more})


class PayoutRowSchema(RequestSchema):
    type = _field("Whom it goes to, and how.", enum=[kind.value for kind in PayoutType])
    phoneNumber = _field("With `b2c` and `b2pochi`.", example="0712345678")  # noqa: N815
    businessNumber = _field("Pay bill or till, with `paybill` and `buy_goods`: 5 to 7 digits.")  # noqa: N815
    amount = _field("Whole shillings.", type="integer", minimum=1, example=1500)
    accountReference = _field(  # noqa: N815
        "Needed with `paybill`. Up to 13 characters to businesses; up to 20 to phones, where it is yours."
    )
    remarks = _field("2 to 100 characters.")
    command = _field("With `b2c`; `BusinessPayment` if absent.", enum=[word.value for word in PayoutPurpose])


class PayoutRows(fields.List[Any]):
    """Rows of any shape with their numbers, as JSON or from a file; their faults are reported later."""

    def __init__(self, **more: Any) -> None:
        super().__init__(fields.Nested(PayoutRowSchema), **more)

    def _deserialize(self, value: Any, *_: Any, **__: Any) -> list[Any]:
        if not isinstance(value, list):
            raise ValidationError("must be a list of objects.")
        return value if isinstance(value, FileRows) else list(enumerate(value, start=1))


class PayoutRequestSchema(PayoutRowSchema):
    """A batch in `rows`, or one payout in the fields of a row."""

    reference = fields.String(
        validate=Pattern(_REFERENCE, error="must be 1 to 64 letters, digits, - or _."),
        metadata={
            "description": "Yours: the same again is answered with the same batch.",
            "example": "PAY-11",
        },
    )
    description = fields.String(
        load_default="",
        validate=[
            characters(0, 255),
            validate.Predicate("isprintable", error="must be printable, on one line."),
        ],
        metadata={"description": "For people."},
    )
    allow_duplicates = fields.Boolean(
        data_key="allowDuplicates",
        load_default=False,
        truthy={True, "true"},
        falsy={False, "false"},
        metadata={"description": "Rows may pay the same amount to the same party."},
    )
    rows = PayoutRows(
        validate=validate.Length(min=1, error="must have at least one row."), metadata={"maxItems": MAX_ROWS}
    )

    @post_load
    def _one_is_a_batch(self, data: dict[str, Any], **_: Any) -> Mapping[str, Any]:
        alone = {name: data.pop(name) for name in FIELDS if name in data}
        if alone and "rows" in data:
            raise ValidationError("stand either in rows or beside them.", field_name=min(alone))
        return {"rows": [(1, alone)], **data}


class BatchSchema(Schema):
    id = fields.String(data_key="_id", metadata=_ID)
    reference = fields.String()
    description = fields.String()
    status = fields.String(metadata={"enum": [word.value for word in BatchStatus]})
    row_count = fields.Integer(data_key="rowCount")
    total_amount = fields.Integer(data_key="totalAmount", metadata={"description": "Whole shillings."})
    needs_approval = fields.Boolean(data_key="needsApproval")
    created_by = fields.String(data_key="createdBy")
    approved_by = text_field("approvedBy")
    approved_at = time_field("approvedAt", nullable=True)
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    completed_at = time_field("completedAt", nullable=True)


class ShareSchema(Schema):
    """Rows in one status."""

    count = fields.Integer()
    amount = fields.Integer(metadata={"description": "Sum of their amounts, in whole shillings."})


class ProgressSchema(BatchSchema):
    """A batch, and how far it is."""

    rows = fields.Dict(
        keys=fields.String(validate=one_of(ROW_STATUSES)),
        values=fields.Nested(ShareSchema),
        metadata={"description": f"By status: {', '.join(ROW_STATUSES)}."},
    )
    suspension_reason = text_field("suspensionReason", "Why all payouts are suspended, if they are.")
    seconds_left = fields.Integer(
        data_key="secondsLeft",
        allow_none=True,
        metadata={
            "description": "Time to send the waiting rows at the present rate limit; null while none is sent."
        },
    )
    approval = fields.Nested(
        ApprovalSchema,
        allow_none=True,
        metadata={"description": "What waits for a second person, or the decision. Null: it needs none."},
    )

    @pre_dump
    def _flat(self, progress: Any, **_: Any) -> dict[str, Any]:
        return {**vars(progress.batch), **vars(progress)}


class CreatedSchema(ProgressSchema):
    """A batch that was created, or that was created before."""

    warnings = fields.List(
        fields.String(),
        metadata={"description": "What a spreadsheet may have changed in the file. The batch is stored."},
    )


class PayoutSchema(Schema):
    """One row of a batch."""

    id = fields.String(data_key="_id", metadata=_ID)
    batch_id = fields.String(data_key="batchId")
    row_number = fields.Integer(data_key="row")
    type = fields.String(metadata={"enum": [kind.value for kind in PayoutType]})
    command = text_field("command")
    phone = text_field("phoneNumber", "Masked.")
    business_number = text_field("businessNumber")
    amount = fields.Integer(metadata={"description": "Whole shillings."})
    account_reference = text_field("accountReference")
    remarks = fields.String()
    status = fields.String(metadata={"enum": ROW_STATUSES})
    evidence = evidence_field()
    receipt = text_field("mpesaReceiptNumber")
    conversation_id = text_field("conversationId", "Daraja's; null until it is known.")
    result_code = text_field("resultCode")
    result_desc = text_field("resultDesc")
    failure_reason = text_field("failureReason", "A sentence for people.")
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    completed_at = time_field("completedAt", nullable=True)
    paid_at = time_field("paidAt", "M-Pesa's own time; null until M-Pesa states it.", nullable=True)
    paid_at_source = text_field("paidAtSource", "The source of `paidAt`.")


class BatchQuerySchema(RequestSchema):
    """Which batches, and which page of them."""

    status = fields.Enum(BatchStatus, by_value=True, load_default=None)
    limit = fields.Integer(load_default=50, validate=between(1, 200))
    before = fields.String(
        load_default=None,
        validate=Pattern(r"^[0-9a-f]{1,24}$", error="must be an `_id`."),
        metadata={"description": "The `_id` of the last batch of the page before."},
    )


class RowQuerySchema(RequestSchema):
    """Which rows of a batch, and which page of them."""

    status = fields.String(load_default=None, validate=one_of(ROW_STATUSES))
    limit = fields.Integer(load_default=100, validate=between(1, 500))
    after = fields.Integer(
        load_default=0,
        validate=between(0, 2**31 - 1),
        metadata={"description": "The `row` of the last one of the page before."},
    )


RESULT_COLUMNS = (
    "row",
    "type",
    "phoneNumber",
    "businessNumber",
    "amount",
    "accountReference",
    "remarks",
    "status",
    "mpesaReceiptNumber",
    "resultCode",
    "resultDesc",
    "failureReason",
    "completedAt",
)
"""Columns of a result file: fields of a row, in this order."""


def result_file(form: FileFormat, rows: Iterable[Any]) -> Iterator[bytes]:
    """Yield the bytes of a result file, one row a row of a batch, as the rows come."""
    shape = PayoutSchema()
    dumped = (shape.dump(row) for row in rows)
    cells = chain([list(RESULT_COLUMNS)], ([row[name] for name in RESULT_COLUMNS] for row in dumped))
    if form.kind == XLSX:
        yield from xlsx_parts([row] for row in cells)
        return
    if form.bom:
        yield BOM.encode()
    for line in csv_lines(cells):
        yield line.encode()


class ResultQuerySchema(RequestSchema):
    """How to write a result file."""

    bom = bom_field()
