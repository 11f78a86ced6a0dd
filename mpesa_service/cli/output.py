"""What several commands print: tables, facts, refunds.

Nothing is cut off, because the next command may need what a list shows. The functions that draw with rich
import it themselves, here and in the modules of commands: rich takes longer to import than click.
"""

import json
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import click

from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.counting import counted
from mpesa_service.domain.outflow import LIMITS
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.outflow.schemas import ApprovalSchema
from mpesa_service.payments.schemas import RefundSchema
from mpesa_service.refunds.order_effect import OrderLeftShort
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


class RefundOutput:
    """Describes a started refund, or why M-Pesa refused it, and warns of an order that is left short."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._short: OrderLeftShort | None = None

    def __call__(self, started: RefundStarted | ApprovalRecord) -> Answer:
        """Return the words or the JSON for a refund. It runs within a transaction, so it prints nothing."""
        if isinstance(started, ApprovalRecord):
            return waits(started, as_json=self._as_json)
        refusal = started.refusal
        if refusal is not None:
            text = json.dumps(refusal.body("")) if self._as_json else refusal.message
            return Answer(refusal.status, text.encode())
        self._short = started.order_left_short
        return Answer(200, (_in_json(started) if self._as_json else _in_words(started)).encode())

    def end_with(self, answer: Answer) -> None:
        """Print the answer, and the warning on standard error. Exit with 1 if the answer is an error."""
        if self._short is not None and answer.status < HTTPStatus.BAD_REQUEST:
            short = self._short
            sentence = f"{short.order_id} then has received {short.received} of {short.due} shillings."
            click.echo(f"Warning: the refund leaves a paid order short. {sentence}", err=True)
        end_with(answer)


def _in_json(started: RefundStarted) -> str:
    short = started.order_left_short
    data = {
        **RefundSchema().dump(started.refund),
        "payerAgrees": started.payer_agrees,
        "orderLeftShort": short
        and {"orderId": short.order_id, "receivedAmount": short.received, "amountDue": short.due},
    }
    return json.dumps(data, indent=2)


def _in_words(started: RefundStarted) -> str:
    made = started.refund
    words = f"refund {made.id} of {counted(made.amount, 'shilling')} is {made.status}"
    return f"{words} ({made.method}{_receiver(started)})"


def _receiver(started: RefundStarted) -> str:
    """Return the number that a payout goes to, and whether it agrees with the payer."""
    if started.refund.phone is None:
        return ""
    agrees = {True: "agrees with the payer", False: "is not the payer's", None: "cannot be compared"}
    return f" to {started.refund.phone}; the number {agrees[started.payer_agrees]}"


def waits(record: ApprovalRecord, *, as_json: bool) -> Answer:
    """Return the words or the JSON for an action that waits for a second person."""
    if as_json:
        return Answer(202, json.dumps({"approval": ApprovalSchema().dump(record)}, indent=2).encode())
    reasons = ", ".join(LIMITS[limit] for limit in record.limits)
    words = f"Nothing was done: {record.sentence}. A second person must approve it, because {reasons}."
    return Answer(202, f"{words}\nNext: mpesa approvals approve {record.id} --by NAME --reason WHY".encode())


def end_with(answer: Answer) -> None:
    """Print an answer. Exit with 1 if it is an error."""
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)
