"""Checks a statement against itself: its running balance, and the sums above its columns.

A running balance that is unbroken from the first line to the last proves that no line is missing between
them. Files are sorted newest first or oldest first; the lines themselves show which.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime

from mpesa_service.domain.counting import counted
from mpesa_service.domain.money import shillings
from mpesa_service.domain.statements import LineKind
from mpesa_service.statements.any_order import AnyOrder
from mpesa_service.statements.findings import Kind, cut
from mpesa_service.statements.heading import Heading
from mpesa_service.statements.rows import StatementLine, UnreadRow
from mpesa_service.statements.sheets import UnreadSheet

BREAKS_KEPT = 20
UNREAD_KEPT = 1_000
SHEET_UNREAD = (
    "The sheet {} with {} was not read: {}. Remove it from the file, or import it in a file of its own."
)
MORE_SHEETS = ("more sheet was not read", "more sheets were not read")
MORE_BREAKS = ("more account has a broken running balance", "more accounts have a broken running balance")
NO_BALANCES = "There are no balances to check."
NO_LINES = "The file has no lines, so it proves nothing: also not that no money moved."
NOT_UNDERSTOOD = "Some rows that look like transactions were not understood, so the statement proves nothing."
OUTSIDE = "Some lines are outside the period that the file states."
_OF_OTHER_ACCOUNTS = (LineKind.SWEEP, LineKind.WITHDRAWAL)
"""Shape B prints both sides of a sweep, and what leaves another account of the shortcode. In files of one
account, which are `alone`, each line must follow."""


@dataclass(frozen=True)
class SelfCheck:
    """What a statement says against itself. `balanced` is None if it has nothing to check."""

    balanced: bool | None
    findings: tuple[str, ...]


@dataclass
class _Order:
    """One assumption about the order of the lines: the places where the balance does not follow from it."""

    breaks: int = 0
    rows: list[int] = field(default_factory=list)

    def note(self, row: int) -> None:
        self.breaks += 1
        if len(self.rows) < BREAKS_KEPT:
            self.rows.append(row)


class AccountTotals:
    """The lines of one account: their number, sums, period and running balance. Add them in file order.

    `kinds` counts every line. The other figures are those of the lines that moved this account's money.
    """

    def __init__(self, *, alone: bool) -> None:
        self._alone, self._skipped, self._any_order = alone, 0, AnyOrder()
        self.kinds: Counter[str] = Counter()
        self.lines = self.paid_in_cents = self.withdrawn_cents = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self._newest_first, self._oldest_first = _Order(), _Order()
        self._without_balance = 0
        self._first: StatementLine | None = None
        self._last: StatementLine | None = None
        self._early: list[StatementLine] = []
        self._last_balance = self._last_amount = 0
        self._only_early = False

    def add(self, line: StatementLine) -> None:
        """Count a line. One that did not complete, or is of another account, has no part in the sums."""
        self.kinds[line.kind] += 1
        if line.kind is LineKind.NOT_COMPLETED:
            return
        if line.kind in _OF_OTHER_ACCOUNTS and not self._alone:
            if self._first is None:
                self._early.append(line)
                return
            if not self._follows(line):
                self._skipped += 1
                return
        elif self._early:
            self._add_early(line)
        self._add(line)

    def _add_early(self, first: StatementLine) -> None:
        """Count the sweeps before the first other line that belong to its account, by their balances."""
        chosen, after = [], first
        for line in reversed(self._early):
            if _is_next(line, after):
                chosen.append(line)
                after = line
        self._early = []
        for line in reversed(chosen):
            self._add(line)

    def _add(self, line: StatementLine) -> None:
        amount, balance, at = line.amount_cents, line.balance_cents, line.completed_at
        self.lines += 1
        if amount > 0:
            self.paid_in_cents += amount
        else:
            self.withdrawn_cents -= amount
        if self.first_at is None or self.last_at is None:
            self.first_at = self.last_at = at
        elif at < self.first_at:
            self.first_at = at
        elif at > self.last_at:
            self.last_at = at
        if balance is None:
            self._without_balance += 1
            return
        if self._first is None:
            self._first = line
        else:
            if balance != self._last_balance + amount:
                self._oldest_first.note(line.row)
            if self._last_balance != balance + self._last_amount:
                self._newest_first.note(line.row)
        self._last, self._last_balance, self._last_amount = line, balance, amount
        self._any_order.add(at, amount, balance)

    def end(self) -> None:
        """Count the lines of a file that has only sweeps and withdrawals."""
        early, self._early = self._early, []
        for line in early:
            if self._follows(line):
                self._add(line)
            else:
                self._skipped += 1
        self._only_early = bool(early)

    @property
    def has_money(self) -> bool:
        """Whether a line completed."""
        return self.kinds.total() > self.kinds[LineKind.NOT_COMPLETED]

    def _follows(self, line: StatementLine) -> bool:
        """Return whether the line's balance follows from the line before, in one of both orders."""
        return self._last is None or _is_next(self._last, line)

    @property
    def breaks(self) -> "_Order":
        return min(self._newest_first, self._oldest_first, key=lambda order: order.breaks)

    @property
    def is_newest_first(self) -> bool:
        return self._newest_first.breaks <= self._oldest_first.breaks

    @property
    def opening_cents(self) -> int | None:
        """The balance before the oldest line."""
        if self.breaks.breaks and (found := self._any_order.opening_cents()) is not None:
            return found
        oldest = self._last if self.is_newest_first else self._first
        return (
            None
            if oldest is None or oldest.balance_cents is None
            else oldest.balance_cents - oldest.amount_cents
        )

    @property
    def closing_cents(self) -> int | None:
        """The balance after the newest line."""
        if self.breaks.breaks and (found := self._any_order.opening_cents()) is not None:
            return found + self.paid_in_cents - self.withdrawn_cents
        newest = self._first if self.is_newest_first else self._last
        return None if newest is None else newest.balance_cents

    @property
    def balanced(self) -> bool | None:
        """Whether the running balance is unbroken; None if it cannot be checked."""
        if self._without_balance or self._first is None or (self._only_early and self._skipped):
            return None
        return self.breaks.breaks == 0 or self._any_order.opening_cents() is not None


