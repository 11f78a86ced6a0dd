"""Reversals for tests."""

from typing import Any

from mpesa_service.verification.payments import verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.support import Service


def reverse(service: Service, reference: str, **body: Any) -> Any:
    request = {"method": "reversal", **body}
    return service.call("POST", f"/{reference}/refund", request, by="boss", admin=True)


def complete(service: Service, which: int = -1, **body: Any) -> None:
    """Let the simulator carry out a reversal (or refuse it), the last one that was requested."""
    conversation = service.ledger()["reversals"][which]["conversationId"]
    service.simulator.post(f"/simulator/commands/{conversation}/complete", body)


def verify_all(service: Service) -> None:
    assert list(verify(service.runtime)) == []
    assert list(verify_ledger(service.runtime, service.ledger(), settled=True)) == []
