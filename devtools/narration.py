"""How the demo looks: numbered steps, facts, the handset, bars, books side by side. Plain when piped."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from devtools.books import Book

_INDENT = "     "
_LEFT = (0, 0, 0, len(_INDENT))
_HANDSET_WIDTH = 44


class Narrator:
    """Prints the demo's steps, each with its number."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._numbers = itertools.count(1)

    def say(self, text: str, style: str = "") -> None:
        """Print a line; it is never wrapped, so that ids stay whole."""
        self._console.print(Text(text, style), soft_wrap=True)

    def step(self, title: str) -> None:
        """Begin the next step."""
        self.say(f"\n{next(self._numbers):>2}   {title}", "bold")

    def fact(self, name: str, value: object, style: str = "") -> None:
        """Print one named value below the step."""
        self._console.print(
            Text(f"{_INDENT}{name:<13}", "dim"), Text(str(value), style), soft_wrap=True, sep=""
        )

    def handset(self, owner: str, message: str) -> None:
        """Draw what a phone shows."""
        panel = Panel(Text(message), title=owner, width=_HANDSET_WIDTH, box=box.ROUNDED, border_style="green")
        self._console.print(Padding(panel, _LEFT, expand=False))

    def books(self, ledger: Book, record: Book) -> None:
        """Print both books beside each other, receipt by receipt."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("KES")
        for owner in ("M-Pesa's ledger", "service's record"):
            table.add_column(owner, justify="right")
        for name, theirs, ours in (
            ("debit", ledger.debits, record.debits),
            ("credit", ledger.credits, record.credits),
        ):
            for receipt in theirs | ours:
                table.add_row(f"{name} {receipt}", _amount(theirs, receipt), _amount(ours, receipt))
        table.add_section()
        table.add_row("debits", f"{ledger.debited:,}", f"{record.debited:,}")
        table.add_row("credits", f"{ledger.credited:,}", f"{record.credited:,}")
        table.add_row("net", f"{ledger.net:,}", f"{record.net:,}", style="bold")
        self._console.print(Padding(table, _LEFT, expand=False))

    @contextmanager
    def bars(self, total: int, *names: str) -> Iterator[Callable[[str, int], None]]:
        """Show how far named things have come, while the block runs; yields what tells a name's count."""
        columns = (
            TextColumn(_INDENT + "{task.description}", style="dim"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as shown:
            tasks = {name: shown.add_task(name, total=total) for name in names}
            yield lambda name, count: shown.update(tasks[name], completed=count)

    def totals(self, books: Mapping[str, Mapping[str, list[int]]]) -> None:
        """Print how many payments, of how much, each named book tells of."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("book")
        for name in ("payments", "KES"):
            table.add_column(name, justify="right")
        for name, book in books.items():
            amounts = [amount for told in book.values() for amount in told]
            table.add_row(name, str(len(amounts)), f"{sum(amounts):,}")
        self._console.print(Padding(table, _LEFT, expand=False))

    def movements(self, kinds: Sequence[str], books: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        """Print, for each kind of movement, how many and how much each named book tells of."""
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        table.add_column("")
        for name in books:
            table.add_column(name, justify="right")
            table.add_column("KES", justify="right")
        for kind in kinds:
            cells = [(str(len(book[kind])), f"{sum(book[kind].values()):,}") for book in books.values()]
            table.add_row(kind, *(cell for pair in cells for cell in pair))
        self._console.print(Padding(table, _LEFT, expand=False))


def _amount(amounts: dict[str, int], receipt: str) -> str:
    return f"{amounts[receipt]:,}" if receipt in amounts else "-"
