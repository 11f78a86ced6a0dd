"""What our record has and the statement does not show: money received, refunds and payouts of its period.

A missing line proves something only within the period of the file, for its account, and only while the
running balance is unbroken. So nothing is listed before all three are so. Another file of the same account
excuses nothing: if it shows the money, one of the two files is wrong.
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
    """Money received, a refund or a payout of ours that the statement does not show.

    `shown_by` is another statement that shows it.
    """

    what: str
    id: str
    receipt: str
    cents: int
    at: datetime
    shown_by: str | None


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


_RECEIVED = ", ".join(f"'{status}'" for status in sorted({*PAID, "review"}))
"""What waits for a person may be unmatched money."""
_MOVED = "l.receipt = t.receipt AND l.kind <> 'not_completed'"
_SHOWN_BY = f"(SELECT MIN(l.statement_id) FROM statement_lines l WHERE {_MOVED})"
_NO_LINE = f"NOT EXISTS (SELECT 1 FROM statement_lines l WHERE {_MOVED} AND l.statement_id = ?)"
_NO_SHARED_LINE = f"""
    NOT EXISTS (SELECT 1 FROM statement_shared_lines h
                JOIN statement_lines l ON l.receipt = h.receipt AND l.line_hash = h.line_hash
                WHERE h.statement_id = ? AND h.receipt = t.receipt AND {_MOVED})
"""
# Money on the statement of another shortcode, or of an account with another name, is not missing on this one.
_NOT_ELSEWHERE = f"""
    NOT EXISTS (SELECT 1 FROM statement_lines l JOIN statements s ON s.id = l.statement_id
                WHERE {_MOVED} AND (s.shortcode <> ? OR ({{named}} AND l.account <> ''
                AND LOWER(l.account) NOT IN ({{names}}))))
"""
# A payment of unknown time has its id before it is paid: the index of ids limits the search.
_PAYMENTS = f"""
    SELECT 'payment', t.id, t.receipt, t.amount * 100, COALESCE(t.paid_at, t.completed_at), {_SHOWN_BY}
    FROM payments t
    WHERE t.provider = 'mpesa' AND t.receipt IS NOT NULL AND t.status IN ({_RECEIVED})
    AND (t.paid_at BETWEEN ? AND ?
         OR (t.paid_at IS NULL AND t.created_at >= ? AND t.completed_at <= ? AND t.id < ?))
    AND NOT EXISTS (SELECT 1 FROM c2b_confirmations c
                    WHERE c.receipt = t.receipt AND c.shortcode NOT IN ('', ?))
"""
_FRACTIONAL = f"""
    SELECT 'fractional amount', t.fractional_id, t.receipt, t.amount_cents, t.transacted_at, {_SHOWN_BY}
    FROM c2b_confirmations t
    WHERE t.fractional_id IS NOT NULL AND t.transacted_at BETWEEN ? AND ? AND t.shortcode IN ('', ?)
"""
# The money of a command moves after it is created, and before its result is stored.
_COMMANDS = f"""
    SELECT '{{what}}', t.id, t.receipt, t.amount * 100, t.completed_at, {_SHOWN_BY}
    FROM {{table}} t
    WHERE t.receipt IS NOT NULL AND t.status = 'succeeded' AND t.created_at >= ? AND t.completed_at <= ?
"""


def absent_from(runtime: Runtime, record: StatementRecord, proof: Proof, limit: int) -> list[Absent]:
    """Return what the statement should show and does not, oldest first, at most `limit` of each kind."""
    if proof.begin is None or proof.end is None:
        return []
    period, shortcode = (proof.begin, proof.end), record.shortcode
    shown = _shown(runtime, record)
    found = _absent(runtime, _PAYMENTS, (*period, *period, first_id(proof.end), shortcode), shown, limit)
    found += _absent(runtime, _FRACTIONAL, (*period, shortcode), shown, limit)
    for what, table in (("refund", "refunds"), ("payout", "payouts")):
        found += _absent(runtime, _COMMANDS.format(what=what, table=table), period, shown, limit)
    return found


def _shown(runtime: Runtime, record: StatementRecord) -> tuple[str, tuple[Any, ...]]:
    """Return the condition that neither this statement nor one of another account shows money; its values."""
    conditions, values = [_NO_LINE], [record.id]
    if record.new_count < record.line_count:
        conditions.append(_NO_SHARED_LINE)
        values.append(record.id)
    if query(runtime, "SELECT 1 FROM statements WHERE id <> ? LIMIT 1", (record.id,)):
        names = sorted({one["account"] for one in record.accounts} or {record.account})
        named = "1 = 1" if all(names) else "1 = 0"
        lowered = ", ".join(["LOWER(?)"] * len(names))
        conditions.append(_NOT_ELSEWHERE.format(named=named, names=lowered))
        values += [record.shortcode, *names]
    return " AND ".join(conditions), tuple(values)


def _absent(
    runtime: Runtime, sql: str, values: tuple[Any, ...], shown: tuple[str, tuple[Any, ...]], limit: int
) -> list[Absent]:
    sql = f"{sql} AND {shown[0]} ORDER BY t.id"
    rows = query(runtime, sql, (*values, *shown[1]), times=(4,), limit=limit)
    return [Absent(*row) for row in rows]
