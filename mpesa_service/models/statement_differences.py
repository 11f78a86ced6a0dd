"""The lines that one of two statements has and the other one lacks, within a time that both prove."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.domain.statement_files import (
    COUNTED,
    Difference,
    Interval,
    ProvenFile,
    both_prove,
    proven_file,
)
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.models.driver import Driver
from mpesa_service.models.portal import Statement

_HAS = """
    ({alias}.statement_id = ? OR EXISTS (
        SELECT 1 FROM statement_shared_lines h
        WHERE h.statement_id = ? AND h.receipt = {alias}.receipt AND h.line_hash = {alias}.line_hash))
"""
_LINES = """
    SELECT l.receipt, l.amount_cents, l.kind, l.account, l.completed_at FROM statement_lines l
    WHERE l.statement_id = ?
    UNION ALL
    SELECT l.receipt, l.amount_cents, l.kind, l.account, l.completed_at FROM statement_shared_lines h
    JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
    WHERE h.statement_id = ? AND l.statement_id <> ?
"""
# Shape B also prints lines of other accounts: the other side of a sweep, and withdrawals.
_LACKING = f"""
    SELECT l.receipt, l.amount_cents,
        (SELECT MIN(x.amount_cents) FROM statement_lines x
         WHERE x.receipt = l.receipt AND x.kind = l.kind AND {_HAS.format(alias="x")})
    FROM ({_LINES}) l
    WHERE l.completed_at BETWEEN ? AND ? AND l.kind NOT IN ('not_completed', 'sweep', 'withdrawal')
    AND l.account IN ({{accounts}})
    AND NOT EXISTS (SELECT 1 FROM statement_lines x WHERE x.receipt = l.receipt
        AND x.amount_cents = l.amount_cents AND x.kind <> 'not_completed' AND {_HAS.format(alias="x")})
    ORDER BY l.completed_at, l.receipt LIMIT {COUNTED}
"""


_COLUMNS = (
    *(Statement.id, Statement.name, Statement.shape, Statement.shortcode, Statement.status),
    *(Statement.period_from, Statement.period_to, Statement.accounts, Statement.balanced),
    *(Statement.created_at, Statement.withdrawn_at),
)


def proven_files(session: Session) -> list[ProvenFile]:
    """Return all statements that prove a time, applied or not, oldest first."""
    read = (Statement.status != StatementStatus.READING, Statement.balanced.is_(True))
    rows = session.execute(select(*_COLUMNS).where(*read).order_by(Statement.id))
    return [file for row in rows if (file := proven_file(row)) is not None]


def mismatches(
    driver: Driver, files: Sequence[ProvenFile]
) -> Iterator[tuple[ProvenFile, ProvenFile, list[Difference]]]:
    """Yield the pairs of files that contradict each other and of which one at least is applied."""
    for one, other in combinations(files, 2):
        time = both_prove(one, other) if one.applied or other.applied else None
        if time is not None and (found := differences(driver, one, other, time)):
            yield one, other, found


def differences(driver: Driver, one: ProvenFile, other: ProvenFile, time: Interval) -> list[Difference]:
    """Return the receipts that two statements of one account do not both have with the same amount."""
    found = [Difference(*row) for row in _lacking(driver, one, other, time)]
    seen = {difference.receipt for difference in found}
    for receipt, cents, own_cents in _lacking(driver, other, one, time):
        if receipt not in seen:
            found.append(Difference(receipt, own_cents, cents))
    return found


def _lacking(
    driver: Driver, one: ProvenFile, other: ProvenFile, time: Interval
) -> list[tuple[str, int, int | None]]:
    common = one.accounts.keys() & other.accounts.keys()
    names = sorted({file.accounts[name].name for file in (one, other) for name in common})
    sql = _LACKING.format(accounts=", ".join("?" * len(names)))
    values = (other.id, other.id, one.id, one.id, one.id, *time, *names, other.id, other.id)
    rows = driver.rows(sql.replace("?", "%s") if driver.is_postgres else sql, values)
    return [(receipt, int(cents), own) for receipt, cents, own in rows]
