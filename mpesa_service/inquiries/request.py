"""Asking M-Pesa what became of a transaction, and what the accounts hold: the answer comes later."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from mpesa_service.commands.command import locked
from mpesa_service.commands.sending import conclude, send, tokens_of
from mpesa_service.core import daraja_limiter, suspensions
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import SERVICE
from mpesa_service.domain.commands import InquiryKind
from mpesa_service.domain.phones import mask_party
from mpesa_service.domain.references import new_id
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.errors import NotFound, Unavailable
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.models import Inquiry, Payment, Payout, Refund
from mpesa_service.models.inquiries import InquiryStatus

FRESH_FOR = timedelta(seconds=60)
ANEW_PER_MINUTE = 6
POLL_SECONDS = 0.2
_OPEN = (InquiryStatus.SUBMITTING, InquiryStatus.PENDING)


class AskedTooSoon(Unavailable):
    """A question that may not be put again yet."""


@dataclass(frozen=True)
class Transaction:
    """What M-Pesa says of a transaction, its parties masked. Only "Completed" means that it is done."""

    status: str | None
    receipt: str | None
    amount: str | None
    debit_party: str | None
    credit_party: str | None
    reason: str | None
    finalised_at: datetime | None


@dataclass(frozen=True)
class Ours:
    """What of our own has a receipt: a payment, a refund or a payout."""

    kind: str
    id: str
    status: str


@dataclass(frozen=True)
class InquiryRecord:
    """An inquiry and, once it is answered, M-Pesa's answer."""

    id: str
    kind: str
    receipt: str | None
    status: str
    result_code: str | None
    failure_reason: str | None
    transaction: Transaction | None
    ours: Ours | None
    created_at: datetime
    completed_at: datetime | None


def transaction_status(runtime: Runtime, actor: str, receipt: str) -> InquiryRecord:
    """Ask what became of the transaction with this receipt, unless that was asked within a minute.

    Raises Unavailable where no initiator is set up or M-Pesa refuses it, and ProviderRefused.
    """
    return _ask(runtime, actor, InquiryKind.STATUS, receipt)


def ask_balance(runtime: Runtime, actor: str) -> InquiryRecord:
    """Ask what the accounts hold, unless that was asked within a minute; raises as above."""
    return _ask(runtime, actor, InquiryKind.BALANCE, None)


def ask_balance_anew(runtime: Runtime, actor: str) -> InquiryRecord:
    """Request the balances, even if another request is recent and although the initiator is suspended.

    For an operator who has changed the set-up. Raises AskedTooSoon within ten seconds, and as above.
    """
    return _ask(runtime, actor, InquiryKind.BALANCE, None, anew=True)


def find_inquiry(runtime: Runtime, inquiry_id: str) -> InquiryRecord:
    """Return a question as it stands; raise NotFound."""
    with runtime.database.read() as session:
        row = session.get(Inquiry, inquiry_id)
        if row is None:
            raise NotFound("There is no such question.")
        return _record(runtime, session, row)


def last_balance_inquiry(runtime: Runtime) -> InquiryRecord | None:
    """Return the latest question for the balances, or None."""
    with runtime.database.read() as session:
        row = session.scalars(_latest(InquiryKind.BALANCE, None)).first()
        return None if row is None else _record(runtime, session, row)


def wait_for(
    runtime: Runtime,
    record: InquiryRecord,
    seconds: float,
    sleep: Callable[[float], object] = time.sleep,
    monotonic: Callable[[], float] = time.monotonic,
) -> InquiryRecord:
    """Wait up to `seconds` for the answer, with nothing held; return the question as it then stands."""
    until = monotonic() + seconds
    while record.completed_at is None and monotonic() < until:
        sleep(POLL_SECONDS)
        record = find_inquiry(runtime, record.id)
    return record


def ask_balance_when_due(runtime: Runtime) -> int:
    """Request the balances every BALANCE_EVERY minutes, for all processes together; return 1 if requested."""
    every = timedelta(minutes=runtime.settings.balance_every)
    if not every or runtime.settings.mpesa_initiator_name is None:
        return 0
    now = runtime.clock()
    with runtime.database.begin() as session:
        if _why_not(session) is not None:
            return 0
        if daraja_limiter.lock(session, daraja_limiter.BALANCE, now) > now:
            return 0
        daraja_limiter.store(session, daraja_limiter.BALANCE, now + every)
    ask_balance(runtime, SERVICE)
    return 1


