"""Paying money back by B2C: reserve first, then send, then what came of it.

The amount is reserved on the payment's locked row, so refunds done and in flight never exceed the
payment, however many are asked for at once. What is sent carries an id that was committed before.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from mpesa_service.daraja import (
    B2cPayment,
    CommandAccepted,
    DarajaError,
    Duplicate,
    OutcomeUnknown,
)
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import new_id, new_token
from mpesa_service.domain.states import REFUNDABLE, RefundStatus
from mpesa_service.errors import Conflict, InvalidAmount, ServiceError, Unavailable
from mpesa_service.log_context import about
from mpesa_service.models import Payment, Refund
from mpesa_service.models.statements import lock_payment, lock_refund_where
from mpesa_service.services import idempotency
from mpesa_service.services.idempotency import Answer, KeyedRequest
from mpesa_service.services.lookups import find_payment
from mpesa_service.services.provider_errors import failure_of, refusal_for_caller
from mpesa_service.services.records import (
    PaymentRecord,
    RefundRecord,
    payment_record,
    refund_record,
    refund_records,
)
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, SERVICE, Cause, create_refund, move_refund
from mpesa_service.services.vault import token_hash

REMARKS = "Refund"


@dataclass(frozen=True)
class RefundStarted:
    """What became of the request to pay back; `refusal` is the caller's error instead, if any."""

    refund: RefundRecord
    payment: PaymentRecord
    refusal: ServiceError | None = None


Render = Callable[[RefundStarted], Answer]


@dataclass(frozen=True)
class _Intent:
    """A committed refund, ready to be sent."""

    payment_id: str
    refund_id: str
    amount: int
    phone: str
    originator_conversation_id: str
    result_token: str
    timeout_token: str


def refund(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    amount: int | None,
    render: Render,
    request: KeyedRequest | None = None,
) -> Answer:
    """Pay back `amount` shillings of a payment, or all that is left of it; return the caller's answer.

    Raises NotFound, Conflict when the payment is not paid or nothing is left, InvalidAmount when more
    is asked than is left, and what the idempotency key says.
    """
    earlier = idempotency.earlier_answer(
        runtime, request, lambda begun: _finish(runtime, begun, request, render)
    )
    if earlier is not None:
        return earlier
    if runtime.settings.mpesa_initiator_name is None:
        raise Unavailable(
            "Refunds are not set up: MPESA_INITIATOR_NAME is missing.", code="refunds_not_set_up"
        )
    intent = _reserve(runtime, principal, reference, amount, request)
    with about(payment_id=intent.payment_id, refund_id=intent.refund_id):
        sent = _send(runtime, intent)
    return _conclude(runtime, intent.refund_id, sent, request, render)


def list_refunds(runtime: Runtime, principal: Principal, reference: str) -> tuple[RefundRecord, ...]:
    """Return a payment's refunds, oldest first; raise NotFound if the payment is not the caller's."""
    with runtime.database.read() as session:
        return refund_records(session, find_payment(session, runtime, principal, reference))


def _reserve(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    amount: int | None,
    request: KeyedRequest | None,
) -> _Intent:
    """Transaction 1."""
    now = runtime.clock()
    refund_id, result_token, timeout_token = new_id(now), new_token(), new_token()
    with runtime.database.begin() as session:
        found = find_payment(session, runtime, principal, reference)
        payment = lock_payment(session, found.id)
        if request is not None:
            idempotency.claim(session, request, refund_id, runtime.clock)
        amount = _allowed_amount(payment, amount)
        row = Refund(
            id=refund_id,
            payment_id=payment.id,
            amount=amount,
            phone_encrypted=payment.phone_encrypted,
            originator_conversation_id=str(uuid.uuid4()),
            result_token_hash=token_hash(result_token),
            timeout_token_hash=token_hash(timeout_token),
            requested_by=principal.subject,
            created_at=now,
            updated_at=now,
        )
        detail = {"amount": amount}
        create_refund(session, payment, row, Cause(principal.subject, now, detail=detail))
        return _Intent(
            payment.id,
            refund_id,
            amount,
            runtime.vault.decrypt(row.phone_encrypted),
            row.originator_conversation_id,
            result_token,
            timeout_token,
        )


