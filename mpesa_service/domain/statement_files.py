"""Two statements of one account beside each other: the time in which both prove all lines, and balances that
must follow from each other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from mpesa_service.domain.money import shillings
from mpesa_service.domain.statements import STATES_START, StatementStatus, counted_period, proven_period

COUNTED = 100
"""More lines than these, of one file that the other lacks, are not counted."""
NAMED = 5
_SECOND = timedelta(seconds=1)
Interval = tuple[datetime, datetime]


@dataclass(frozen=True)
class AccountBalances:
    """The account of a file by its own name, and its balances in cents before and after the lines."""

    name: str
    opening_cents: int | None
    closing_cents: int | None


@dataclass(frozen=True)
class ProvenFile:
    """A statement with an unbroken balance: the time that it proves, and its accounts by their folded names.

    `certain` is the time in which it surely has every line. Where the file states no period, another line may
    have the same second as its first or its last one.
    """

    id: str
    name: str
    shortcode: str
    applied: bool
    states_start: bool
    proven: Interval
    certain: Interval | None
    accounts: Mapping[str, AccountBalances]


@dataclass(frozen=True)
class Difference:
    """A receipt with its amount in one file and in the other one; None if the file does not have it."""

    receipt: str
    cents: int | None
    other_cents: int | None


def proven_file(row: Any) -> ProvenFile | None:
    """Return what a stored statement proves, or None. `row` has the columns of the table."""
    stated = (row.period_from, row.period_to)
    lines = counted_period(row.accounts) or (None, None)
    proven = proven_period(stated, lines, row.created_at)
    if not row.balanced or row.withdrawn_at is not None or proven is None:
        return None
    steps = zip(proven, stated, (_SECOND, -_SECOND), strict=True)
    begin, end = (at if at == there else at + step for at, there, step in steps)
    accounts = {
        one["account"].casefold(): AccountBalances(
            one["account"], one.get("openingCents"), one.get("closingCents")
        )
        for one in row.accounts
    }
    certain = (begin, end) if begin <= end else None
    applied, starts = row.status == StatementStatus.APPLIED, row.shape == STATES_START
    return ProvenFile(row.id, row.name, row.shortcode, applied, starts, proven, certain, accounts)


def both_prove(one: ProvenFile, other: ProvenFile) -> Interval | None:
    """Return the time in which two files must have the same lines, or None.

    Two files of which one states the beginning of transactions, and the other their end, are not comparable.
    """
    if one.shortcode != other.shortcode or one.states_start != other.states_start:
        return None
    if one.certain is None or other.certain is None or not one.accounts.keys() & other.accounts.keys():
        return None
    begin, end = max(one.certain[0], other.certain[0]), min(one.certain[1], other.certain[1])
    return (begin, end) if begin <= end else None


def mismatch(other: ProvenFile, found: Sequence[Difference]) -> str:
    """Return a sentence about a statement that has other lines than `other`."""
    count = "1 receipt is" if len(found) == 1 else f"{len(found)} receipts are"
    if len(found) >= COUNTED:
        count = f"{COUNTED} receipts or more are"
    named = ", ".join(map(_in_words, found[:NAMED])) + (" …" if len(found) > NAMED else "")
    return (
        f"It contradicts statement {other.id} ({other.name}) of the same account: {count} not the same in"
        f" both: {named}. One of the files is wrong. Compare these receipts in the portal, and withdraw the"
        f" wrong file: mpesa statements withdraw ID --by NAME --reason …"
    )


def _in_words(one: Difference) -> str:
    here, there = (
        f"{shillings(cents)} {place}" if cents is not None else f"not {place}"
        for cents, place in ((one.cents, "here"), (one.other_cents, "there"))
    )
    return f"{one.receipt} ({here}, {there})"


def balance_breaks(one: ProvenFile, other: ProvenFile) -> Iterator[str]:
    """Yield a sentence for each account whose balance does not follow from one file to the next.

    The files follow each other if one begins within a second of the end of the other.
    """
    if one.shortcode != other.shortcode or one.states_start != other.states_start:
        return
    for name in sorted(one.accounts.keys() & other.accounts.keys()):
        mine, theirs = one.accounts[name], other.accounts[name]
        there = f"statement {other.id} ({other.name})"
        of = f" of {mine.name}" if mine.name else ""
        if _follows(other.proven, one.proven) and _differ(theirs.closing_cents, mine.opening_cents):
            opening, closing = shillings(mine.opening_cents or 0), shillings(theirs.closing_cents or 0)
            yield (
                f"Its opening balance{of} is {opening}, and {there}, which ends just before, closes with"
                f" {closing}."
            )
        if _follows(one.proven, other.proven) and _differ(mine.closing_cents, theirs.opening_cents):
            closing, opening = shillings(mine.closing_cents or 0), shillings(theirs.opening_cents or 0)
            yield (
                f"Its closing balance{of} is {closing}, and {there}, which begins just after, opens with"
                f" {opening}."
            )


def _follows(one: Interval, other: Interval) -> bool:
    return timedelta() < other[0] - one[1] <= _SECOND


def _differ(one: int | None, other: int | None) -> bool:
    return one is not None and other is not None and one != other
