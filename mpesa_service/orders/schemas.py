"""Requests and responses about expected orders."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.money import LARGEST_ORDER
from mpesa_service.domain.orders import AmountRule, OrderStatus
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.fields import TIME_EXAMPLE, Metadata, NairobiTime, OrderId, Shillings, ZonedTime


class ExpectOrderSchema(Schema):
    """An order that a customer may pay."""

    order_id = OrderId(
        data_key="orderId",
        required=True,
        metadata={"type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$", "example": "ORDER-1001"},
    )
    amount = Shillings(
        required=True,
        validate=validate.Range(max=LARGEST_ORDER, error=f"Amount may be {LARGEST_ORDER} shillings at most."),
        metadata={"type": "integer", "minimum": 1, "description": "Whole shillings due.", "example": 2500},
    )
    expires_at = ZonedTime(data_key="expiresAt", load_default=None, allow_none=True, metadata=TIME_EXAMPLE)
    amount_rule = fields.String(
        data_key="amountRule",
        load_default=None,
        allow_none=True,
        validate=validate.OneOf([rule.value for rule in AmountRule]),
        metadata={"description": "The amounts that validation accepts; default: the shortcode's rule."},
    )
    metadata = Metadata(
        load_default=dict,
        metadata={
            "type": "object",
            "description": "Your own data, stored and returned unchanged. At most 4 kB and 5 levels.",
        },
    )


class ExpectedOrderSchema(Schema):
    """The present state of an expected order."""

    id = fields.String(data_key="_id")
    order_id = fields.String(data_key="orderId")
    account_reference = fields.String(
        data_key="accountReference", metadata={"description": "Customers may also type this as the account."}
    )
    amount_due = fields.Integer(data_key="amountDue")
    amount_rule = fields.String(data_key="amountRule", allow_none=True)
    received_amount = fields.Integer(
        data_key="receivedAmount", metadata={"description": "The sum of the payments, less the refunds."}
    )
    missing_amount = fields.Integer(data_key="missingAmount")
    overpaid_amount = fields.Integer(data_key="overpaidAmount")
    status = fields.String(metadata={"enum": [status.value for status in OrderStatus]})
    metadata = fields.Raw(metadata={"type": "object"})
    expires_at = NairobiTime(data_key="expiresAt", allow_none=True, metadata=TIME_EXAMPLE)
    created_at = NairobiTime(data_key="createdAt", metadata=TIME_EXAMPLE)
    updated_at = NairobiTime(data_key="updatedAt", metadata=TIME_EXAMPLE)
    payments = fields.List(fields.Nested(PaymentSchema), metadata={"description": "Latest first."})
