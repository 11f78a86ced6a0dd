"""Starting a payment: intent first, then the prompt, then what came of it.

    transaction 1   claim the idempotency key, write the payment with its callback token
    nothing open    Daraja pushes the prompt
    transaction 2   accepted, refused or unknown; store the answer under the key

A crash in between leaves a `submitting` payment whose outcome is unknown: it is never pushed again.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mpesa_service.daraja import DarajaError, NotSent, Refused, StkPush, StkPushAccepted
from mpesa_service.domain.decisions import Evidence
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.phones import mask_msisdn
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import account_reference, new_id, new_token
from mpesa_service.domain.schedule import ASK_AFTER, CALL_LIMIT, GIVE_UP_AFTER, next_ask
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import ServiceError
from mpesa_service.log_context import about
from mpesa_service.models import Payment
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.models.statements import lock_payment
from mpesa_service.services import idempotency
from mpesa_service.services.admission import insert_live
from mpesa_service.services.idempotency import Answer, KeyedRequest
from mpesa_service.services.provider_errors import failure_of, refusal_for_caller
from mpesa_service.services.records import PaymentRecord, Shown, payment_record
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.starting import conclude_at_once, write_intent
from mpesa_service.services.states import MPESA, SERVICE, Cause, move_payment
from mpesa_service.services.vault import token_hash

log = logging.getLogger(__name__)

DESCRIPTION = "Payment"
"""TransactionDesc of every push (at most 13 characters)."""


@dataclass(frozen=True)
class Order:
    """What the caller wants paid: whole shillings, from a normalised number."""

    order_id: str
    amount: int
    phone: str
    metadata: dict[str, Any]


@dataclass(frozen=True)
class Initiated:
    """What became of the push; `refusal` is the error that the caller gets instead, if any."""

    payment: PaymentRecord
    response_code: str | None = None
    refusal: ServiceError | None = None


Render = Callable[[Initiated], Answer]
"""Turns an outcome into the exact answer, so that it is stored in the transaction that decides it."""


def initiate(
    runtime: Runtime,
    principal: Principal,
    order: Order,
    render: Render,
    request: KeyedRequest | None = None,
) -> Answer:
    """Start a payment and send its prompt; return the caller's answer.

    Raises Conflict or TryLater while another payment of the order or the phone is in the way,
    LimitExceeded when the number has had its prompts, KeyReused and TryLater for the key.
    """
    phone_hash = runtime.vault.fingerprint("phone", order.phone)
    token = new_token()
    columns = _columns(runtime, principal, order, phone_hash, token)

    try:
        runtime.prompt_limit.check(phone_hash)
        payment = insert_live(
            runtime,
            principal,
            order.order_id,
            phone_hash,
            lambda: write_intent(runtime, principal, columns, request),
        )
    except ServiceError:
        # What was begun under the key is answered, whatever stands in the way of something new.
        earlier = idempotency.earlier_answer(
            runtime, request, lambda begun: _finish(runtime, begun, request, render)
        )
        if earlier is None:
            raise
        return earlier
    with about(payment_id=columns["id"]):
        pushed = _push(runtime, order, token)
    if not isinstance(pushed, Refused | NotSent):
        runtime.prompt_limit.count(phone_hash)
    try:
        return _conclude(runtime, payment, order, pushed, request, render)
    except SQLAlchemyError:
        # M-Pesa may have acted: whoever hears "nothing was done" would start a second payment.
        log.exception("outcome of a push could not be recorded", extra={"payment_id": columns["id"]})
        return render(_unrecorded(runtime, columns))


def _unrecorded(runtime: Runtime, columns: dict[str, Any]) -> Initiated:
    """Return the payment as it is known without the database: its outcome is unknown."""
    payment = Payment(**columns, status=PaymentStatus.UNKNOWN)
    record = payment_record(None, runtime.vault, payment)
    return Initiated(record)


def _columns(
    runtime: Runtime, principal: Principal, order: Order, phone_hash: str, token: str
) -> dict[str, Any]:
    now = runtime.clock()
    return {
        "id": new_id(now),
        "provider": Provider.MPESA,
        "channel": Channel.STK,
        "owner": principal.subject,
        "order_id": order.order_id,
        "amount": order.amount,
        "currency": CURRENCY,
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "asks_made": 0,
        "outgoing_count": 0,
        "details": order.metadata,
        "phone_encrypted": runtime.vault.encrypt(order.phone),
        "phone_hash": phone_hash,
        "account_reference": account_reference(order.order_id),
        "reference_key": reference_key(order.order_id),
        "callback_token_hash": token_hash(token),
        "live_order": order.order_id,
        "live_phone": phone_hash,
        "prompt_expires_at": now + runtime.settings.prompt_lifetime,
        # Until the push is accounted for, this is when it must have been cut off by a crash.
        "ask_at": now + CALL_LIMIT,
        "ask_from": now,
        "created_at": now,
        "updated_at": now,
    }


def _push(runtime: Runtime, order: Order, token: str) -> StkPushAccepted | DarajaError:
    try:
        return runtime.daraja.stk_push(
            StkPush(
                amount=order.amount,
                msisdn=order.phone,
                account_reference=account_reference(order.order_id),
                description=DESCRIPTION,
                callback_url=f"{runtime.settings.callback_url}/{token}",
            )
        )
    except DarajaError as error:
        return error


def _conclude(
    runtime: Runtime,
    payment: Payment,
    order: Order,
    pushed: StkPushAccepted | DarajaError,
    request: KeyedRequest | None,
    render: Render,
) -> Answer:
    """Transaction 2."""
    if isinstance(pushed, StkPushAccepted):
        shown = Shown(mask_msisdn(order.phone), pushed.checkout_request_id)

        def answer() -> Answer:
            record = payment_record(None, runtime.vault, payment, shown)
            return render(Initiated(record, pushed.response_code))

        def move(session: Session) -> None:
            _accepted(runtime, session, payment, pushed)

        given = conclude_at_once(runtime, payment, move, answer, request)
        if given is not None:
            return given
    return _conclude_locked(runtime, payment.id, pushed, request, render)


def _conclude_locked(
    runtime: Runtime,
    payment_id: str,
    pushed: StkPushAccepted | DarajaError,
    request: KeyedRequest | None,
    render: Render,
) -> Answer:
    """Look first. A callback may have settled the payment already; then only the ids are news."""
    refusal = None
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        if isinstance(pushed, StkPushAccepted):
            _accepted(runtime, session, payment, pushed)
        elif payment.state is PaymentStatus.SUBMITTING:
            refusal = _not_accepted(runtime, session, payment, pushed)
        outcome = Initiated(
            payment_record(session, runtime.vault, payment),
            pushed.response_code if isinstance(pushed, StkPushAccepted) else None,
            refusal,
        )
        return idempotency.complete(runtime, session, request, render(outcome))


def _accepted(runtime: Runtime, session: Session, payment: Payment, pushed: StkPushAccepted) -> None:
    learn_ids(runtime, payment, pushed.checkout_request_id, pushed.merchant_request_id)
    if payment.state is PaymentStatus.SUBMITTING:
        now = runtime.clock()
        payment.ask_at = next_ask(ASK_AFTER, now, payment.asks_made, now, runtime.jitter())
        move_payment(session, payment, "push_accepted", Cause(MPESA, now, Evidence.PUSH))


def learn_ids(runtime: Runtime, payment: Payment, checkout_id: str, merchant_id: str | None) -> None:
    """Keep Daraja's ids of a payment; the CheckoutRequestID contains the phone number."""
    payment.checkout_id_encrypted = runtime.vault.encrypt(checkout_id)
    payment.checkout_id_hash = runtime.vault.fingerprint("checkout", checkout_id)
    payment.merchant_request_id = merchant_id


def _not_accepted(
    runtime: Runtime, session: Session, payment: Payment, error: DarajaError
) -> ServiceError | None:
    now = runtime.clock()
    failure = failure_of(error)
    payment.result_code = failure.code
    payment.result_desc = failure.description
    cause = Cause(MPESA, now, Evidence.PUSH, {"error": failure.description})
    if isinstance(error, Refused | NotSent):
        payment.failure_reason = failure.reason
        move_payment(session, payment, "push_refused", cause)
        return refusal_for_caller(error, {"paymentId": payment.id})
    payment.ask_at = now + GIVE_UP_AFTER
    move_payment(session, payment, "push_unanswered", cause)
    return None


def _finish(runtime: Runtime, payment_id: str, request: KeyedRequest | None, render: Render) -> Answer:
    """Answer for one who was killed between the transactions: its push is unaccounted for."""
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        if payment.state is PaymentStatus.SUBMITTING:
            move_payment(session, payment, "push_unanswered", Cause(SERVICE, runtime.clock()))
        outcome = Initiated(payment_record(session, runtime.vault, payment))
        return idempotency.complete(runtime, session, request, render(outcome))
