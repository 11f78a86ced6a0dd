"""Reversals of a statement that no receipt of ours explains: the refund that each one may be.

M-Pesa's details do not name the receipt that was reversed. The linked receipt does, where it is filled. Where
it is not, amount and time are only a suggestion for a person.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import LineKind
from mpesa_service.statements.matching import Found
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import marks, query

NEAR = timedelta(hours=1)
"""A reversal's result arrives within minutes. Its line is dated before the result."""
_BY_LINK = """
    SELECT p.receipt, r.id FROM refunds r JOIN payments p ON p.id = r.payment_id
    WHERE r.method = 'reversal' AND r.status <> 'failed' AND p.provider = 'mpesa' AND p.receipt IN ({marks})
"""
_BY_TIME = """
    SELECT r.id FROM refunds r
    WHERE r.method = 'reversal' AND r.status <> 'failed' AND r.amount = ? AND r.created_at <= ?
    AND r.created_at >= ?
    AND NOT EXISTS (SELECT 1 FROM statement_lines l WHERE l.receipt = r.receipt) ORDER BY r.id
"""


def suggested_for(
    runtime: Runtime, _record: StatementRecord, lines: Sequence[Found]
) -> Mapping[tuple[str, int], str]:
    """Return the refund that each reversal may be, by the line's statement and row."""
    reversals = [one for one in lines if one.kind == LineKind.REVERSAL and one.cents < 0]
    linked = [one.linked for one in reversals if one.linked]
    by_link: dict[str, str] = {}
    if linked:
        by_link = dict(query(runtime, _BY_LINK.format(marks=marks(linked)), linked))
    found = {}
    for one in reversals:
        refund = by_link.get(one.linked or "") or _near(runtime, one)
        if refund is not None:
            found[one.statement_id, one.row] = refund
    return found


def _near(runtime: Runtime, one: Found) -> str | None:
    """Return the only reversal of the same amount that was sent shortly before; None for none or several."""
    if one.cents % 100:
        return None
    values = (-one.cents // 100, one.at + NEAR, one.at - NEAR)
    rows = query(runtime, _BY_TIME, values, limit=2)
    return rows[0][0] if len(rows) == 1 else None
