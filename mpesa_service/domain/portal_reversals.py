"""Reversals that were made outside this service, such as in the organization portal."""

from dataclasses import dataclass

from mpesa_service.domain.money import shillings
from mpesa_service.domain.plans import Update
from mpesa_service.domain.statements import LineKind


@dataclass(frozen=True)
class PortalReversal:
    """A completed line of a statement that reverses money, and that is no reversal of this service."""

    statement_id: str
    row: int
    receipt: str
    cents: int

    @property
    def reason(self) -> str:
        """Why a person must decide about the money."""
        return reversed_reason(self.receipt, self.cents)

    @property
    def marked(self) -> Update:
        """The change that marks all lines of this reversal as handled: several files may have one."""
        where = {"receipt": self.receipt, "kind": LineKind.REVERSAL, "amount_cents": self.cents}
        return Update("statement_lines", where, {"outcome": "reviewed"}, required=False)


def reversed_reason(receipt: str, cents: int) -> str:
    """Return why money that was reversed needs a person. `cents` is negative, as on the line."""
    line = f"{shillings(-cents)}, receipt {receipt}"
    return f"M-Pesa's statement shows that this money was reversed in the portal ({line})"
