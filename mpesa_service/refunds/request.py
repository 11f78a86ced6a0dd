"""Starts a refund: reserves the amount, sends the command, then stores the outcome.

The amount is reserved on the payment's locked row, so finished and pending refunds never exceed the payment,
however many requests arrive at once. The command carries an id that was committed before it was sent.
"""

import logging
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mpesa_service.commands.command import locked
from mpesa_service.commands.sending import conclude, send, tokens_of
from mpesa_service.commands.shown_payouts import shown_refund
from mpesa_service.core import idempotency, suspensions
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.provider_errors import refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import CommandAccepted, DarajaError
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.commands import CommandType
from mpesa_service.domain.phones import mask_msisdn
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import new_id
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.domain.states import RefundStatus
from mpesa_service.errors import ServiceError, Unavailable
from mpesa_service.models import Payment, Refund
from mpesa_service.models.statements import lock_payment
from mpesa_service.outflow.decisions import lock_waiting
from mpesa_service.outflow.gate import admit
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.lookup import find_payment
from mpesa_service.payments.transitions import create_refund, note
from mpesa_service.payments.views import (
    PaymentRecord,
    RefundRecord,
    payment_record,
    refund_record,
    refund_records,
)
from mpesa_service.refunds.command import RefundCommand
from mpesa_service.refunds.order_effect import OrderLeftShort, order_left_short
from mpesa_service.refunds.outflow import refund_action
from mpesa_service.refunds.repeated import refuse_repeated
from mpesa_service.refunds.stated_phone import Payer, RefundRequest
from mpesa_service.refunds.terms import Terms, terms_of
from mpesa_service.refunds.unchecked import refuse_unchecked

log = logging.getLogger(__name__)

APPROVED = "refund_approved"


@dataclass(frozen=True)
class RefundStarted:
    """The outcome of the request. `refusal` is the error that the caller gets instead, if there is one.

    `payer_agrees`: whether the number that the money goes to can be the payer's; None if that is not known,
    and for a reversal. `order_left_short` is the paid order that the refund leaves short, if it does.
    """

    refund: RefundRecord
    payment: PaymentRecord
    refusal: ServiceError | None = None
    payer_agrees: bool | None = None
    order_left_short: OrderLeftShort | None = None


RenderRefund = Callable[[RefundStarted | ApprovalRecord], Answer]


def refund(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    request: RefundRequest,
    render: RenderRefund,
    keyed: KeyedRequest | None = None,
) -> Answer:
    """Refund a payment, or a part of it; return the caller's answer.

    A refund that exceeds a limit of the outflow policy is not begun: `render` gets the approval that it waits
    for. Raises NotFound, Unavailable while refunds are suspended, Conflict while a statement shows what may
    be a failed refund of the payment, and the errors of `terms_of` and of the idempotency key.
    """
    earlier = idempotency.earlier_answer(
        runtime, keyed, lambda refund_id: _finish(runtime, refund_id, keyed, render)
    )
    if earlier is not None:
        return earlier
    refuse_if_suspended(runtime)
    begun = _reserve(runtime, principal, reference, request, keyed, render)
    if isinstance(begun, Answer):
        return begun
    command, started = begun
    sent = send(runtime, command)
    try:
        return _conclude(runtime, started.refund.id, sent, keyed, render)
    except SQLAlchemyError:
        # M-Pesa may have acted: a caller who gets an error would request a second refund.
        log.exception("outcome of a refund could not be recorded", extra={"refund_id": started.refund.id})
        return render(replace(started, refund=replace(started.refund, status=RefundStatus.UNKNOWN.public)))


def refuse_if_suspended(runtime: Runtime, command_type: CommandType | None = None) -> None:
    """Raise Unavailable while refunds, or those of this type, are suspended, or not configured."""
    if runtime.settings.mpesa_initiator_name is None:
        raise Unavailable(
            "Refunds are not configured: MPESA_INITIATOR_NAME is missing.", code="refunds_not_set_up"
        )
    names = [suspensions.REFUNDS, *([suspensions.unknown_code_of(command_type)] if command_type else [])]
    with runtime.database.read() as session:
        _refuse_if_suspended(session, *names)


def _refuse_if_suspended(session: Session, *names: str) -> None:
    reason = suspensions.why_suspended(session, *names)
    if reason is not None:
        raise Unavailable(f"Refunds are suspended: {reason}", code="refunds_suspended", retry_after=600)


def list_refunds(runtime: Runtime, principal: Principal, reference: str) -> tuple[RefundRecord, ...]:
    """Return a payment's refunds, oldest first; raise NotFound if the payment is not the caller's."""
    with runtime.database.read() as session:
        return refund_records(
            runtime.encryption, session, find_payment(session, runtime, principal, reference).id
        )


