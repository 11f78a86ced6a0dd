"""The rows of a statement: entries of the ledger with their running balances.

A statement is about one business number. Its balances are those of this number alone: the shop's own
shortcode starts with the option utility_balance, and every other number with nothing. (Payments and payouts
themselves use one set of accounts for all numbers.)
"""

import heapq
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from daraja_simulator.ledger import Entry
from daraja_simulator.money import Money, size
from daraja_simulator.state import SimulatorState
from daraja_simulator.statement.failures import failed_entries
from daraja_simulator.wording import Wording, wording_of

_ONE_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Selection:
    """What a statement covers. `account` None stands for all accounts, `shortcode` None for all numbers."""

    shortcode: str | None
    account: str | None
    start: datetime
    end: datetime
    """The first moment after the period."""
    failed: bool = False
    """Whether transactions that failed have rows."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row. `balance` is that of its account and number after it."""

    receipt: str
    completed_at: datetime
    initiated_at: datetime
    wording: Wording
    failed: bool
    charge: bool
    till: bool
    change: Money
    balance: Money
    shortcode: str
    account: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement, with the balances and totals of its preamble."""

    selection: Selection
    shortcode: str
    """The number in the preamble and the file's name."""
    opening: Money
    closing: Money
    paid_in: Money
    withdrawn: Money
    made_at: datetime
    names: dict[str, str]
    """The customers' names by their numbers."""
    entries: list[tuple[Entry, Money, bool]]
    """Entry, balance, and whether it failed; the oldest first."""

    @property
    def last_second(self) -> datetime:
        """The end of the period as a statement prints it."""
        return self.selection.end - _ONE_SECOND

    def rows(self, *, newest_first: bool, masked: bool) -> Iterator[Row]:
        """Yield the rows. `masked` hides digits of customers' numbers, as the portal does."""
        for entry, balance, failed in reversed(self.entries) if newest_first else self.entries:
            yield self._row(entry, balance, failed=failed, masked=masked)

    def _row(self, entry: Entry, balance: Money, *, failed: bool, masked: bool) -> Row:
        cause = entry.cause
        party, name = self._party(entry, masked=masked)
        return Row(
            receipt=entry.receipt,
            completed_at=cause.at,
            initiated_at=cause.initiated_at or cause.at,
            wording=wording_of(entry, name, party),
            failed=failed,
            charge=cause.kind == "charge",
            till=cause.command == "till",
            change=entry.change,
            balance=balance,
            shortcode=cause.shortcode or self.shortcode,
            account=entry.holder,
        )

    def _party(self, entry: Entry, *, masked: bool) -> tuple[str, str]:
        refs = entry.cause.refs
        if "partyB" in refs:
            return refs["partyB"], "SIMULATED PARTNER"
        number = refs.get("msisdn", "")
        return (f"{number[:4]}****{number[-4:]}" if masked and number else number), self.names.get(number, "")


def make_statement(state: SimulatorState, selection: Selection) -> Statement:
    """Return the statement of the ledger as it is now."""
    with state.lock:
        entries = list(state.ledger.shop_entries)
        failures = failed_entries(state) if selection.failed else []
        names = {number: customer.name for number, customer in state.ledger.customers.items()}
        opening_balances, own, now = dict(state.ledger.opening), state.options.shortcode, state.now()
    merged = heapq.merge(
        ((entry.cause.at, entry, False) for entry in entries),
        ((entry.cause.at, entry, True) for entry in failures),
        key=lambda item: item[0],
    )
    balances: defaultdict[tuple[str, str], Money] = defaultdict(int)
    balances |= {(own, account): amount for account, amount in opening_balances.items()}
    chosen: list[tuple[Entry, Money, bool]] = []
    before: Money = 0
    for at, entry, failed in merged:
        number = entry.cause.shortcode or own
        if not _covers(selection, entry, number) or at >= selection.end:
            continue
        if not failed:
            balances[number, entry.holder] += entry.change
        if at >= selection.start:
            chosen.append((entry, balances[number, entry.holder], failed))
        elif not failed:
            before += entry.change
    moved = [entry.change for entry, _balance, failed in chosen if not failed]
    opening = before + sum(
        amount
        for account, amount in opening_balances.items()
        if selection.account in (None, account) and selection.shortcode in (None, own)
    )
    paid_in = sum((change for change in moved if change > 0), start=0)
    withdrawn = sum((size(change) for change in moved if change < 0), start=0)
    return Statement(
        selection,
        selection.shortcode or own,
        opening,
        opening + paid_in - withdrawn,
        paid_in,
        withdrawn,
        now,
        names,
        chosen,
    )


def _covers(selection: Selection, entry: Entry, number: str) -> bool:
    return selection.shortcode in (None, number) and selection.account in (None, entry.holder)
