"""Marks the lines of a statement that were applied with their outcome."""

from collections.abc import Sequence

from mpesa_service.core.runtime import Runtime
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.matching import Found
from mpesa_service.statements.window import spelled

_MARK = "UPDATE statement_lines SET outcome = ? WHERE statement_id = ? AND row_number = ?"


def mark_lines(runtime: Runtime, lines: Sequence[Found], outcome: str) -> None:
    """Store the outcome of lines, in one transaction."""
    if not lines:
        return
    with runtime.database.writing() as connection:
        sql = spelled(_MARK, postgres=connection.is_postgres)
        values = [(outcome, line.statement_id, line.row) for line in lines]
        connection.execute([SqlStatement(sql, one, required=False) for one in values])
