"""Lists of payments: which ones are asked for, and what is shown of each."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.states import PaymentStatus
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.fields import OrderId, PhoneNumber
from mpesa_service.web.query_fields import Cursor, Moment, WholeNumber, Words

STATUSES = sorted({status.public for status in PaymentStatus})
PROVIDERS = ("mpesa", "stripe")
FORMATS = ("csv", "jsonl")
_MOMENT = {"type": "string", "example": "2026-11-22"}


class PaymentFilterSchema(Schema):
    """Which payments. All conditions hold together."""

    statuses = Words(
        STATUSES,
        data_key="status",
        load_default=frozenset(),
        metadata={"description": "Repeatable, or with commas."},
    )
    provider = fields.String(load_default=None, validate=validate.OneOf(PROVIDERS))
    order_id = OrderId(data_key="orderId", load_default=None, metadata={"type": "string"})
    since = Moment(
        data_key="from",
        load_default=None,
        metadata={**_MOMENT, "description": "Made then or later. Nairobi time where no zone is named."},
    )
    until = Moment(
        data_key="to", load_default=None, metadata={**_MOMENT, "description": "Made before, not at, this."}
    )
    receipt = fields.String(load_default=None, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,128}\Z"))
    phone = PhoneNumber(
        data_key="phoneNumber",
        load_default=None,
        metadata={"type": "string", "description": "Whole, in any usual spelling."},
    )
    min_amount = WholeNumber(data_key="minAmount", load_default=None)
    max_amount = WholeNumber(data_key="maxAmount", load_default=None)


class PaymentListQuerySchema(PaymentFilterSchema):
    """Which payments, and which page of them."""

    limit = WholeNumber(load_default=50, validate=validate.Range(1, 100))
    after = Cursor(
        load_default=None, metadata={"type": "string", "description": "What `next` said on the page before."}
    )


class ExportQuerySchema(PaymentFilterSchema):
    """Which payments, and in which form."""

    format = fields.String(load_default="csv", validate=validate.OneOf(FORMATS))


class ListedPaymentSchema(PaymentSchema):
    """A payment without its refunds: ask for it by its `_id` to see them."""

    class Meta:
        exclude = ("refunds",)


class PaymentListEnvelope(Schema):
    """A page of payments, newest first."""

    success = fields.Boolean()
    message = fields.String()
    data = fields.List(fields.Nested(ListedPaymentSchema))
    next = fields.String(
        allow_none=True, metadata={"description": "`after` of the next page; null on the last one."}
    )
