"""Requests and responses about expected orders."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.money import LARGEST_ORDER
from mpesa_service.domain.orders import AmountRule, OrderStatus
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.fields import (
    TIME_EXAMPLE,
    EndTime,
    RequestSchema,
    Shillings,
    metadata_field,
    one_of,
    order_id_field,
    text_field,
    time_field,
)

_EXPIRES = {**TIME_EXAMPLE, "description": "A date without a time includes that day, in Nairobi."}


class ExpectOrderSchema(RequestSchema):
    """An order that a customer may pay."""

    order_id = order_id_field()
    amount = Shillings(
        required=True,
        validate=validate.Range(max=LARGEST_ORDER, error=f"Amount may be {LARGEST_ORDER} shillings at most."),
        metadata={"type": "integer", "minimum": 1, "description": "Whole shillings due.", "example": 2500},
    )
    expires_at = EndTime(data_key="expiresAt", load_default=None, allow_none=True, metadata=_EXPIRES)
    amount_rule = fields.String(
        data_key="amountRule",
        load_default=None,
        allow_none=True,
        validate=one_of([rule.value for rule in AmountRule]),
        metadata={"description": "The amounts that validation accepts; default: the shortcode's rule."},
    )
    metadata = metadata_field()


class SurplusPartSchema(Schema):
    """A part of the surplus that can be refunded from one payment."""

    payment_id = fields.String(data_key="paymentId")
    amount = fields.Integer(metadata={"description": "Whole shillings to refund of this payment."})
    needs_phone = fields.Boolean(
        data_key="needsPhoneNumber",
        metadata={"description": "M-Pesa does not reveal who paid: the refund needs a `phoneNumber`."},
    )


class ExpectedOrderSchema(Schema):
    """The present state of an expected order."""

    id = fields.String(data_key="_id")
    order_id = fields.String(data_key="orderId")
    account_reference = text_field(
        "accountReference", "Customers may also type this as the account.", nullable=False
    )
    amount_due = fields.Integer(data_key="amountDue")
    amount_rule = fields.String(data_key="amountRule", allow_none=True)
    received_amount = fields.Integer(
        data_key="receivedAmount", metadata={"description": "The sum of the payments, less the refunds."}
    )
    missing_amount = fields.Integer(data_key="missingAmount")
    overpaid_amount = fields.Integer(data_key="overpaidAmount")
    surplus = fields.List(
        fields.Nested(SurplusPartSchema),
        metadata={
            "description": "The refunds that return what an `overpaid` order received too much, less what is"
            " being refunded already."
        },
    )
    status = fields.String(metadata={"enum": [status.value for status in OrderStatus]})
    metadata = fields.Raw(metadata={"type": "object"})
    expires_at = time_field("expiresAt", nullable=True)
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    payments = fields.List(fields.Nested(PaymentSchema), metadata={"description": "Newest first."})
