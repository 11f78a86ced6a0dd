"""Statements of the organization portal: their shapes, their lines, and what a line is about.

The words of M-Pesa are those that importers of real files have seen. The list is not closed: a line that fits
none of them is `unknown`. It is stored, counted and shown, and never booked.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any


class Shape(StrEnum):
    """The layout of a statement file."""

    PORTAL = "A"
    """The portal's export with lines about the account above 13 or 14 columns."""
    NEW_PORTAL = "B"
    """Seven columns; the shortcode and the period stand only in the file's name."""
    STORES = "C"
    """Head office and stores, `RECEIPT_NUMBER` … `LINKED_TRANSACTION_ID`."""
    OLD_PORTAL = "D"
    """The portal's export of 2010, withdrawn before paid in."""
    DAILY = "F"
    """One file a day for an aggregator, without column names, withdrawn before paid in."""


STATES_START = Shape.STORES
"""The shape whose time, `START_TIMESTAMP`, is the time at which a transaction began, not its completion."""


class DateOrder(StrEnum):
    """What stands first in the dates of a file that have no year first."""

    DAY_FIRST = "dmy"
    MONTH_FIRST = "mdy"


class DateOrderReason(StrEnum):
    """Why the dates of a file are read in an order."""

    STATED = "stated"
    """The user stated it."""
    ROW = "row"
    """A row shows it: its day is greater than 12."""
    PERIOD = "period"
    """Only in this order all rows are in the period of the file."""
    FUTURE = "future"
    """In the other order, rows are in the future."""
    SORTED = "sorted"
    """Only in this order the rows are sorted."""
    SPELLING = "spelling"
    """All dates are spelt as M-Pesa spells them, with the day first."""


class LineKind(StrEnum):
    """What a line of a statement is about."""

    PAYMENT = "payment"
    """A customer's money, or another business's: income."""
    PAYOUT = "payout"
    """Money to a phone or another business."""
    REVERSAL = "reversal"
    CHARGE = "charge"
    """M-Pesa's fee."""
    SWEEP = "sweep"
    """A transfer between own accounts of the shortcode: never income."""
    WITHDRAWAL = "withdrawal"
    """A withdrawal to the bank."""
    NOT_COMPLETED = "not_completed"
    """A transaction that failed or was canceled: no money moved."""
    UNKNOWN = "unknown"


class StatementStatus(StrEnum):
    """The status of a stored statement."""

    READING = "reading"
    READ = "read"
    """Its lines are stored. Nothing else has changed."""
    APPLYING = "applying"
    APPLIED = "applied"
    FAILED = "failed"


ONLY_WITHDRAWN = "only a statement that was withdrawn shows its receipt"
"""Why a payment is in review whose only evidence of money was a statement that a person withdrew."""


def is_only_withdrawn(failure_reason: str | None) -> bool:
    """Return whether a payment in review waits because its statement was withdrawn."""
    return ONLY_WITHDRAWN in (failure_reason or "")


def proven_period(
    stated: tuple[datetime | None, datetime | None],
    lines: tuple[datetime | None, datetime | None],
    imported_at: datetime,
) -> tuple[datetime, datetime] | None:
    """Return the time that an unbroken statement proves, or None.

    `stated` is the period that the file or its name states, `lines` are the times of its first and last line.
    Without a stated period, the lines prove the time between them. A file proves nothing of what came after
    it was written: if its period reaches past the import, it ends with the last line.
    """
    begin, end = stated[0] or lines[0], stated[1] or lines[1]
    if end is not None and end > imported_at:
        end = None if lines[1] is None else min(lines[1], imported_at)
    return None if begin is None or end is None or begin > end else (begin, end)


COMPLETED = "completed"
NOT_COMPLETED = frozenset(
    {"failed", "cancelled", "canceled", "declined", "attempted", "expired", "rejected", "reversed"}
)
"""The words of `Transaction Status`, in lower case, that say that no money moved."""

_SWEEPS = (
    "organization settlement account",
    "organisation settlement account",
    "to organization settlement",
    "to organisation settlement",
    "organization funds transfer",
    "organisation funds transfer",
    "organization settlement",
    "organisation settlement",
    "revenue settlement",
    "real time settlement",
    "utility account to",
    "merchant account to",
    "working account to",
    "mmf account",
    "charges paid account",
)
_PAYOUTS = (
    "business payment",
    "salary payment",
    "promotion payment",
    "merchant customer payment",
    "merchant to customer payment",
    "merchant payments to",
    "business pay bill",
    "business buy goods",
    "business to business",
    "pay bill",
    "pay merchant",
    "merchant to merchant",
)
_PAYMENTS = (
    "pay bill",
    "paybill",
    "pay utility",
    "pay merchant",
    "merchant payment",
    "customer merchant",
    "buy goods",
    "funds received",
    "fsi to",
    "utility received",
    "merchant to merchant",
)


def kind_of(type_: str, head: str, *, paid_in: bool) -> LineKind:
    """Return what a completed line is about.

    `type_` is the Reason Type, if the file has one. `head` is the beginning of the details, before the party.
    The order of the questions matters: a customer's payment and its charge may have the same Reason Type, and
    `Organization Settle to Bank` leaves the shortcode, unlike other settlements. Money that came in is never
    a charge: a payer's name may contain the word.
    """
    words = f"{head} | {type_}".casefold()
    if not paid_in and "charge" in words.replace("charges paid", ""):
        return LineKind.CHARGE
    if "reversal" in words:
        return LineKind.REVERSAL
    if not paid_in and ("to bank" in words or "withdraw" in words):
        return LineKind.WITHDRAWAL
    if any(text in words for text in _SWEEPS) or type_.strip().casefold() == "settlement":
        return LineKind.SWEEP
    if any(text in words for text in (_PAYMENTS if paid_in else _PAYOUTS)):
        return LineKind.PAYMENT if paid_in else LineKind.PAYOUT
    return LineKind.UNKNOWN


def counted_period(accounts: Sequence[Mapping[str, Any]]) -> tuple[datetime, datetime] | None:
    """Return the times of the first and the last line that the running balances prove; None without one.

    `accounts` is the list of a stored statement's accounts.
    """
    begin = [one["firstAt"] for one in accounts if one.get("firstAt")]
    end = [one["lastAt"] for one in accounts if one.get("lastAt")]
    return (datetime.fromisoformat(min(begin)), datetime.fromisoformat(max(end))) if begin else None
