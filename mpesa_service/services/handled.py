"""What became of a callback."""

from dataclasses import dataclass

from mpesa_service.domain.callbacks import InboxVerdict


@dataclass(frozen=True)
class Handled:
    """The verdict, why, and whom it concerned."""

    verdict: InboxVerdict
    reason: str
    payment_id: str | None = None
    refund_id: str | None = None
