"""Marks the lines of a statement that were applied with their outcome."""

from collections.abc import Sequence

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import LineKind
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.matching import Found
from mpesa_service.statements.window import marks, query, spelled

REVIEWED = "reviewed"
Money = tuple[str, int]
"""A receipt and its signed amount in cents."""
_MARK = "UPDATE statement_lines SET outcome = ? WHERE statement_id = ? AND row_number = ?"
# Several files may have the same reversal, in other words or with another time.
_MARK_REVERSAL = "UPDATE statement_lines SET outcome = ? WHERE receipt = ? AND amount_cents = ? AND kind = ?"
# The same of other money that a person decides about. Fees have the receipt of the money that they are for.
_OTHERS = "'reversal', 'charge', 'sweep', 'withdrawal', 'not_completed'"
_MARK_MONEY = f"""
    UPDATE statement_lines SET outcome = ?
    WHERE receipt = ? AND amount_cents = ? AND outcome IS NULL AND kind NOT IN ({_OTHERS})
"""
_REVIEWED = f"""
    SELECT receipt, amount_cents FROM statement_lines
    WHERE receipt IN ({{marks}}) AND outcome = '{REVIEWED}' AND kind NOT IN ({_OTHERS})
"""


def mark_lines(runtime: Runtime, lines: Sequence[Found], outcome: str) -> None:
    """Store the outcome of lines, in one transaction. What is `reviewed` is so in all files that have it."""
    if not lines:
        return
    with runtime.database.writing() as connection:
        connection.execute([_mark(line, outcome, postgres=connection.is_postgres) for line in lines])


def reviewed_before(runtime: Runtime, lines: Sequence[Found]) -> set[Money]:
    """Return the money of lines that went to review because of another line, perhaps of another file.

    Reversals are left out: their lines are united when a file is read.
    """
    receipts = sorted({line.receipt for line in lines if line.kind != LineKind.REVERSAL})
    if not receipts:
        return set()
    rows = query(runtime, _REVIEWED.format(marks=marks(receipts)), receipts)
    return {(receipt, int(cents)) for receipt, cents in rows}


def _mark(line: Found, outcome: str, *, postgres: bool) -> SqlStatement:
    sql, key = _MARK, tuple[object, ...]((line.statement_id, line.row))
    if line.kind == LineKind.REVERSAL:
        sql, key = _MARK_REVERSAL, (line.receipt, line.cents, line.kind)
    elif outcome == REVIEWED:
        sql, key = _MARK_MONEY, (line.receipt, line.cents)
    return SqlStatement(spelled(sql, postgres=postgres), (outcome, *key), required=False)