def _reserve(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    request: RefundRequest,
    keyed: KeyedRequest | None,
    render: RenderRefund,
) -> tuple[RefundCommand, RefundStarted] | Answer:
    """Transaction 1: reserve the amount; return the command to send, and the records.

    Or store that the refund waits for an approval; return the caller's answer.
    """
    now = runtime.clock()
    refund_id = new_id(now)
    with runtime.database.begin() as session:
        found = find_payment(session, runtime, principal, reference)
        payment = lock_payment(session, found.id)
        if keyed is not None:
            idempotency.claim(session, keyed, refund_id, runtime.clock)
        if request.consent is not None:  # first: the second of two approvers gets its error
            lock_waiting(session, request.consent.approval_id, now)
        refuse_unchecked(session, payment)
        terms = terms_of(runtime.encryption, payment, request, runtime.settings.payout_min_amount)
        if (shown := shown_refund(session, payment.id)) is not None:
            raise shown
        if request.refuse_repeated:
            refuse_repeated(session, runtime.encryption, payment, terms, now)
        action = refund_action(runtime.encryption, payment, terms, request, principal.subject)
        waiting = admit(runtime, session, action, refund_id, request.consent)
        if waiting is not None:
            idempotency.name_resource(session, keyed, waiting.id)
            return idempotency.complete(runtime, session, keyed, render(waiting))
        row = _new_refund(runtime, payment, terms, refund_id, principal.subject, now)
        detail = _detail(runtime, payment, row, request)
        command = RefundCommand(session, row, payment)
        _refuse_if_suspended(session, suspensions.unknown_code_of(command.command_type))
        create_refund(session, payment, row, Cause(principal.subject, now, detail=detail))
        if request.consent is not None:
            note(
                session, payment, APPROVED, Cause(request.consent.by, now, detail=request.consent.detail), row
            )
        return command, _started(runtime, session, command)


def _new_refund(
    runtime: Runtime, payment: Payment, terms: Terms, refund_id: str, requested_by: str, now: datetime
) -> Refund:
    return Refund(
        id=refund_id,
        payment_id=payment.id,
        method=terms.method,
        amount=terms.amount,
        phone_encrypted=terms.phone,
        originator_conversation_id=str(uuid.uuid4()),
        **tokens_of(runtime.encryption, RefundCommand.name, refund_id).hashes(),
        # If no outcome is stored by this time, a crash has interrupted the send.
        next_check_at=now + CALL_LIMIT,
        check_attempts=0,
        requested_by=requested_by,
        created_at=now,
        updated_at=now,
    )


def _detail(runtime: Runtime, payment: Payment, row: Refund, request: RefundRequest) -> dict[str, Any]:
    """Return the detail of the audit line. A stated number is masked in it."""
    detail: dict[str, Any] = {"amount": row.amount, "method": row.method}
    if request.reason is not None:
        detail["reason"] = request.reason
    if request.consent is not None:
        detail |= request.consent.detail
    if request.phone is not None:
        agrees = Payer.of(payment).agrees(runtime.encryption, request.phone)
        detail |= {"phone": mask_msisdn(request.phone), "payerAgrees": agrees}
    return detail


def _started(
    runtime: Runtime, session: Session, command: RefundCommand, refusal: ServiceError | None = None
) -> RefundStarted:
    encryption, row, payment = runtime.encryption, command.row, command.payment
    phone = encryption.decrypt(row.phone_encrypted) if row.phone_encrypted else None
    return RefundStarted(
        refund_record(encryption, row),
        payment_record(session, encryption, payment),
        refusal,
        payer_agrees=None if phone is None else Payer.of(payment).agrees(encryption, phone),
        order_left_short=order_left_short(session, payment),
    )


def _conclude(
    runtime: Runtime,
    refund_id: str,
    sent: CommandAccepted | DarajaError,
    keyed: KeyedRequest | None,
    render: RenderRefund,
) -> Answer:
    """Transaction 2: store the outcome and the caller's answer."""
    with runtime.database.begin() as session:
        command = locked(RefundCommand, session, refund_id)
        error = conclude(runtime, command, sent)
        details = {"refundId": None, "_id": refund_id}
        refusal = refusal_for_caller(error, details, command.command_type) if error else None
        return _answer(runtime, session, command, keyed, render, refusal)


def _finish(runtime: Runtime, refund_id: str, keyed: KeyedRequest | None, render: RenderRefund) -> Answer:
    """Return the answer for a request that was killed between the transactions: its outcome is unknown."""
    with runtime.database.begin() as session:
        command = locked(RefundCommand, session, refund_id)
        if command.row.state is RefundStatus.SUBMITTING:
            command.move("unanswered", Cause(SERVICE, runtime.clock()))
        return _answer(runtime, session, command, keyed, render, None)


def _answer(
    runtime: Runtime,
    session: Session,
    command: RefundCommand,
    keyed: KeyedRequest | None,
    render: RenderRefund,
    refusal: ServiceError | None,
) -> Answer:
    session.flush()
    started = _started(runtime, session, command, refusal)
    return idempotency.complete(runtime, session, keyed, render(started))
