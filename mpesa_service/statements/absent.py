"""What our record has and the statement does not show: paid payments, refunds and payouts of its period.

A missing line proves something only within the period of the file, for its account, and only while the
running balance is unbroken. So nothing is listed before all three are so.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.references import first_id
from mpesa_service.domain.statements import counted_period, proven_period
from mpesa_service.domain.states import PAID
from mpesa_service.statements.balances import NO_BALANCES
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import query

_CUSTOMERS = ("utility", "merchant")
"""Parts of the names of the accounts that receive customers' money and pay the payouts."""
BROKEN = "its running balance is broken"
NO_BALANCE = "it has no balances"
ROWS_UNREAD = "some of its rows were not understood"
OTHER_ACCOUNT = "customers do not pay into this account"
NO_PERIOD = "its period had not begun when it was imported, or it has no lines"
NOT_OURS = "the shortcode is not the one of this service"


@dataclass(frozen=True)
class Absent:
    """A paid payment, refund or payout of ours that the statement does not show."""

    what: str
    id: str
    receipt: str
    cents: int
    at: datetime


@dataclass(frozen=True)
class Proof:
    """The period that a statement proves completely; `reason` says why it proves none."""

    begin: datetime | None
    end: datetime | None
    reason: str | None = None


def proof_of(runtime: Runtime, record: StatementRecord) -> Proof:
    """Return what a statement proves, or why it proves nothing."""
    ours = {runtime.settings.mpesa_shortcode, runtime.settings.mpesa_till}
    stated, lines = (record.period_from, record.period_to), counted_period(record.accounts) or (None, None)
    period = proven_period(stated, lines, record.created_at)
    reason = None
    if record.shortcode not in ours:
        reason = NOT_OURS
    elif not is_customers_account(record):
        reason = OTHER_ACCOUNT
    elif record.balanced is None:
        reason = NO_BALANCE if NO_BALANCES in record.findings else ROWS_UNREAD
    elif not record.balanced:
        reason = BROKEN
    elif period is None:
        reason = NO_PERIOD
    return Proof(*(period or (None, None))) if reason is None else Proof(None, None, reason)


def is_customers_account(record: StatementRecord) -> bool:
    """Return whether a statement is of an account of customers' money. An unnamed account may be one."""
    names = [one["account"] for one in record.accounts] or [record.account]
    return any(not name or any(word in name.casefold() for word in _CUSTOMERS) for name in names)


_PAID = ", ".join(f"'{status}'" for status in sorted(PAID))
_NO_LINE = """
    NOT EXISTS (SELECT 1 FROM statement_lines l WHERE l.receipt = t.receipt AND l.kind <> 'not_completed')
"""
_PAYMENTS = f"""
    SELECT 'payment', t.id, t.receipt, t.amount * 100, COALESCE(t.paid_at, t.completed_at)
    FROM payments t
    WHERE t.provider = 'mpesa' AND t.receipt IS NOT NULL AND t.status IN ({_PAID}) AND t.id < ?
    AND COALESCE(t.paid_at, t.created_at) >= ? AND COALESCE(t.paid_at, t.completed_at) <= ? AND {_NO_LINE}
    AND NOT EXISTS (SELECT 1 FROM c2b_confirmations c
                    WHERE c.receipt = t.receipt AND c.shortcode NOT IN ('', ?))
"""
# The money of a command moves after it is created, and before its result is stored.
_COMMANDS = f"""
    SELECT '{{what}}', t.id, t.receipt, t.amount * 100, t.completed_at
    FROM {{table}} t
    WHERE t.receipt IS NOT NULL AND t.status = 'succeeded' AND t.created_at >= ? AND t.completed_at <= ?
    AND {_NO_LINE}
"""


def absent_from(runtime: Runtime, record: StatementRecord, proof: Proof, limit: int) -> list[Absent]:
    """Return what the statement should show and does not, oldest first, at most `limit` of each kind."""
    if proof.begin is None or proof.end is None:
        return []
    period = (proof.begin, proof.end)
    # A payment has its id before it is paid: the index of ids limits the search.
    values = (first_id(proof.end), *period, record.shortcode)
    found = _absent(runtime, _PAYMENTS, values, limit)
    for what, table in (("refund", "refunds"), ("payout", "payouts")):
        found += _absent(runtime, _COMMANDS.format(what=what, table=table), period, limit)
    return found


def _absent(runtime: Runtime, sql: str, values: tuple[Any, ...], limit: int) -> list[Absent]:
    rows = query(runtime, f"{sql} ORDER BY t.id", values, times=(4,), limit=limit)
    return [Absent(*row) for row in rows]