def _is_next(one: StatementLine, other: StatementLine) -> bool:
    """Return whether the balances of two lines follow from each other, oldest first or newest first."""
    a, b = one.balance_cents, other.balance_cents
    if a is None or b is None:
        return True
    return b == a + other.amount_cents or a == b + one.amount_cents


class Totals:
    """What a file contains, line by line: totals per account, rows that were not understood."""

    def __init__(self, *, alone: bool = False) -> None:
        self._alone = alone
        self.accounts: dict[str, AccountTotals] = {}
        self.unread: list[UnreadRow] = []
        self.unread_count = self.line_count = 0
        self.first_at: datetime | None = None
        self.last_at: datetime | None = None
        self._may_be_money = False
        self._sheets: list[str] = []

    def add(self, line: StatementLine) -> None:
        """Count a line."""
        self.line_count += 1
        at = line.completed_at
        if self.first_at is None or at < self.first_at:
            self.first_at = at
        if self.last_at is None or at > self.last_at:
            self.last_at = at
        totals = self.accounts.get(line.account)
        if totals is None:
            totals = self.accounts[line.account] = AccountTotals(alone=self._alone)
        totals.add(line)

    def add_unread(self, row: UnreadRow) -> None:
        """Count a row that was not understood."""
        self.unread_count += 1
        self._may_be_money = self._may_be_money or row.may_be_money
        if len(self.unread) < UNREAD_KEPT:
            self.unread.append(row)

    def add_sheet(self, sheet: UnreadSheet) -> None:
        """Count the rows of a sheet that was not read."""
        self.unread_count += sheet.rows
        self._sheets.append(SHEET_UNREAD.format(sheet.name, counted(sheet.rows, "row"), sheet.reason))

    @property
    def paid_in_cents(self) -> int:
        return sum(one.paid_in_cents for one in self.accounts.values())

    @property
    def withdrawn_cents(self) -> int:
        return sum(one.withdrawn_cents for one in self.accounts.values())

    def check(self, heading: Heading) -> SelfCheck:
        """Compare the lines with each other and with the heading. Call it at the end."""
        for one in self.accounts.values():
            one.end()
        breaks = [finding for name, one in self.accounts.items() for finding in _breaks(name, one)]
        findings = cut((Kind(self._sheets, MORE_SHEETS), Kind(breaks, MORE_BREAKS)))
        if len(self.accounts) == 1:
            findings += _against_heading(next(iter(self.accounts.values())), heading)
        known = [one.balanced for one in self.accounts.values() if one.has_money]
        unread = [NOT_UNDERSTOOD] if self._may_be_money else []  # the first, so that no cut loses it
        if not self.accounts and not self.unread_count:
            return SelfCheck(None, (NO_LINES,))
        if findings:
            return SelfCheck(False, (*unread, *findings))
        if not known or None in known:
            return SelfCheck(None, (*unread, NO_BALANCES))
        if outside := _outside(self, heading):
            return SelfCheck(False, (*unread, *outside))
        return SelfCheck(None if unread else True, tuple(unread))


def _breaks(name: str, totals: AccountTotals) -> list[str]:
    broken = totals.breaks
    if totals.balanced is not False:
        return []
    rows = ", ".join(map(str, broken.rows)) + (" …" if broken.breaks > len(broken.rows) else "")
    of = f" of {name}" if name else ""
    places = "1 place" if broken.breaks == 1 else f"{broken.breaks} places"
    return [f"The running balance{of} does not follow at {places}: line {rows}."]


def _against_heading(totals: AccountTotals, heading: Heading) -> list[str]:
    pairs = (
        ("Opening Balance", heading.opening_cents, totals.opening_cents),
        ("Closing Balance", heading.closing_cents, totals.closing_cents),
        ("Total Paid In", heading.paid_in_cents, totals.paid_in_cents),
        ("Total Withdrawn", heading.withdrawn_cents, totals.withdrawn_cents),
    )
    found = [
        f"{name} is {shillings(stated)} above the columns, and {shillings(counted)} by the lines."
        for name, stated, counted in pairs
        if stated is not None and counted is not None and stated != counted
    ]
    if heading.opening_cents is not None and heading.closing_cents is not None:
        end = heading.opening_cents + totals.paid_in_cents - totals.withdrawn_cents
        if end != heading.closing_cents:
            found.append(
                f"Opening Balance plus paid in minus withdrawn is {shillings(end)}, and Closing Balance is"
                f" {shillings(heading.closing_cents)}."
            )
    return found


def _outside(totals: Totals, heading: Heading) -> list[str]:
    first = min((one.first_at for one in totals.accounts.values() if one.first_at), default=None)
    last = max((one.last_at for one in totals.accounts.values() if one.last_at), default=None)
    early = first and heading.period_from and first < heading.period_from
    late = last and heading.period_to and last > heading.period_to
    return [OUTSIDE] if early or late else []
