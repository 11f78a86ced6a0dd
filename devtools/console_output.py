"""The demo's console output: numbered steps, values, phone screens, progress bars and tables."""

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

from devtools.comparison import Movements

_INDENT = "     "
_LEFT = (0, 0, 0, len(_INDENT))
_PHONE_WIDTH = 44


class ConsoleOutput:
    """Prints the demo's steps with their numbers. Without a terminal, the output is plain text."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._numbers = itertools.count(1)

    def line(self, text: str, style: str = "") -> None:
        """Print a line without wrapping it, so that ids stay whole."""
        self._console.print(Text(text, style), soft_wrap=True)

    def step(self, title: str) -> None:
        """Start the next step."""
        self.line(f"\n{next(self._numbers):>2}   {title}", "bold")

    def value(self, name: str, value: object, style: str = "") -> None:
        """Print one named value below the step."""
        self._console.print(
            Text(f"{_INDENT}{name:<13}", "dim"), Text(str(value), style), soft_wrap=True, sep=""
        )

    def success(self, text: str) -> None:
        """Print that a comparison succeeded."""
        self.line(f"{_INDENT}{text}", "bold green")

    def phone_screen(self, owner: str, message: str) -> None:
        """Draw a phone's screen."""
        panel = Panel(Text(message), title=owner, width=_PHONE_WIDTH, box=box.ROUNDED, border_style="green")
        self._console.print(Padding(panel, _LEFT, expand=False))

    def movements_by_receipt(self, ledger: Movements, record: Movements) -> None:
        """Print the ledger and the record next to each other, receipt by receipt."""
        table = _table("KES", "M-Pesa's ledger", "service's record")
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
    def progress(self, total: int, *names: str) -> Iterator[Callable[[str, int], None]]:
        """Show a progress bar for each name. Yields a function that sets a name's count."""
        columns = (
            TextColumn(_INDENT + "{task.description}", style="dim"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
        )
        with Progress(*columns, console=self._console) as shown:
            tasks = {name: shown.add_task(name, total=total) for name in names}
            yield lambda name, count: shown.update(tasks[name], completed=count)

    def totals(self, amounts: Mapping[str, Mapping[str, list[int]]]) -> None:
        """Print the number of payments and the sum of each named source."""
        table = _table("source", "payments", "KES")
        for name, by_order in amounts.items():
            found = [amount for of_order in by_order.values() for amount in of_order]
            table.add_row(name, str(len(found)), f"{sum(found):,}")
        self._console.print(Padding(table, _LEFT, expand=False))

    def totals_by_kind(
        self, kinds: Sequence[str], amounts: Mapping[str, Mapping[str, Mapping[str, int]]]
    ) -> None:
        """Print the number of movements and the sum of each named source, for each kind of movement."""
        table = _table("", *(title for name in amounts for title in (name, "KES")))
        for kind in kinds:
            cells = [
                (str(len(by_kind[kind])), f"{sum(by_kind[kind].values()):,}") for by_kind in amounts.values()
            ]
            table.add_row(kind, *(cell for pair in cells for cell in pair))
        self._console.print(Padding(table, _LEFT, expand=False))


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    table.add_column(first)
    for title in others:
        table.add_column(title, justify="right")
    return table


def _amount(amounts: dict[str, int], receipt: str) -> str:
    return f"{amounts[receipt]:,}" if receipt in amounts else "-"