def _ask(
    runtime: Runtime, actor: str, kind: InquiryKind, receipt: str | None, *, anew: bool = False
) -> InquiryRecord:
    now = runtime.clock()
    if runtime.settings.mpesa_initiator_name is None:
        raise Unavailable("MPESA_INITIATOR_NAME is missing: M-Pesa cannot be asked.", code="not_set_up")
    with runtime.database.begin() as session:
        if anew:
            _acquire_token(session, now)
        elif (row := _in_place_of_asking(session, kind, receipt, now)) is not None:
            return _record(runtime, session, row)
        row = _new(runtime, actor, kind, receipt, now)
        session.add(row)
        session.flush()
        command, inquiry_id = InquiryCommand(session, row), row.id
    sent = send(runtime, command)
    with runtime.database.begin() as session:
        command = locked(InquiryCommand, session, inquiry_id)
        error = conclude(runtime, command, sent)
        record = _record(runtime, session, command.row)
    if error is not None:
        raise refusal_for_caller(error, {"_id": record.id})
    return record


def _acquire_token(session: Session, now: datetime) -> None:
    if not daraja_limiter.acquire(session, daraja_limiter.DOCTOR, ANEW_PER_MINUTE, now):
        raise AskedTooSoon("M-Pesa was asked a moment ago.", retry_after=10)


def _in_place_of_asking(
    session: Session, kind: InquiryKind, receipt: str | None, now: datetime
) -> Inquiry | None:
    """Return the inquiry that is still valid, or None when M-Pesa must be asked; raise if it may not be."""
    row = session.scalars(_latest(kind, receipt)).first()
    if row is not None and _still_serves(row, now):
        return row
    reason = _why_not(session)
    if reason is not None:
        raise Unavailable(f"Nothing is asked: {reason}", code="initiator_refused", retry_after=600)
    return None


def _why_not(session: Session) -> str | None:
    stopped = all(suspensions.is_in_force(session, name) for name in InquiryCommand.suspensions)
    return suspensions.why_suspended(session, suspensions.REFUNDS) if stopped else None


def _latest(kind: InquiryKind, receipt: str | None) -> Select[Inquiry]:
    latest = select(Inquiry).where(Inquiry.kind == kind).order_by(Inquiry.id.desc()).limit(1)
    return latest if receipt is None else latest.where(Inquiry.receipt == receipt)


def _still_serves(row: Inquiry, now: datetime) -> bool:
    """An open question is still waited for; an answer is fresh for a minute, a refusal never."""
    if row.state in _OPEN:
        return True
    return row.evidence != Evidence.PUSH and now - row.updated_at < FRESH_FOR


def _new(runtime: Runtime, actor: str, kind: InquiryKind, receipt: str | None, now: datetime) -> Inquiry:
    inquiry_id = new_id(now)
    return Inquiry(
        id=inquiry_id,
        kind=kind,
        receipt=receipt,
        status=InquiryStatus.SUBMITTING,
        originator_conversation_id=str(uuid.uuid4()),
        **tokens_of(runtime.encryption, InquiryCommand.name, inquiry_id).hashes(),
        next_check_at=now + CALL_LIMIT,
        check_attempts=0,
        requested_by=actor,
        created_at=now,
        updated_at=now,
    )


def _record(runtime: Runtime, session: Session, row: Inquiry) -> InquiryRecord:
    return record_from(
        InquiryRecord,
        row,
        status=str(InquiryStatus.PENDING if row.state in _OPEN else row.state),
        transaction=_transaction(runtime, row),
        ours=_ours(session, row.receipt) if row.receipt is not None else None,
    )


def _transaction(runtime: Runtime, row: Inquiry) -> Transaction | None:
    if row.answer_encrypted is None:
        return None
    answer = json.loads(runtime.encryption.decrypt(row.answer_encrypted))
    finalised = answer.pop("finalised_at")
    for party in ("debit_party", "credit_party"):
        answer[party] = mask_party(answer[party]) if answer[party] else None
    return Transaction(**answer, finalised_at=datetime.fromisoformat(finalised) if finalised else None)


def _ours(session: Session, receipt: str) -> Ours | None:
    tables: tuple[tuple[str, Any], ...] = (("payment", Payment), ("refund", Refund), ("payout", Payout))
    for kind, table in tables:
        found = session.scalars(select(table).where(table.receipt == receipt)).first()
        if found is not None:
            return Ours(kind, found.id, found.state.public)
    return None
