"""The answer to a validation, the rules for it, and the registration of addresses."""

from typing import Any

from marshmallow import Schema, fields, post_dump

from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.web.fields import TIME_EXAMPLE, NairobiTime, RequestSchema, one_of


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
    """What is registered at Daraja. The addresses are secrets."""

    shortcode = fields.String()
    version = fields.String(metadata={"description": "`v2` masks numbers, `v1` hashes them."})
    response_type = fields.String(data_key="responseType", metadata={"description": _RESPONSE_TYPE})
    confirmation_url = fields.String(data_key="confirmationUrl")
    validation_url = fields.String(data_key="validationUrl")
