"""Marks the lines of a statement that were applied with their outcome."""

from collections.abc import Sequence

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import LineKind
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.matching import Found
from mpesa_service.statements.window import spelled

_MARK = "UPDATE statement_lines SET outcome = ? WHERE statement_id = ? AND row_number = ?"
# Several files may have the same reversal, in other words or with another time.
_MARK_REVERSAL = "UPDATE statement_lines SET outcome = ? WHERE receipt = ? AND amount_cents = ? AND kind = ?"


def mark_lines(runtime: Runtime, lines: Sequence[Found], outcome: str) -> None:
    """Store the outcome of lines, in one transaction."""
    if not lines:
        return
    with runtime.database.writing() as connection:
        connection.execute([_mark(line, outcome, postgres=connection.is_postgres) for line in lines])


def _mark(line: Found, outcome: str, *, postgres: bool) -> SqlStatement:
    sql, key = _MARK, tuple[object, ...]((line.statement_id, line.row))
    if line.kind == LineKind.REVERSAL:
        sql, key = _MARK_REVERSAL, (line.receipt, line.cents, line.kind)
    return SqlStatement(spelled(sql, postgres=postgres), (outcome, *key), required=False)
