"""The history of the account balances. A low balance suspends payouts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.core import daraja_limiter, suspensions
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import ReportedBalance
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event
from mpesa_service.models import AccountBalance, OutgoingEvent
from mpesa_service.webhooks.outbox import publish

PAYING_ACCOUNT = "Utility Account"
"""B2C pays from it (Safaricom's portal documentation)."""
SUBJECT = "balance"


@dataclass(frozen=True)
class BalanceRecord:
    """The balance of one account, in shillings with cents."""

    account: str
    currency: str
    current: Decimal
    available: Decimal
    reserved: Decimal
    uncleared: Decimal
    at: datetime


def book_balances(
    runtime: Runtime, session: Session, inquiry_id: str, accounts: Sequence[ReportedBalance]
) -> None:
    """Store the balance of every account, and check the account that pays."""
    now = runtime.clock()
    # Two answers at once must not both be the first that is low.
    daraja_limiter.lock(session, daraja_limiter.BALANCE, now)
    rows = {account.name[:64]: _row(inquiry_id, account, now) for account in accounts}
    session.add_all(rows.values())
    session.flush()
    paying = rows.get(PAYING_ACCOUNT)
    if paying is not None:
        _check_low_balance(runtime.settings.low_balance, session, paying)


def latest_balances(runtime: Runtime, history: int = 1) -> list[BalanceRecord]:
    """Return the last `history` balances of each account, by account, newest first."""
    number = func.row_number().over(partition_by=AccountBalance.account, order_by=AccountBalance.id.desc())
    numbered = select(AccountBalance.id, number.label("number")).subquery()
    statement = (
        select(AccountBalance)
        .join(numbered, numbered.c.id == AccountBalance.id)
        .where(numbered.c.number <= history)
        .order_by(AccountBalance.account, AccountBalance.id.desc())
    )
    with runtime.database.read() as session:
        return [_record(row) for row in session.scalars(statement)]


def _row(inquiry_id: str, reported: ReportedBalance, now: datetime) -> AccountBalance:
    current = _cents(reported.current)
    return AccountBalance(
        inquiry_id=inquiry_id,
        account=reported.name[:64],
        currency=reported.currency[:3],
        current_cents=current,
        available_cents=current if reported.available is None else _cents(reported.available),
        reserved_cents=_cents(reported.reserved or Decimal()),
        uncleared_cents=_cents(reported.uncleared or Decimal()),
        at=now,
    )


def _cents(shillings: Decimal) -> int:
    return int((shillings * 100).to_integral_value())


def _shillings(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(Decimal("0.01"))


def _check_low_balance(least: int | None, session: Session, row: AccountBalance) -> None:
    """Suspend payouts if the balance is below `least` shillings; resume them if it is sufficient again."""
    if least is None or row.available_cents >= least * 100:
        suspensions.end(session, suspensions.LOW_BALANCE)
        return
    if _was_published(session, row, least):
        return
    available = _shillings(row.available_cents)
    why = f"{row.account} has {available} shillings, less than the {least} of LOW_BALANCE."
    suspensions.suspend(session, suspensions.LOW_BALANCE, why, row.at)
    last = select(func.max(OutgoingEvent.sequence)).where(OutgoingEvent.subject_id == SUBJECT)
    number = (session.scalar(last) or 0) + 1
    publish(session, low_balance_event(row.account, row.available_cents, least, number, row.at))


def low_balance_event(account: str, available_cents: int, least: int, sequence: int, at: datetime) -> Event:
    """Return the event of an account that falls below `least` shillings."""
    available = str(_shillings(available_cents))
    data = {"account": account, "available": available, "lowBalance": least, "currency": "kes"}
    return Event(EventType.BALANCE_LOW, SUBJECT, sequence, data, at)


def _was_published(session: Session, row: AccountBalance, least: int) -> bool:
    """Return whether an event has reported this fall: since the last sufficient balance, if there was one."""
    enough = select(func.max(AccountBalance.at)).where(
        AccountBalance.account == row.account, AccountBalance.available_cents >= least * 100
    )
    reported = select(OutgoingEvent.id).where(OutgoingEvent.subject_id == SUBJECT)
    since = session.scalar(enough)
    if since is not None:
        reported = reported.where(OutgoingEvent.created_at > since)
    return session.scalars(reported.limit(1)).first() is not None


def _record(row: AccountBalance) -> BalanceRecord:
    return BalanceRecord(
        account=row.account,
        currency=row.currency,
        current=_shillings(row.current_cents),
        available=_shillings(row.available_cents),
        reserved=_shillings(row.reserved_cents),
        uncleared=_shillings(row.uncleared_cents),
        at=row.at,
    )
