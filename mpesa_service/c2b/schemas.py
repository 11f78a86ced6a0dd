"""The answer to a validation, the rules for it, and the registration of addresses."""

from typing import Any

from marshmallow import Schema, fields, post_dump
from marshmallow.validate import Length

from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.web.fields import (
    TIME_EXAMPLE,
    NairobiTime,
    RequestSchema,
    between,
    one_of,
    text_field,
    time_field,
)


class ValidationAnswerSchema(Schema):
    """Yes, or a code of M-Pesa's that says what is wrong."""

    ResultCode = fields.String(
        attribute="result_code", metadata={"description": '`"0"`, or `C2B00012` to `C2B00016`.'}
    )
    ResultDesc = fields.Function(lambda judgment: "Rejected" if judgment.rejection else "Accepted")
    ThirdPartyTransID = fields.String(
        attribute="order_id", metadata={"description": "The expected order, if there is one."}
    )

    @post_dump
    def _without_nulls(self, dumped: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in dumped.items() if value is not None}


class RulesSchema(RequestSchema):
    """The rules that accept or refuse C2B payments."""

    reference = fields.Enum(
        ReferenceRule,
        by_value=True,
        required=True,
        data_key="referenceRule",
        metadata={
            "description": "`known`: only expected orders and payments that were started. `open`: any."
        },
    )
    amount = fields.Enum(
        AmountRule,
        by_value=True,
        required=True,
        data_key="amountRule",
        metadata={"description": "`exact`: what is still due. `minimum`: at least that. `any`: any amount."},
    )
    when_unsure = fields.Enum(
        WhenUnsure,
        by_value=True,
        required=True,
        data_key="whenUnsure",
        metadata={"description": "The answer if the facts do not decide."},
    )
    shortcode = fields.String(dump_only=True)
    updated_by = fields.String(
        data_key="updatedBy",
        dump_only=True,
        allow_none=True,
        metadata={"description": "Null while the rules are the defaults."},
    )
    updated_at = NairobiTime(data_key="updatedAt", dump_only=True, allow_none=True, metadata=TIME_EXAMPLE)


_RESPONSE_TYPE = "What M-Pesa does if validation does not answer."


class RegisterSchema(RequestSchema):
    """What M-Pesa does if validation does not answer."""

    response_type = fields.String(
        data_key="responseType",
        load_default=None,
        validate=one_of(["Completed", "Cancelled"]),
        metadata={"description": _RESPONSE_TYPE + " By default, M-Pesa follows `whenUnsure`."},
    )


class RegistrationSchema(Schema):
    """What is registered at Daraja. The addresses are secrets, and no answer contains them."""

    shortcode = fields.String()
    version = fields.String(metadata={"description": "`v2` masks numbers, `v1` hashes them."})
    response_type = fields.String(data_key="responseType", metadata={"description": _RESPONSE_TYPE})
    c2b_url = fields.String(
        data_key="c2bUrl", metadata={"description": "Both addresses are below it, after a secret."}
    )
    secret_id = fields.Integer(
        data_key="secretId", metadata={"description": "The C2B secret, in `mpesa c2b secrets`."}
    )


class C2bSecretSchema(Schema):
    """A C2B secret, without the secret."""

    id = fields.Integer(data_key="_id")
    shortcode = fields.String()
    created_by = fields.String(data_key="createdBy")
    created_at = time_field("createdAt")
    registered_at = time_field("registeredAt", nullable=True)
    first_used_at = time_field("firstUsedAt", nullable=True)
    valid_until = time_field("validUntil", nullable=True)
    revoked_by = fields.String(data_key="revokedBy")
    revocation_reason = fields.String(data_key="reason")


class PullsQuerySchema(RequestSchema):
    """Which pulls to list."""

    limit = fields.Integer(load_default=20, validate=between(1, 500))
    shortcode = fields.String(
        load_default=None, validate=Length(1, 16), metadata={"description": "Only pulls of this shortcode."}
    )


class PullSchema(Schema):
    """A pull: a window of time of which the received money was fetched, and the outcome."""

    id = fields.Integer(data_key="_id")
    shortcode = fields.String()
    window_from = time_field("from")
    window_to = time_field("to")
    gap_from = time_field("gapFrom", nullable=True)
    status = fields.String(metadata={"enum": ["running", "complete", "suspect", "failed"]})
    pages = fields.Integer()
    rows_seen = fields.Integer(data_key="rows")
    booked = fields.Integer(metadata={"description": "Rows whose money was not known before."})
    known = fields.Integer()
    disputed = fields.Integer(metadata={"description": "Rows whose receipt is known with other values."})
    unreadable = fields.Integer(metadata={"description": "Rows that could not be understood. They are kept."})
    result_code = text_field("resultCode", "Of the last page.")
    error = text_field("error", "Why the window was not read, or what is wrong with its answer.")
    requested_by = fields.String(data_key="requestedBy")
    started_at = time_field("startedAt")
    finished_at = time_field("finishedAt", nullable=True)
