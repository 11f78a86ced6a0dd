"""Refunds by payout, and their results."""

from tests.support import Service


def complete(service: Service, number: int = -1, **body: object) -> None:
    """Let the simulator pay (or refuse) the refund that was requested last."""
    refund = service.refunds()[number]
    service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/complete", body)
