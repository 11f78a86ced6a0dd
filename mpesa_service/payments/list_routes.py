"""Lists payments, exports them as a file, and shows the audit trail of one."""

from typing import Any

from flask import Response

from mpesa_service.payments.audit import payment_trail
from mpesa_service.payments.json_rows import as_json
from mpesa_service.payments.list_schemas import PaymentListQuerySchema, PaymentPageEnvelope
from mpesa_service.payments.listing import Filters, list_payments
from mpesa_service.payments.schemas import TrailEventSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.query_fields import cursor
from mpesa_service.web.responses import respond, success


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
    return respond(success(200, f"{len(data)} payments", data, next=cursor(page.next)))


@blueprint.get("/payments/<reference>/events")
@guard(Guard.USER)
@blueprint.success(200, TrailEventSchema, many=True)
@errors(404)
def payment_events(reference: str) -> Response:
    """List the audit trail of a payment and its refunds, oldest line first."""
    found = payment_trail(runtime(), current_principal(), reference)
    return respond(success(200, f"{len(found)} events", TrailEventSchema(many=True).dump(found)))
