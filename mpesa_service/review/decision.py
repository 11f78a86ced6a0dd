"""An operator's decision on what is in review."""

from dataclasses import dataclass
from enum import StrEnum

from mpesa_service.domain.references import normal_receipt


class Resolution(StrEnum):
    """The result of the operator's check: the money arrived, or it did not."""

    SETTLE = "settle"
    FAIL = "fail"


@dataclass(frozen=True)
class OperatorDecision:
    """An operator's decision, the reason, and the receipt that proves it, if there is one.

    `amount` is the amount that the customer paid according to M-Pesa's statement, if it differs from the
    requested amount.
    """

    action: Resolution
    reason: str
    receipt: str | None = None
    amount: int | None = None

    def __post_init__(self) -> None:
        if self.receipt is not None:
            object.__setattr__(self, "receipt", normal_receipt(self.receipt))
