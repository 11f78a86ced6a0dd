"""The lines of a statement's file, whichever statement stores them.

A line is stored once. So a line that another file had before belongs to the other statement, and the table of
shared lines says that this file has it too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statements import STATES_START
from mpesa_service.models.driver import ResultRows
from mpesa_service.statements.records import StatementRecord


@dataclass(frozen=True)
class Window:
    """The condition for the lines of a statement, over the alias `l`, and its values.

    `statements` are the ids of the statements that may store its lines, its own first. `starts`
    are those of them that state when a transaction began, not when it was completed.

    `row` is the expression of a line's number in the statement's own file, and `row_values` are its values.
    """

    condition: str
    values: tuple[Any, ...]
    statements: tuple[str, ...]
    starts: frozenset[str] = frozenset()
    row: str = "l.row_number"
    row_values: tuple[Any, ...] = ()


_SHARED = """
    EXISTS (SELECT 1 FROM statement_shared_lines h
            WHERE h.statement_id = ? AND h.receipt = l.receipt AND h.line_hash = l.line_hash)
"""
_ROW = """
    CASE WHEN l.statement_id = ? THEN l.row_number ELSE (
        SELECT h.row_number FROM statement_shared_lines h
        WHERE h.statement_id = ? AND h.receipt = l.receipt AND h.line_hash = l.line_hash) END
"""


def window_of(runtime: Runtime, record: StatementRecord) -> Window:
    """Return the window of a statement. A statement without lines has an empty one."""
    if record.first_at is None or record.last_at is None:
        return Window("1 = 0", (), ())
    if record.new_count == record.line_count:  # none of its lines is stored with another file
        starts = frozenset({record.id} if record.shape == STATES_START else ())
        return Window("l.statement_id = ?", (record.id,), (record.id,), starts)
    # The statements whose lines are in the same time: few rows, so that the lines are found by their key.
    sql = (
        "SELECT id, shape FROM statements"
        " WHERE shortcode = ? AND (id = ? OR (first_at <= ? AND last_at >= ?)) ORDER BY id"
    )
    found = query(runtime, sql, (record.shortcode, record.id, record.last_at, record.first_at))
    ids = sorted((row[0] for row in found), key=lambda one: one != record.id)
    condition = f"l.statement_id IN ({marks(ids)}) AND (l.statement_id = ? OR {_SHARED})"
    starts = frozenset(one for one, shape in found if shape == STATES_START)
    own = (record.id, record.id)
    return Window(condition, (*ids, *own), tuple(ids), starts, _ROW, own)


def marks(values: Sequence[Any]) -> str:
    """Return placeholders for values, with commas."""
    return ", ".join("?" * len(values))


def query(
    runtime: Runtime, sql: str, values: Sequence[Any], times: Sequence[int] = (), limit: int | None = None
) -> ResultRows:
    """Return the rows of a query, which has `?` for each value. `times` are the places of times in a row."""
    if limit is not None:
        sql = f"{sql} LIMIT {limit}"
    with runtime.database.reading() as connection:
        return connection.rows(spelled(sql, postgres=connection.is_postgres), tuple(values), times)


def spelled(sql: str, *, postgres: bool) -> str:
    """Return a statement with the database's own placeholders in place of `?`."""
    return sql.replace("?", "%s") if postgres else sql
