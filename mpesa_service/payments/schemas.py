"""Requests and responses about payments. Unknown fields in a request are an error."""

from marshmallow import Schema, fields

from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.reports import PAID_AT_SOURCES
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import (
    OrderId,
    PhoneNumber,
    RequestSchema,
    Shillings,
    evidence_field,
    metadata_field,
    one_of,
    order_id_field,
    text_field,
    time_field,
)
from mpesa_service.web.list_queries import (
    CursorPageSchema,
    ExportFormatSchema,
    MoneyFilterSchema,
    statuses_field,
)


class InitiateSchema(RequestSchema):
    """A payment to start."""

    order_id = order_id_field()
    amount = Shillings(
        required=True,
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "Whole shillings.",
            "example": 100,
        },
    )
    phone_number = PhoneNumber(
        data_key="phoneNumber",
        required=True,
        metadata={
            "type": "string",
            "example": "0712345678",
            "description": "254XXXXXXXXX, 0XXXXXXXXX or XXXXXXXXX, starting with 7 or 1.",
        },
    )
    metadata = metadata_field()


_PAYMENT_STATUSES = sorted({status.public for status in PaymentStatus})
_REFUND_STATUSES = sorted({status.public for status in RefundStatus})


class RefundSchema(Schema):
    id = fields.String(data_key="_id")
    refund_id = text_field("refundId", "Daraja's ConversationID; null until it is known.")
    method = fields.String(metadata={"enum": [method.value for method in RefundMethod]})
    amount = fields.Integer(data_key="refundAmount")
    status = fields.String(metadata={"enum": _REFUND_STATUSES})
    receipt = text_field("mpesaReceiptNumber", "The receipt of the refund.")
    phone = text_field("phoneNumber", "The number that it goes to, masked; null for a reversal.")
    result_code = text_field("resultCode")
    result_desc = text_field("resultDesc")
    failure_reason = text_field("failureReason", "A sentence for people.")
    requested_by = fields.String(data_key="requestedBy")
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    completed_at = time_field("completedAt", nullable=True)
    paid_at = time_field("paidAt", "M-Pesa's own time; null until M-Pesa states it.", nullable=True)
    paid_at_source = text_field("paidAtSource", "The source of `paidAt`.")


class PaymentSchema(Schema):
    id = fields.String(data_key="_id")
    provider = fields.String(metadata={"enum": ["mpesa", "stripe"]})
    channel = text_field("channel", "`stk`: by a prompt; `c2b`: a C2B payment.")
    order_id = text_field("orderId", "Null while the money matches no order.")
    bill_reference = text_field(
        "billReference", "The account that the payer typed; phone numbers are masked."
    )
    account_reference = text_field("accountReference", "The reference in the customer's prompt.")
    checkout_request_id = text_field(
        "mpesaCheckoutRequestId", "Null while the outcome of the push is unknown."
    )
    merchant_request_id = text_field("mpesaMerchantRequestId")
    receipt = text_field("mpesaReceiptNumber")
    status = fields.String(metadata={"enum": _PAYMENT_STATUSES})
    evidence = evidence_field()
    amount = fields.Integer(metadata={"description": "Whole shillings."})
    currency = fields.String(metadata={"enum": ["kes"]})
    phone = text_field("phoneNumber", "Masked; `hashed` if M-Pesa hides the number.")
    result_code = text_field("resultCode")
    result_desc = text_field("resultDesc")
    failure_reason = text_field("failureReason", "A sentence for people.")
    refunded_amount = fields.Integer(data_key="refundedAmount")
    refunds = fields.List(fields.Nested(RefundSchema))
    metadata = fields.Raw(metadata={"type": "object"})
    created_at = time_field("createdAt")
    updated_at = time_field("updatedAt")
    completed_at = time_field("completedAt", nullable=True)
    paid_at = time_field(
        "paidAt", "M-Pesa's own time of the payment; null until M-Pesa states it.", nullable=True
    )
    paid_at_source = text_field("paidAtSource", f"The source of `paidAt`: {', '.join(PAID_AT_SOURCES)}.")


class OrderSchema(PaymentSchema):
    """The latest payment of an order, and all attempts."""

    attempts = fields.List(fields.Nested(PaymentSchema), metadata={"description": "Newest first."})


class InitiatedSchema(Schema):
    """The outcome of a push."""

    checkout_request_id = text_field("checkoutRequestId", "Null while the outcome of the push is unknown.")
    merchant_request_id = text_field("merchantRequestId")
    response_code = text_field("responseCode", '"0" if M-Pesa accepted the push.')
    payment = fields.Nested(PaymentSchema)


_STATUSES = sorted({status.public for words in (PaymentStatus, RefundStatus) for status in words})


class TrailEventSchema(Schema):
    """One line of the audit trail: a change of status, or a note that changes no status."""

    sequence = fields.Integer(metadata={"description": "The number of the line, from 1."})
    at = time_field("at")
    actor = fields.String(
        metadata={"description": "`mpesa`, `service`, a caller's `sub`, or `operator:` and a name."}
    )
    before = fields.String(data_key="from", allow_none=True, metadata={"enum": [*_STATUSES, None]})
    after = fields.String(data_key="to", metadata={"enum": _STATUSES})
    cause = fields.String(metadata={"description": "The name of the change, for programs."})
    sentence = fields.String(metadata={"description": "The same as a sentence."})
    evidence = evidence_field()
    refund = text_field("refund", "`_id` of the refund that the line is about.")
    refund_id = text_field("refundId", "The refund's ConversationID; null until it is known.")


class OperatorTrailSchema(TrailEventSchema):
    """The same for operators, with the orders and the reason."""

    order_id = text_field("orderId", "The order that the line is about. Null after a move: unmatched.")
    previous_order_id = text_field("previousOrderId", "The order before a move.")
    reason = text_field("reason", "The operator's reason, or that of a report.")
    ignored_paid_at = text_field("ignoredPaidAt", "A stated time of payment that cannot be true, as text.")


STATUSES = sorted({status.public for status in PaymentStatus})
PROVIDERS = ("mpesa", "stripe")
SORTS = ("createdAt", "paidAt")


class PaymentFilterSchema(MoneyFilterSchema):
    """Filters for payments. A payment must match all of them."""

    statuses = statuses_field(STATUSES)
    provider = fields.String(load_default=None, validate=one_of(PROVIDERS))
    order_id = OrderId(data_key="orderId", load_default=None, metadata={"type": "string"})
    sort = fields.String(
        load_default=None,
        validate=one_of(SORTS),
        metadata={
            "description": "Latest first. With `paidFrom` or `paidTo` the default is `paidAt`, else "
            "`createdAt`. By `paidAt`, payments without one follow at the end.",
        },
    )
    phone = PhoneNumber(
        data_key="phoneNumber",
        load_default=None,
        metadata={"type": "string", "description": "The whole number, in any usual spelling."},
    )


class PaymentListQuerySchema(PaymentFilterSchema, CursorPageSchema):
    """Filters for payments, and the page to return."""


class ExportQuerySchema(PaymentFilterSchema, ExportFormatSchema):
    """Filters for payments, and the format of the file."""


class ListedPaymentSchema(PaymentSchema):
    """A payment without its refunds. To see the refunds, request the payment by its `_id`."""

    class Meta:
        exclude = ("refunds",)


class PaymentPageEnvelope(Envelope):
    """A page of payments, newest first."""

    data = fields.List(fields.Nested(ListedPaymentSchema))
    next = text_field("next", "`after` of the next page; null on the last one.")
