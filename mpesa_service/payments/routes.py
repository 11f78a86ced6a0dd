"""Routes that start, show, list and export payments, and show the audit trail of one."""

from typing import Any

from flask import Response, request

from mpesa_service.config import Settings
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.domain.counting import counted
from mpesa_service.errors import InvalidAmount
from mpesa_service.payments.conclude import Initiated
from mpesa_service.payments.export_files import export_file
from mpesa_service.payments.initiate import Order, initiate
from mpesa_service.payments.json_rows import as_initiated, as_json, as_whole_json
from mpesa_service.payments.listing import Filters, all_payments, list_payments
from mpesa_service.payments.lookup import order_payments, payment_trail, query_payment
from mpesa_service.payments.schemas import (
    ExportQuerySchema,
    InitiatedSchema,
    InitiateSchema,
    OrderSchema,
    PaymentListQuerySchema,
    PaymentPageEnvelope,
    PaymentSchema,
    TrailEventSchema,
)
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.exports import FILE, export_response
from mpesa_service.web.file_formats import FORMATS, accepted_format
from mpesa_service.web.parsing import idempotency_key
from mpesa_service.web.query_fields import cursor
from mpesa_service.web.responses import failure, respond, success

SENT = "STK Push sent successfully. Please check your phone to complete payment."
UNKNOWN = "M-Pesa has not answered. The payment's outcome is unknown; request it by its _id."
_INITIATE = InitiateSchema()
"""Created once, because each new schema copies all of its fields."""
_KEY_HEADER = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "maxLength": 255},
    "description": "Your unique key. For 72 hours, the same request under this key is carried out once.",
}


@blueprint.post("/initiate")
@guard(Guard.USER)
@blueprint.doc(parameters=[_KEY_HEADER])
@blueprint.arguments(_INITIATE)
@blueprint.success(201, InitiatedSchema, description="M-Pesa accepted the request and sends the prompt.")
@blueprint.success(202, InitiatedSchema, description=UNKNOWN)
@errors(400, 409, 413, 415, 422, 502)
def initiate_payment(body: dict[str, Any]) -> Response:
    """Start a payment: the customer's phone shows a prompt for the PIN."""
    principal = current_principal()
    check_amount(runtime().settings, body["amount"])
    key = idempotency_key(request)
    keyed = KeyedRequest.of(principal.subject, "initiate", key, body) if key else None
    order = Order(body["order_id"], body["amount"], body["phone_number"], body["metadata"])
    with runtime().bulkhead.place():
        return respond(initiate(runtime(), principal, order, _initiated, keyed))


@blueprint.get("/query/<reference>")
@guard(Guard.USER)
@blueprint.success(200, PaymentSchema)
@errors(404)
def query(reference: str) -> Response:
    """Return the payment by CheckoutRequestID or `_id`. Daraja is queried while the payment is open."""
    record = query_payment(runtime(), current_principal(), reference)
    return respond(success(200, "Payment found", as_whole_json(record)))


@blueprint.get("/order/<path:order_id>")
@guard(Guard.USER)
@blueprint.success(200, OrderSchema)
@errors(404)
def order(order_id: str) -> Response:
    """Return the latest payment of an order, and its attempts."""
    found = order_payments(runtime(), current_principal(), order_id)
    attempts = [as_whole_json(attempt) for attempt in found.attempts]
    latest = as_whole_json(found.latest)
    return respond(success(200, "Payment found", {**latest, "attempts": attempts}))


def check_amount(settings: Settings, amount: int) -> None:
    """Raise InvalidAmount outside the configured range."""
    least, most = settings.mpesa_min_amount, settings.mpesa_max_amount
    if not least <= amount <= most:
        raise InvalidAmount(
            f"Amount must be a whole number of shillings from {least} to {most}.",
            details={"minimum": least, "maximum": most},
        )


def _initiated(outcome: Initiated) -> Answer:
    if outcome.refusal is not None:
        return failure(outcome.refusal)
    data = as_initiated(outcome.payment, outcome.response_code)
    if outcome.payment.status == "unknown":
        return success(202, UNKNOWN, data)
    return success(201, SENT, data)


@blueprint.get("/payments")
@guard(Guard.USER)
@blueprint.arguments(PaymentListQuerySchema, location="query")
@blueprint.response(200, PaymentPageEnvelope)
@errors(400)
def payments(query: dict[str, Any]) -> Response:
    """List the caller's payments, newest first. Admins get the payments of all callers."""
    limit, after = query.pop("limit"), query.pop("after")
    page = list_payments(runtime(), current_principal(), Filters(**query), limit, after)
    data = [as_json(payment) for payment in page.payments]
    return respond(success(200, counted(len(data), "payment"), data, next=cursor(page.next)))


@blueprint.get("/payments/<reference>/events")
@guard(Guard.USER)
@blueprint.success(200, TrailEventSchema, many=True)
@errors(404)
def payment_events(reference: str) -> Response:
    """List the audit trail of a payment and its refunds, oldest line first."""
    found = payment_trail(runtime(), current_principal(), reference)
    return respond(success(200, counted(len(found), "event"), TrailEventSchema(many=True).dump(found)))


@blueprint.get("/payments/export")
@guard(Guard.USER)
@blueprint.arguments(ExportQuerySchema, location="query")
@blueprint.doc(responses={"200": FILE})
@errors(400)
def export_payments(query: dict[str, Any]) -> Response:
    """Export the caller's payments, newest first. Admins get the payments of all callers."""
    form = accepted_format(request.accept_mimetypes, FORMATS, query.pop("format"), bom=query.pop("bom"))
    batches = all_payments(runtime(), current_principal(), Filters(**query))
    return export_response("payments", form, batches, export_file)
