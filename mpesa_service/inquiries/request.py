"""Inquiries: the status of a transaction, and the account balances. M-Pesa answers later."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

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
from mpesa_service.inquiries.command import InquiryCommand, type_of
from mpesa_service.inquiries.ours import Ours, record_of_receipt
from mpesa_service.models import Inquiry
from mpesa_service.models.inquiries import InquiryStatus

FRESH_FOR = timedelta(seconds=60)
AGAIN_PER_MINUTE = 6
POLL_SECONDS = 0.2
_OPEN = (InquiryStatus.SUBMITTING, InquiryStatus.PENDING)


class QueriedTooSoon(Unavailable):
    """The same inquiry is too recent to be repeated."""


@dataclass(frozen=True)
class Transaction:
    """M-Pesa's report on a transaction, with masked parties. Only "Completed" means that it is done."""

    status: str | None
    receipt: str | None
    amount: str | None
    debit_party: str | None
    credit_party: str | None
    reason: str | None
    finalised_at: datetime | None


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
    booking: str | None
    booking_reason: str | None
    payment_id: str | None
    created_at: datetime
    completed_at: datetime | None


Prepare = Callable[[Session, Inquiry], None]
"""Changes an inquiry in the transaction that begins it, or that finds one that is still valid."""


def transaction_status(
    runtime: Runtime, actor: str, receipt: str, prepare: Prepare | None = None
) -> InquiryRecord:
    """Query the status of the transaction with this receipt, unless the last query is less than a minute old.

    Raises Unavailable where no initiator is set up or M-Pesa refuses it, and ProviderRefused.
    """
    return _query(runtime, actor, InquiryKind.STATUS, receipt, prepare=prepare)


def query_balance(runtime: Runtime, actor: str) -> InquiryRecord:
    """Query the account balances, unless the last query is less than a minute old; raises as above."""
    return _query(runtime, actor, InquiryKind.BALANCE, None)


def query_balance_again(runtime: Runtime, actor: str) -> InquiryRecord:
    """Query the balances, even if another query is recent or the initiator is suspended.

    For an operator who has changed the set-up. Raises QueriedTooSoon within ten seconds, and as above.
    """
    return _query(runtime, actor, InquiryKind.BALANCE, None, again=True)


def find_inquiry(runtime: Runtime, inquiry_id: str) -> InquiryRecord:
    """Return an inquiry; raise NotFound."""
    with runtime.database.read() as session:
        row = session.get(Inquiry, inquiry_id)
        if row is None:
            raise NotFound("There is no such inquiry.")
        return _record(runtime, session, row)


def last_balance_inquiry(runtime: Runtime) -> InquiryRecord | None:
    """Return the latest inquiry about the balances, or None."""
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
    """Wait up to `seconds` for the answer, without a lock; return the inquiry as it then is."""
    until = monotonic() + seconds
    while record.completed_at is None and monotonic() < until:
        sleep(POLL_SECONDS)
        record = find_inquiry(runtime, record.id)
    return record


def query_balance_when_due(runtime: Runtime) -> int:
    """Query the balances every BALANCE_EVERY minutes, for all processes together; return 1 if queried."""
    every = timedelta(minutes=runtime.settings.balance_every)
    if not every or runtime.settings.mpesa_initiator_name is None:
        return 0
    now = runtime.clock()
    with runtime.database.begin() as session:
        if _why_not(session, InquiryKind.BALANCE) is not None:
            return 0
        if daraja_limiter.lock(session, daraja_limiter.BALANCE, now) > now:
            return 0
        daraja_limiter.store(session, daraja_limiter.BALANCE, now + every)
    query_balance(runtime, SERVICE)
    return 1


def _query(
    runtime: Runtime,
    actor: str,
    kind: InquiryKind,
    receipt: str | None,
    *,
    again: bool = False,
    prepare: Prepare | None = None,
) -> InquiryRecord:
    now = runtime.clock()
    if runtime.settings.mpesa_initiator_name is None:
        raise Unavailable("MPESA_INITIATOR_NAME is missing: M-Pesa cannot be queried.", code="not_set_up")
    with runtime.database.begin() as session:
        if again:
            if not daraja_limiter.acquire(session, daraja_limiter.DOCTOR, AGAIN_PER_MINUTE, now):
                raise QueriedTooSoon("M-Pesa was queried a moment ago.", retry_after=10)
        elif (row := _current_inquiry(session, kind, receipt, now)) is not None:
            if prepare is not None:
                prepare(session, row)
                session.flush()
            return _record(runtime, session, row)
        row = _new(runtime, actor, kind, receipt, now)
        session.add(row)
        session.flush()
        if prepare is not None:
            prepare(session, row)
            session.flush()
        command, inquiry_id = InquiryCommand(session, row), row.id
    sent = send(runtime, command)
    with runtime.database.begin() as session:
        command = locked(InquiryCommand, session, inquiry_id)
        error = conclude(runtime, command, sent)
        record = _record(runtime, session, command.row)
        command_type = command.command_type
    if error is not None:
        raise refusal_for_caller(error, {"_id": record.id}, command_type) from error
    return record


def _current_inquiry(
    session: Session, kind: InquiryKind, receipt: str | None, now: datetime
) -> Inquiry | None:
    """Return the inquiry that is still valid, or None when M-Pesa must be queried; raise if it may not be."""
    row = session.scalars(_latest(kind, receipt)).first()
    if row is not None and _is_current(row, now):
        return row
    refusal = _why_not(session, kind)
    if refusal is not None:
        raise refusal
    return None


def _why_not(session: Session, kind: InquiryKind) -> Unavailable | None:
    """Return the error if inquiries of this kind are suspended; else None."""
    if all(suspensions.is_in_force(session, name) for name in InquiryCommand.suspensions):
        reason = suspensions.why_suspended(session, suspensions.REFUNDS)
        return Unavailable(f"M-Pesa is not queried: {reason}", code="initiator_refused", retry_after=600)
    reason = suspensions.why_suspended(session, suspensions.unknown_code_of(type_of(kind)))
    if reason is None:
        return None
    return Unavailable(f"M-Pesa is not queried: {reason}", code="inquiries_suspended", retry_after=600)


def _latest(kind: InquiryKind, receipt: str | None) -> Select[Inquiry]:
    latest = select(Inquiry).where(Inquiry.kind == kind).order_by(Inquiry.id.desc()).limit(1)
    return latest if receipt is None else latest.where(Inquiry.receipt == receipt)


def _is_current(row: Inquiry, now: datetime) -> bool:
    """An open inquiry is current; an answer is current for a minute, a refusal never."""
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
        ours=record_of_receipt(session, row.receipt) if row.receipt is not None else None,
    )


def _transaction(runtime: Runtime, row: Inquiry) -> Transaction | None:
    if row.answer_encrypted is None:
        return None
    answer = json.loads(runtime.encryption.decrypt(row.answer_encrypted))
    finalised = answer.pop("finalised_at")
    answer.pop("account", None)
    for party in ("debit_party", "credit_party"):
        answer[party] = mask_party(answer[party]) if answer[party] else None
    return Transaction(**answer, finalised_at=datetime.fromisoformat(finalised) if finalised else None)
