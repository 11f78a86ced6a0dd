"""Keeps what several lines of one reversal say alike: the receipt that was reversed, and what was done.

Only some exports name the receipt that was reversed. A line that two files have is stored once, as the first
file has it, and shape C has lines of its own. So what the later line names would be lost, and what a person
decided about the first line would be asked again.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mpesa_service.models.driver import Driver
from mpesa_service.models.driver import Statement as SqlStatement
from mpesa_service.statements.window import marks, spelled

PAGE = 500
Key = tuple[str, int]
"""The receipt of a reversal and its signed amount in cents."""
_LINES = """
    SELECT receipt, amount_cents, statement_id, row_number, linked_receipt, outcome FROM statement_lines
    WHERE kind = 'reversal' AND receipt IN ({marks}) ORDER BY receipt, statement_id, row_number
"""
_SET = """
    UPDATE statement_lines SET linked_receipt = ?, outcome = ? WHERE statement_id = ? AND row_number = ?
"""


@dataclass(frozen=True)
class _Line:
    statement_id: str
    row: int
    linked: str | None
    outcome: str | None


def unite_reversals(connection: Driver, read: Iterable[tuple[str, int, str | None]]) -> None:
    """Complete the stored lines of the reversals that were read: receipt, amount, and linked receipt or None.

    A linked receipt that is stored stays. An outcome holds for the lines of the same linked receipt.
    """
    named: dict[Key, str | None] = {}
    for receipt, cents, linked in read:
        named[receipt, cents] = named.get((receipt, cents)) or linked
    changes = sorted(
        (line.statement_id, line.row, line.linked, line.outcome)
        for key, lines in _stored(connection, sorted({receipt for receipt, _ in named})).items()
        if key in named
        for line in _completed(lines, named[key])
    )
    sql = spelled(_SET, postgres=connection.is_postgres)
    values = [(linked, outcome, *key) for *key, linked, outcome in changes]
    if values:
        connection.execute([SqlStatement(sql, one, required=False) for one in values])


def _completed(lines: list[_Line], named: str | None) -> Iterator[_Line]:
    """Yield the lines that now have a linked receipt or an outcome that they did not have."""
    linked = next((line.linked for line in lines if line.linked), None) or named
    outcomes = {line.linked or linked: line.outcome for line in lines if line.outcome}
    for line in lines:
        link = line.linked or linked
        found = _Line(line.statement_id, line.row, link, line.outcome or outcomes.get(link))
        if found != line:
            yield found


def _stored(connection: Driver, receipts: list[str]) -> Mapping[Key, list[_Line]]:
    found = defaultdict[Key, list[_Line]](list)
    for at in range(0, len(receipts), PAGE):
        page = receipts[at : at + PAGE]
        sql = spelled(_LINES.format(marks=marks(page)), postgres=connection.is_postgres)
        for receipt, cents, *line in connection.rows(sql, tuple(page)):
            found[receipt, cents].append(_Line(*line))
    return found
