"""What became of a callback."""

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mpesa_service.domain.callbacks import InboxVerdict

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Handled:
    """The verdict, why, and whom it concerned."""

    verdict: InboxVerdict
    reason: str
    payment_id: str | None = None
    refund_id: str | None = None
    payout_id: str | None = None
    inquiry_id: str | None = None

    @property
    def ids(self) -> dict[str, str | None]:
        """Whom it concerned, by the names that the inbox and the log have for them."""
        return {
            "payment_id": self.payment_id,
            "refund_id": self.refund_id,
            "payout_id": self.payout_id,
            "inquiry_id": self.inquiry_id,
        }


def outcome_columns(handled: Handled, at: datetime) -> dict[str, Any]:
    """Return the inbox's columns of a callback that was applied at the first attempt."""
    outcome = {"verdict": handled.verdict, "reason": handled.reason[:512], "attempts": 1}
    return {**outcome, **handled.ids, "processed_at": at}


def log_callback(kind: str, handled: Handled) -> None:
    """Say what became of a callback; once it is committed."""
    line = {
        "kind": kind,
        "verdict": str(handled.verdict),
        **{name: value for name, value in handled.ids.items() if value is not None},
        "reason": handled.reason,
    }
    log.info("callback", extra=line)
