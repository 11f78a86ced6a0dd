"""Lists of payments: the filters of the request, and the fields of the response."""

from marshmallow import Schema, fields, validate

from mpesa_service.domain.states import PaymentStatus
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.web.envelopes import Envelope
from mpesa_service.web.fields import OrderId, PhoneNumber
from mpesa_service.web.query_fields import Cursor, QueryTime, WholeNumber, Words

STATUSES = sorted({status.public for status in PaymentStatus})
PROVIDERS = ("mpesa", "stripe")
FORMATS = ("csv", "jsonl")
_MOMENT = {"type": "string", "example": "2026-11-22"}


class PaymentFilterSchema(Schema):
    """Filters for payments. A payment must match all of them."""

    statuses = Words(
        STATUSES,
        data_key="status",
        load_default=frozenset(),
        metadata={"description": "Several values: repeat the parameter, or separate them by commas."},
    )
    provider = fields.String(load_default=None, validate=validate.OneOf(PROVIDERS))
    order_id = OrderId(data_key="orderId", load_default=None, metadata={"type": "string"})
    since = QueryTime(
        data_key="from",
        load_default=None,
        metadata={
            **_MOMENT,
            "description": "Created at this time or later. Without a time zone: Nairobi time.",
        },
    )
    until = QueryTime(
        data_key="to", load_default=None, metadata={**_MOMENT, "description": "Created before this time."}
    )
    receipt = fields.String(load_default=None, validate=validate.Regexp(r"[A-Za-z0-9_-]{1,128}\Z"))
    phone = PhoneNumber(
        data_key="phoneNumber",
        load_default=None,
        metadata={"type": "string", "description": "The whole number, in any usual spelling."},
    )
    min_amount = WholeNumber(data_key="minAmount", load_default=None)
    max_amount = WholeNumber(data_key="maxAmount", load_default=None)


class PaymentListQuerySchema(PaymentFilterSchema):
    """Filters for payments, and the page to return."""

    limit = WholeNumber(load_default=50, validate=validate.Range(1, 100))
    after = Cursor(
        load_default=None,
        metadata={"type": "string", "description": "The value of `next` from the previous page."},
    )


class ExportQuerySchema(PaymentFilterSchema):
    """Filters for payments, and the format of the file."""

    format = fields.String(load_default="csv", validate=validate.OneOf(FORMATS))


class ListedPaymentSchema(PaymentSchema):
    """A payment without its refunds. To see the refunds, request the payment by its `_id`."""

    class Meta:
        exclude = ("refunds",)


class PaymentPageEnvelope(Envelope):
    """A page of payments, newest first."""

    data = fields.List(fields.Nested(ListedPaymentSchema))
    next = fields.String(
        allow_none=True, metadata={"description": "`after` of the next page; null on the last one."}
    )
