"""Commands whose result is missing."""

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from tests.support import Service


def request_count(service: Service, operation: str) -> int:
    return int(service.ledger()["requests"].get(operation, 0))


def due_after(service: Service, seconds: float) -> int:
    service.clock.advance(seconds)
    done = check_due(service.runtime, KINDS)
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})
    return done


def lost_answer(service: Service, amount: int = 100) -> str:
    """Return a payment whose refund was taken, but whose answer did not come."""
    checkout = service.paid(amount=amount)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    assert service.refund(checkout, amount).status_code == 202
    return checkout
