"""What our record has and the statement does not show: money received, refunds and payouts of its period.

A missing line proves something only within the period of the file, for its account, and only while the
running balance is unbroken. So nothing is listed before all three are so. Another file of the same account
excuses nothing: if it shows the money, one of the two files is wrong.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.references import first_id
from mpesa_service.domain.statements import counted_period, proven_period
from mpesa_service.domain.states import PAID
from mpesa_service.models.driver import ResultRows
from mpesa_service.statements.balances import NO_BALANCES, NO_LINES
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.window import marks, query

_CUSTOMERS = ("utility", "merchant")
"""Parts of the names of the accounts that receive customers' money and pay the payouts."""
BROKEN = "its running balance is broken"
WITHDRAWN = "it was withdrawn"
NO_BALANCE = "it has no balances"
ROWS_UNREAD = "some of its rows were not understood"
OTHER_ACCOUNT = "customers do not pay into this account"
NO_PERIOD = "its period had not begun when it was imported, or it has no lines"
NOT_OURS = "the shortcode is not the one of this service"

_UNPROVEN = {NO_LINES: "it has no lines", NO_BALANCES: NO_BALANCE}


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
    elif record.withdrawn_at is not None:
        reason = WITHDRAWN
    elif not is_customers_account(record):
        reason = OTHER_ACCOUNT
    elif record.balanced is None:
        reason = next((why for text, why in _UNPROVEN.items() if text in record.findings), ROWS_UNREAD)
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
                WHERE {_MOVED} AND s.withdrawn_at IS NULL
                AND (s.shortcode <> ? OR ({{named}} AND l.account <> ''
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
# The money of a command moves after it is created, and before its result is stored. One that a person has
# decided on is not listed. M-Pesa takes a reversal from the account that received the payment.
_REFUNDS = f"""
    SELECT 'refund', t.id, t.receipt, t.amount * 100, t.completed_at, {_SHOWN_BY}, t.method,
        t.method = 'reversal' AND EXISTS ({{here}} AND s.id = t.payment_id)
    FROM refunds t
    WHERE t.receipt IS NOT NULL AND t.status = 'succeeded' AND t.created_at >= ? AND t.completed_at <= ?
    AND NOT EXISTS (SELECT 1 FROM payment_events e WHERE e.payment_id = t.payment_id AND e.refund_id = t.id
                    AND e.cause = 'refund_settled_by_operator')
"""
_PAYOUTS = f"""
    SELECT 'payout', t.id, t.receipt, t.amount * 100, t.completed_at, {_SHOWN_BY}, t.type, FALSE
    FROM payouts t
    WHERE t.receipt IS NOT NULL AND t.status = 'succeeded' AND t.created_at >= ? AND t.completed_at <= ?
    AND NOT EXISTS (SELECT 1 FROM payout_events e WHERE e.subject_id = t.id
                    AND e.cause = 'payout_settled_by_operator')
"""
_HERE = """
    SELECT 1 FROM {table} s JOIN statement_lines k ON k.receipt = s.receipt
    JOIN statements x ON x.id = k.statement_id
    WHERE x.shortcode = ? AND k.account IN ({accounts}) AND k.kind NOT IN ('charge', 'not_completed')
"""
_FROM_UTILITY = ("b2c", "b2pochi")
"""The methods of refunds and types of payouts that M-Pesa pays from the utility account (documented)."""


def absent_from(runtime: Runtime, record: StatementRecord, proof: Proof, limit: int) -> list[Absent]:
    """Return what the statement should show and does not, oldest first, at most `limit` of each kind."""
    if proof.begin is None or proof.end is None:
        return []
    period, shown = (proof.begin, proof.end), _shown(runtime, record)
    found = _absent(runtime, _FRACTIONAL, (*period, record.shortcode), shown, limit)
    return [
        *absent_payments(runtime, record, proof, limit),
        *(Absent(*row) for row in found),
        *absent_commands(runtime, record, proof, limit),
    ]


def absent_payments(runtime: Runtime, record: StatementRecord, proof: Proof, limit: int) -> list[Absent]:
    """Return the payments that the statement should show and does not, oldest first, at most `limit`."""
    if proof.begin is None or proof.end is None:
        return []
    period = (proof.begin, proof.end)
    values = (*period, *period, first_id(proof.end), record.shortcode)
    return [Absent(*row) for row in _absent(runtime, _PAYMENTS, values, _shown(runtime, record), limit)]


def absent_commands(runtime: Runtime, record: StatementRecord, proof: Proof, limit: int) -> list[Absent]:
    """Return the refunds and payouts that the statement should show and does not, at most `limit` of each.

    A shortcode has several accounts, and not every command is paid from each one. So one is absent only if
    the account is known to pay such commands.
    """
    if proof.begin is None or proof.end is None:
        return []
    own, period, shown = _accounts(record), (proof.begin, proof.end), _shown(runtime, record)
    refunds = _REFUNDS.format(here=_here("payments", own))
    rows = _absent(runtime, refunds, (*own, *period), shown, limit)
    rows += _absent(runtime, _PAYOUTS, period, shown, limit)
    kinds = {(row[0], row[6]) for row in rows if not row[7]}
    pays = {(what, kind): _pays(runtime, own, what, kind) for what, kind in kinds}
    return [Absent(*row[:6]) for row in rows if row[7] or pays[row[0], row[6]]]


def _accounts(record: StatementRecord) -> tuple[str, ...]:
    """Return the shortcode and its accounts of a statement: the values of `_HERE`."""
    return (record.shortcode, *([one["account"] for one in record.accounts] or [record.account]))


def _here(table: str, own: Sequence[str]) -> str:
    return _HERE.format(table=table, accounts=marks(own[1:]))


def _pays(runtime: Runtime, own: Sequence[str], what: str, kind: str) -> bool:
    """Return whether commands of this kind are paid from these accounts: by their name, or by a line."""
    if kind in _FROM_UTILITY and all("utility" in name.casefold() for name in own[1:]):
        return True
    column = "method" if what == "refund" else "type"
    sql = f"{_here(f'{what}s', own)} AND s.{column} = ?"
    return bool(query(runtime, sql, (*own, kind), limit=1))


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
) -> ResultRows:
    sql = f"{sql} AND {shown[0]} ORDER BY t.id"
    return [*query(runtime, sql, (*values, *shown[1]), times=(4,), limit=limit)]
