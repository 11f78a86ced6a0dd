"""Routes that refund a payment and list its refunds."""

from typing import Any

from flask import Response, request

from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.outflow.schemas import WaitingSchema, waiting_answer
from mpesa_service.payments.schemas import PaymentSchema, RefundSchema
from mpesa_service.refunds.request import RefundStarted, list_refunds, refund
from mpesa_service.refunds.schemas import RefundedSchema, RefundRequestSchema
from mpesa_service.refunds.stated_phone import RefundRequest
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, limited_refunds, runtime
from mpesa_service.web.parsing import idempotency_key
from mpesa_service.web.responses import failure, respond, success

STARTED = "Refund initiated successfully"
UNKNOWN = "M-Pesa has not answered. The refund's outcome is unknown; its amount stays reserved."
UNKNOWN_OR_WAITING = f"{UNKNOWN} Or, with `approval`: nothing was done; a second person must approve it."


@blueprint.post("/<reference>/refund")
@guard(Guard.ADMIN, limited_refunds)
@blueprint.arguments(RefundRequestSchema, required=False)
@blueprint.success(200, RefundedSchema, description="M-Pesa accepted the refund.")
@blueprint.success(202, RefundedSchema, WaitingSchema, description=UNKNOWN_OR_WAITING)
@errors(400, 404, 409, 413, 415, 422, 502)
def refund_payment(body: dict[str, Any], reference: str) -> Response:
    """Refund a payment, or a part of it, to the phone that paid or that an admin states; or reverse it.

    Above a limit it waits for a second admin's approval.
    """
    principal = current_principal()
    key = idempotency_key(request)
    keyed_body = {"reference": reference, **body}
    keyed = KeyedRequest.of(principal.subject, "refund", key, keyed_body) if key else None
    refund_request = RefundRequest(
        body.get("amount"),
        body.get("method"),
        body.get("reason"),
        body.get("phone_number"),
        confirm_different_payer=body.get("confirm_different_payer", False),
    )
    with runtime().bulkhead.place():
        return respond(refund(runtime(), principal, reference, refund_request, refund_answer, keyed))


@blueprint.get("/<reference>/refund")
@guard(Guard.USER)
@blueprint.success(200, RefundSchema, many=True)
@errors(404)
def refunds(reference: str) -> Response:
    """List the refunds of a payment, oldest first."""
    found = list_refunds(runtime(), current_principal(), reference)
    return respond(success(200, "Refunds found", RefundSchema(many=True).dump(found)))


def refund_answer(outcome: RefundStarted | ApprovalRecord) -> Answer:
    """Return the response to a refund request."""
    if isinstance(outcome, ApprovalRecord):
        return waiting_answer(outcome)
    if outcome.refusal is not None:
        return failure(outcome.refusal)
    data = {
        **RefundSchema().dump(outcome.refund),
        "payerAgrees": outcome.payer_agrees,
        "payment": PaymentSchema().dump(outcome.payment),
    }
    if outcome.refund.status == "unknown":
        return success(202, UNKNOWN, data)
    return success(200, STARTED, data)
