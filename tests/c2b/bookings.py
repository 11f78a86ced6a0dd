"""Payments by prompt and by C2B."""

from mpesa_service.models import Payment
from tests.support import Service

OTHER = "254722000001"


def verdicts(service: Service) -> list[str]:
    return [row.verdict for row in service.inbox()]


def only(service: Service) -> Payment:
    [payment] = service.payments()
    return payment


def prompted_first(service: Service) -> list[Payment]:
    """Return the prompted payments and then the others; ids of one moment stand in no order."""
    return sorted(service.payments(), key=lambda payment: (payment.channel != "stk", payment.created_at))


def statuses(service: Service) -> list[str]:
    return [payment.status for payment in prompted_first(service)]


def pay_with_lost_callback(service: Service) -> str:
    """Pay a prompt whose callback is lost; return its CheckoutRequestID."""
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    return checkout
