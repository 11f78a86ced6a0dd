"""What callers get."""

from marshmallow import Schema, fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.web.fields import NairobiTime

_PAYMENT_STATUSES = sorted({status.public for status in PaymentStatus})
_REFUND_STATUSES = sorted({status.public for status in RefundStatus})
_TIME = {"type": "string", "format": "date-time", "example": "2026-11-22T14:05:09.120+03:00"}


def _text(key: str, description: str = "", *, nullable: bool = True) -> fields.String:
    return fields.String(data_key=key, allow_none=nullable, metadata={"description": description})


def _time(key: str, *, nullable: bool = False) -> NairobiTime:
    return NairobiTime(data_key=key, allow_none=nullable, metadata=_TIME)


class RefundSchema(Schema):
    """A refund."""

    id = fields.String(data_key="_id")
    refund_id = _text("refundId", "Daraja's ConversationID; null until it is known.")
    method = fields.String(metadata={"enum": [method.value for method in RefundMethod]})
    amount = fields.Integer(data_key="refundAmount")
    status = fields.String(metadata={"enum": _REFUND_STATUSES})
    receipt = _text("mpesaReceiptNumber", "Receipt of the money paid back.")
    result_code = _text("resultCode")
    result_desc = _text("resultDesc")
    failure_reason = _text("failureReason", "In plain words.")
    requested_by = fields.String(data_key="requestedBy")
    created_at = _time("createdAt")
    updated_at = _time("updatedAt")
    completed_at = _time("completedAt", nullable=True)


class PaymentSchema(Schema):
    """A payment."""

    id = fields.String(data_key="_id")
    provider = fields.String(metadata={"enum": ["mpesa", "stripe"]})
    channel = _text("channel", "`stk`: by a prompt; `c2b`: from the phone's own menu.")
    order_id = _text("orderId", "Null while money fits no order.")
    bill_reference = _text("billReference", "What the payer typed in the menu; numbers are masked.")
    account_reference = _text("accountReference", "What the customer's prompt shows.")
    checkout_request_id = _text("mpesaCheckoutRequestId", "Null while the push is unknown.")
    merchant_request_id = _text("mpesaMerchantRequestId")
    receipt = _text("mpesaReceiptNumber")
    status = fields.String(metadata={"enum": _PAYMENT_STATUSES})
    evidence = _text("evidence", "What the status rests on: push, callback, confirmation, query or operator.")
    amount = fields.Integer(metadata={"description": "Whole shillings."})
    currency = fields.String(metadata={"enum": ["kes"]})
    phone = _text("phoneNumber", "Masked; `hashed` where M-Pesa hides it.")
    result_code = _text("resultCode")
    result_desc = _text("resultDesc")
    failure_reason = _text("failureReason", "In plain words.")
    refunded_amount = fields.Integer(data_key="refundedAmount")
    refunds = fields.List(fields.Nested(RefundSchema))
    metadata = fields.Raw(metadata={"type": "object"})
    created_at = _time("createdAt")
    updated_at = _time("updatedAt")
    completed_at = _time("completedAt", nullable=True)


class OrderSchema(PaymentSchema):
    """The latest payment of an order, and all attempts."""

    attempts = fields.List(fields.Nested(PaymentSchema), metadata={"description": "Latest first."})


class InitiatedSchema(Schema):
    """What a push led to."""

    checkout_request_id = _text("checkoutRequestId", "Null while the push is unknown.")
    merchant_request_id = _text("merchantRequestId")
    response_code = _text("responseCode", '"0" when M-Pesa took the push.')
    payment = fields.Nested(PaymentSchema)


class RefundedSchema(RefundSchema):
    """What a refund request led to, with the payment as it stands."""

    payment = fields.Nested(PaymentSchema)


class _Envelope(Schema):
    success = fields.Boolean(dump_default=True)
    message = fields.String()


class InitiatedEnvelope(_Envelope):
    data = fields.Nested(InitiatedSchema)


class PaymentEnvelope(_Envelope):
    data = fields.Nested(PaymentSchema)


class OrderEnvelope(_Envelope):
    data = fields.Nested(OrderSchema)


class RefundEnvelope(_Envelope):
    data = fields.Nested(RefundedSchema)


class RefundListEnvelope(_Envelope):
    data = fields.List(fields.Nested(RefundSchema))


class CallbackAnswerSchema(Schema):
    """What M-Pesa is told: stored."""

    ResultCode = fields.Integer()
    ResultDesc = fields.String()


class ErrorSchema(Schema):
    """Every error of the API."""

    error = fields.String(required=True, metadata={"example": "Bad Request"})
    message = fields.String(required=True, metadata={"description": "A sentence for people."})
    code = fields.String(required=True, metadata={"description": "A stable slug for programs."})
    request_id = fields.String(
        data_key="requestId", required=True, metadata={"description": "Find it in the log."}
    )
    details = fields.Dict(metadata={"description": "Ids and figures that help on, if any."})
