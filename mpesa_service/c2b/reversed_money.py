"""Money that a known statement shows as reversed in the portal, whichever line was read first."""

from dataclasses import dataclass

from mpesa_service.domain.money import shillings
from mpesa_service.domain.plans import Update
from mpesa_service.models.driver import Driver

# The money is not booked yet, so this service has sent no reversal of it.
_LINE = """
    SELECT l.statement_id, l.row_number, l.receipt, l.amount_cents FROM statement_lines l
    WHERE l.linked_receipt = ? AND l.kind = 'reversal' AND l.amount_cents < 0
    ORDER BY l.statement_id, l.row_number LIMIT 1
"""


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
        """The change that marks the line as handled."""
        where = {"statement_id": self.statement_id, "row_number": self.row}
        return Update("statement_lines", where, {"outcome": "reviewed"}, required=False)


def reversed_reason(receipt: str, cents: int) -> str:
    """Return why money that was reversed needs a person. `cents` is negative, as on the line."""
    line = f"{shillings(-cents)}, receipt {receipt}"
    return f"M-Pesa's statement shows that this money was reversed in the portal ({line})"


def portal_reversal(connection: Driver, receipt: str) -> PortalReversal | None:
    """Return the line that reverses the money of a receipt, or None."""
    sql = _LINE.replace("?", "%s") if connection.is_postgres else _LINE
    rows = connection.rows(sql, (receipt,), ())
    return PortalReversal(*rows[0]) if rows else None
