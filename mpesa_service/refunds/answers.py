"""Responses to refund requests."""

from mpesa_service.core.idempotency import Answer
from mpesa_service.payments.schemas import PaymentSchema, RefundSchema
from mpesa_service.refunds.request import RefundStarted
from mpesa_service.web.responses import failure, success

STARTED = "Refund initiated successfully"
UNKNOWN = "M-Pesa has not answered. The refund's outcome is unknown; its amount stays reserved."


def refund_answer(outcome: RefundStarted) -> Answer:
    """Return the response to a refund request."""
    if outcome.refusal is not None:
        return failure(outcome.refusal)
    data = {
        **RefundSchema().dump(outcome.refund),
        "payment": PaymentSchema().dump(outcome.payment),
    }
    if outcome.refund.status == "unknown":
        return success(202, UNKNOWN, data)
    return success(200, STARTED, data)
