"""What several commands print: tables, facts, refunds.

Nothing is cut off, because the next command may need what a list shows. The functions that draw with rich
import it themselves, here and in the modules of commands: rich takes longer to import than click.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import click

from mpesa_service.core.idempotency import Answer
from mpesa_service.payments.schemas import RefundSchema
from mpesa_service.refunds.request import RefundStarted

if TYPE_CHECKING:
    from rich.table import Table

TableRow = Sequence[str | None]
_ANY_WIDTH = 1_000_000


def print_table(headings: Sequence[str], rows: Iterable[TableRow]) -> None:
    """Print a table.

    In a pipe, the table has its full width. On a terminal, columns of text are wrapped. If the table is still
    too wide, each cell gets a line of its own.
    """
    from rich.console import Console

    cells = [[cell or "" for cell in row] for row in rows]
    console = Console()
    if not console.is_terminal:
        console.width = _ANY_WIDTH
    columns = [list(column) for column in zip(headings, *cells, strict=True)]
    if sum(map(_least_width, columns)) + 3 * len(columns) + 1 <= console.width:
        console.print(_table(columns))
        return
    for row in cells:
        print_facts(zip(headings, row, strict=True))
        click.echo()


def show_list(as_json: bool, data: Any, headings: Sequence[str], rows: Iterable[TableRow]) -> None:
    """Print a list: `data` as JSON, or a table."""
    if as_json:
        click.echo(json.dumps(data, indent=2))
    else:
        print_table(headings, rows)


def print_facts(pairs: Iterable[tuple[str, str | None]]) -> None:
    """Print names and their values, one pair a line."""
    facts = list(pairs)
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        click.echo(f"{name:<{width}}  {value or ''}")


def _table(columns: Sequence[Sequence[str]]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for heading, *cells in columns:
        is_prose = any(" " in cell for cell in cells)
        table.add_column(Text(heading), overflow="fold", no_wrap=not is_prose)
    for row in zip(*(cells for _, *cells in columns), strict=True):
        table.add_row(*map(Text, row))
    return table


def _least_width(column: Sequence[str]) -> int:
    """Return the width of the longest word in a column."""
    parts = [part for cell in column for part in cell.split()]
    return max(map(len, parts), default=0)


def refund_shown(*, as_json: bool) -> Callable[[RefundStarted], Answer]:
    """Return the function that describes a started refund, or the reason why M-Pesa refused it."""
    return _in_json if as_json else _in_words


def _in_json(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, json.dumps(started.refusal.body("")).encode())
    data = {**RefundSchema().dump(started.refund), "payerAgrees": started.payer_agrees}
    return Answer(200, json.dumps(data, indent=2).encode())


def _in_words(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, started.refusal.message.encode())
    made = started.refund
    words = f"refund {made.id} of {made.amount} shillings is {made.status}"
    return Answer(200, f"{words} ({made.method}{_receiver(started)})".encode())


def _receiver(started: RefundStarted) -> str:
    """Return the number that a payout goes to, and whether it agrees with the payer."""
    if started.refund.phone is None:
        return ""
    agrees = {True: "agrees with the payer", False: "is not the payer's", None: "cannot be compared"}
    return f" to {started.refund.phone}; the number {agrees[started.payer_agrees]}"


def end_with(answer: Answer) -> None:
    """Print an answer. Exit with 1 if it is an error."""
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)
