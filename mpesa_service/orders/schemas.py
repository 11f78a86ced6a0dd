"""Orders that a shop announces."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.money import LARGEST_ORDER
from mpesa_service.domain.orders import AmountRule, OrderStatus
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.fields import TIME_EXAMPLE, Metadata, Moment, NairobiTime, OrderId, Shillings


class AnnounceSchema(Schema):
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
    expires_at = Moment(data_key="expiresAt", load_default=None, allow_none=True, metadata=TIME_EXAMPLE)
    amount_rule = fields.String(
        data_key="amountRule",
        load_default=None,
        allow_none=True,
        validate=validate.OneOf([rule.value for rule in AmountRule]),
        metadata={
            "description": "What validation lets through for this order, instead of the shortcode's rule."
        },
    )
    metadata = Metadata(
        load_default=dict,
        metadata={"type": "object", "description": "Yours; kept and given back. 4 kB, 5 deep."},
    )


class ExpectedOrderSchema(Schema):
    """An announced order as it stands."""

    id = fields.String(data_key="_id")
    order_id = fields.String(data_key="orderId")
    account_reference = fields.String(
        data_key="accountReference", metadata={"description": "What a customer may type as account, too."}
    )
    amount_due = fields.Integer(data_key="amountDue")
    amount_rule = fields.String(data_key="amountRule", allow_none=True)
    received_amount = fields.Integer(
        data_key="receivedAmount", metadata={"description": "What was paid, less what was paid back."}
    )
    missing_amount = fields.Integer(data_key="missingAmount")
    overpaid_amount = fields.Integer(data_key="overpaidAmount")
    status = fields.String(metadata={"enum": [status.value for status in OrderStatus]})
    metadata = fields.Raw(metadata={"type": "object"})
    expires_at = NairobiTime(data_key="expiresAt", allow_none=True, metadata=TIME_EXAMPLE)
    created_at = NairobiTime(data_key="createdAt", metadata=TIME_EXAMPLE)
    updated_at = NairobiTime(data_key="updatedAt", metadata=TIME_EXAMPLE)
    payments = fields.List(fields.Nested(PaymentSchema), metadata={"description": "Latest first."})


class ExpectedOrderEnvelope(Schema):
    success = fields.Boolean()
    message = fields.String()
    data = fields.Nested(ExpectedOrderSchema)
