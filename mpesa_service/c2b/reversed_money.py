"""Money that a known statement shows as reversed in the portal, whichever line was read first."""

from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.models.driver import Driver

# The money is not booked yet, so this service has sent no reversal of it.
_LINE = """
    SELECT l.statement_id, l.row_number, l.receipt, l.amount_cents FROM statement_lines l
    WHERE l.linked_receipt = ? AND l.kind = 'reversal' AND l.amount_cents < 0
    ORDER BY l.statement_id, l.row_number LIMIT 1
"""


def portal_reversal(connection: Driver, receipt: str) -> PortalReversal | None:
    """Return the line that reverses the money of a receipt, or None."""
    sql = _LINE.replace("?", "%s") if connection.is_postgres else _LINE
    rows = connection.rows(sql, (receipt,), ())
    return PortalReversal(*rows[0]) if rows else None