def _allowed_amount(payment: Payment, amount: int | None) -> int:
    details = {"status": payment.state.public, "refundableAmount": payment.refundable_amount}
    if payment.state not in REFUNDABLE:
        raise Conflict(
            f"A payment that is {payment.state.public} cannot be refunded.",
            code="not_refundable",
            details=details,
        )
    if payment.refundable_amount == 0:
        raise Conflict(
            "Nothing is left to refund: the rest is refunded or being refunded.",
            code="nothing_to_refund",
            details=details,
        )
    if amount is not None and amount > payment.refundable_amount:
        raise InvalidAmount(
            f"Only {payment.refundable_amount} shillings of this payment can still be refunded.",
            code="refund_too_large",
            details=details,
        )
    return payment.refundable_amount if amount is None else amount


def _send(runtime: Runtime, intent: _Intent) -> CommandAccepted | DarajaError:
    base = runtime.settings.callback_url
    try:
        return runtime.daraja.b2c_payment(
            B2cPayment(
                originator_conversation_id=intent.originator_conversation_id,
                amount=intent.amount,
                msisdn=intent.phone,
                remarks=REMARKS,
                occasion=intent.refund_id,
                result_url=f"{base}/b2c/result/{intent.result_token}",
                timeout_url=f"{base}/b2c/timeout/{intent.timeout_token}",
            )
        )
    except DarajaError as error:
        return error


def _conclude(
    runtime: Runtime,
    refund_id: str,
    sent: CommandAccepted | DarajaError,
    request: KeyedRequest | None,
    render: Render,
) -> Answer:
    """Transaction 2. The result may have come before Daraja's answer; then only the id is news."""
    refusal = None
    with runtime.database.begin() as session:
        payment, row = _locked(session, refund_id)
        if isinstance(sent, CommandAccepted):
            row.conversation_id = row.conversation_id or sent.conversation_id
        if row.state is RefundStatus.SUBMITTING:
            refusal = _record_outcome(runtime, session, payment, row, sent)
        return _answer(runtime, session, payment, row, request, render, refusal)


def _record_outcome(
    runtime: Runtime,
    session: Session,
    payment: Payment,
    row: Refund,
    sent: CommandAccepted | DarajaError,
) -> ServiceError | None:
    now = runtime.clock()
    # "Duplicate" means that an earlier send of the same id was accepted.
    if isinstance(sent, CommandAccepted | Duplicate):
        move_refund(session, payment, row, "refund_accepted", Cause(MPESA, now, Evidence.PUSH))
        return None
    failure = failure_of(sent)
    row.result_code, row.result_desc = failure.code, failure.description
    cause = Cause(MPESA, now, Evidence.PUSH, {"error": failure.description})
    if isinstance(sent, OutcomeUnknown):
        move_refund(session, payment, row, "refund_unanswered", cause)
        return None
    row.failure_reason = failure.reason
    payment.refunding_amount -= row.amount
    move_refund(session, payment, row, "refund_refused", cause)
    return refusal_for_caller(sent, {"refundId": None, "_id": row.id})


def _finish(runtime: Runtime, refund_id: str, request: KeyedRequest | None, render: Render) -> Answer:
    """Answer for one who was killed between the transactions: whether it was sent is unknown."""
    with runtime.database.begin() as session:
        payment, row = _locked(session, refund_id)
        if row.state is RefundStatus.SUBMITTING:
            cause = Cause(SERVICE, runtime.clock())
            move_refund(session, payment, row, "refund_unanswered", cause)
        return _answer(runtime, session, payment, row, request, render, None)


def _locked(session: Session, refund_id: str) -> tuple[Payment, Refund]:
    row = lock_refund_where(session, id=refund_id)
    if row is None:
        raise LookupError(f"refund {refund_id} has vanished")
    return lock_payment(session, row.payment_id), row


def _answer(
    runtime: Runtime,
    session: Session,
    payment: Payment,
    row: Refund,
    request: KeyedRequest | None,
    render: Render,
    refusal: ServiceError | None,
) -> Answer:
    session.flush()
    record = payment_record(session, runtime.vault, payment)
    return idempotency.complete(session, request, render(RefundStarted(refund_record(row), record, refusal)))
