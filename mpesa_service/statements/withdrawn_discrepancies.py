"""Closes the discrepancies of a withdrawn statement that no other applied statement shows, with the reason.

A statement that is applied later, or again, and that shows the line opens its discrepancy again.
"""

import logging

from sqlalchemy import select

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.discrepancies import STATEMENT_WITHDRAWN, DiscrepancyKind
from mpesa_service.domain.principal import Principal
from mpesa_service.models import Discrepancy
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import query

audit = logging.getLogger("mpesa_service.audit")
WHY_KEPT = 500
"""Characters of the reason."""
_KINDS = ", ".join(
    f"'{kind}'" for kind in (DiscrepancyKind.REVERSAL, DiscrepancyKind.PAYOUT, DiscrepancyKind.INCOME)
)
_SHOWN = """
    (EXISTS (SELECT 1 FROM statements s JOIN statement_lines l ON l.statement_id = s.id
        WHERE {statement} AND l.receipt = d.receipt AND l.amount_cents = d.amount_cents)
    OR EXISTS (SELECT 1 FROM statements s JOIN statement_shared_lines h ON h.statement_id = s.id
        JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
        WHERE {statement} AND h.receipt = d.receipt AND l.amount_cents = d.amount_cents))
"""
_COUNTS = "s.withdrawn_at IS NULL AND s.status NOT IN ('reading', 'read')"
_ONLY_HERE = f"""
    SELECT d.id FROM discrepancies d WHERE d.closed_at IS NULL AND d.kind IN ({_KINDS})
    AND {_SHOWN.format(statement="s.id = ?")} AND NOT {_SHOWN.format(statement=_COUNTS)} ORDER BY d.id
"""


def close_withdrawn(runtime: Runtime, principal: Principal, record: StatementRecord) -> int:
    """Close the open discrepancies that only this withdrawn statement shows; return how many."""
    why = f"{STATEMENT_WITHDRAWN} {record.id}: {record.withdrawal_reason}"[:WHY_KEPT]
    closed = 0
    for (discrepancy_id,) in query(runtime, _ONLY_HERE, (record.id, record.id)):
        with runtime.database.begin() as session:
            one = select(Discrepancy).where(Discrepancy.id == discrepancy_id).with_for_update()
            found = session.scalars(one).one()
            if found.closed_at is not None:
                continue
            found.closed_at, found.closed_by, found.closed_why = runtime.clock(), principal.subject, why
        extra = {"discrepancy_id": discrepancy_id, "actor": principal.subject, "reason": why}
        audit.info("discrepancy closed", extra=extra)
        closed += 1
    return closed
