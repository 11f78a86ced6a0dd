"""Decisions on payments, payouts and unmatched money, and the lists of what needs one."""

from marshmallow import Schema, fields

from mpesa_service.domain.orders import OrderStatus
from mpesa_service.domain.suggestions import MOST_SUGGESTED, Reason, WhyUnmatched
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.refunds.schemas import different_payer_field
from mpesa_service.web.fields import (
    Pattern,
    PhoneNumber,
    RequestSchema,
    Shillings,
    between,
    characters,
    one_of,
    order_id_field,
    text_field,
    time_field,
)
from mpesa_service.web.list_queries import IdPageSchema


def _reason() -> fields.String:
    return fields.String(
        required=True,
        validate=characters(1, 500),
        metadata={"description": "The reason. The audit trail keeps it with the operator's name."},
    )


def _payer_name() -> fields.String:
    return text_field("payerName", "From M-Pesa's confirmation. Only admins see it.")


class ReviewedPaymentSchema(PaymentSchema):
    """A payment in review, or with a refund in review."""

    payer_name = _payer_name()


class ResolveSchema(RequestSchema):
    """An operator's decision."""

    action = fields.String(
        required=True,
        validate=one_of(["settle", "fail"]),
        metadata={"description": "`settle`: the money arrived or the refund was paid. `fail`: it did not."},
    )
    reason = _reason()
    receipt = fields.String(
        load_default=None,
        validate=Pattern(r"^[A-Za-z0-9]{6,32}$", error="must be 6 to 32 letters and digits."),
        metadata={"description": "The M-Pesa receipt that proves it, if there is one."},
    )


class ResolvePaymentSchema(ResolveSchema):
    """An operator's decision on a payment."""

    amount = Shillings(
        # A client that loses its amount must not settle with the requested amount by mistake.
        allow_none=False,
        metadata={
            "type": "integer",
            "minimum": 1,
            "description": "With `settle`, for a payment in review: the amount that the customer paid, if it"
            " is not the requested one. The payment then has this amount. More than requested needs a"
            " `receipt` that M-Pesa has confirmed: `GET /transactions/{receipt}`.",
        },
    )


class ReviewQuerySchema(IdPageSchema):
    """The page of the list to return."""


class MatchSchema(RequestSchema):
    """The order that the money is meant for."""

    order_id = order_id_field()
    reason = _reason()


class MoveSchema(RequestSchema):
    """The order that the payment is really for; null undoes the match, and the money is unmatched again."""

    order_id = order_id_field(nullable=True)
    reason = _reason()


class ReturnSchema(RequestSchema):
    """The money to return."""

    reason = _reason()
    phone_number = PhoneNumber(
        data_key="phoneNumber",
        metadata={
            "type": "string",
            "example": "0712345678",
            "description": "The number that the money goes to, by payout. Absent: it is reversed.",
        },
    )
    confirm_different_payer = different_payer_field()


class CloseSchema(RequestSchema):
    """A fractional amount that a person has handled."""

    reason = _reason()


class UnmatchedQuerySchema(ReviewQuerySchema):
    """The page of the list to return."""

    limit = fields.Integer(load_default=20, validate=between(1, 50))


class SuggestionSchema(Schema):
    """An order that the money may be meant for."""

    order_id = fields.String(data_key="orderId")
    score = fields.Integer(metadata={"description": "0 to 100."})
    reasons = fields.List(fields.Enum(Reason, by_value=True))
    order_status = fields.Enum(
        OrderStatus,
        by_value=True,
        data_key="orderStatus",
        allow_none=True,
        metadata={"description": "Null: the order is not registered, only known from a payment."},
    )
    payment_id = fields.String(
        data_key="paymentId",
        attribute="payment.id",
        dump_default=None,
        allow_none=True,
        metadata={"description": "With the exact id: the payment that paid the order, else its latest."},
    )
    payment_status = fields.String(
        data_key="paymentStatus", attribute="payment.status.public", dump_default=None, allow_none=True
    )


class FractionalSchema(Schema):
    """A fractional amount. It is no payment; a person returns it in M-Pesa's portal."""

    id = fields.String(data_key="_id")
    receipt = fields.String(data_key="mpesaReceiptNumber")
    amount = fields.String(metadata={"description": "Exact, in shillings.", "example": "100.50"})
    bill_reference = text_field(
        "billReference", "The account that the payer typed; phone numbers are masked."
    )
    phone = text_field("phoneNumber", "Masked.")
    shortcode = fields.String()
    failure_reason = fields.String(data_key="failureReason")
    transacted_at = time_field("transactedAt", nullable=True)
    received_at = time_field("receivedAt")
    closed_at = time_field("closedAt", nullable=True)
    closed_by = fields.String(data_key="closedBy", allow_none=True)


class UnmatchedSchema(Schema):
    """Money without an order: `payment.billReference` is what the payer typed."""

    id = fields.String(data_key="_id", metadata={"description": "The value for `after` and for paths."})
    reason = fields.Enum(
        WhyUnmatched,
        by_value=True,
        metadata={"description": "Money of `fractional_amount` is in `fractional`; all other in `payment`."},
    )
    payment = fields.Nested(PaymentSchema, allow_none=True)
    fractional = fields.Nested(FractionalSchema, allow_none=True)
    payer_name = _payer_name()
    suggestions = fields.List(
        fields.Nested(SuggestionSchema),
        metadata={
            "description": f"The order of the typed id, then the likeliest first, at most {MOST_SUGGESTED}."
        },
    )
