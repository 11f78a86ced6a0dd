"""Starts a payment: stores the intent, sends the prompt, then stores the outcome.

    transaction 1      claim the idempotency key, write the payment with its callback token
    no transaction     Daraja sends the prompt
    transaction 2      accepted, refused or unknown; store the answer under the key

A crash between them leaves a `submitting` payment with an unknown outcome. It is not pushed again.
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core import idempotency
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.log_context import about
from mpesa_service.core.log_format import write_lines
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, NotSent, Refused, StkPush, StkPushAccepted
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.phones import mask_msisdn
from mpesa_service.domain.plans import Absent, Update
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import account_reference, new_id, new_token
from mpesa_service.domain.reports import Verdict
from mpesa_service.domain.schedule import CALL_LIMIT
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import ServiceError
from mpesa_service.models.commit import commit
from mpesa_service.models.load import facts_of_new
from mpesa_service.models.orders import ExpectedOrder
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.payments.admission import LockHeld, insert_locked
from mpesa_service.payments.conclude import Conclusion, Initiated, RenderPayment
from mpesa_service.payments.order_admission import expected_order
from mpesa_service.payments.views import Shown, record_of

log = logging.getLogger(__name__)

DESCRIPTION = "Payment"
"""TransactionDesc of every push (at most 13 characters)."""


@dataclass(frozen=True)
class Order:
    """The payment that the caller requests: whole shillings, from a normalized number."""

    order_id: str
    amount: int
    phone: str
    metadata: dict[str, Any]


def initiate(
    runtime: Runtime,
    principal: Principal,
    order: Order,
    render: RenderPayment,
    request: KeyedRequest | None = None,
) -> Answer:
    """Start a payment and send its prompt; return the caller's answer.

    Raises Conflict or TryLater while another payment holds the order lock or the phone lock, LimitExceeded
    when the number has reached its limit of prompts, and KeyReused or TryLater for the idempotency key.
    """
    phone_hash = runtime.encryption.blind_index("phone", order.phone)
    token = new_token()
    columns = _columns(runtime, principal, order, phone_hash, token)

    try:
        runtime.prompt_limit.check(phone_hash)
        payment = insert_locked(
            runtime,
            principal,
            order.order_id,
            phone_hash,
            lambda: _write_intent(runtime, principal, columns, request),
        )
    except ServiceError:
        # A request that is known under the key gets its answer first, whatever locks a new one would meet.
        earlier = idempotency.earlier_answer(
            runtime, request, lambda payment_id: _finish(runtime, payment_id, request, render)
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
        # M-Pesa may have acted: a caller who gets an error would start a second payment.
        log.exception("outcome of a push could not be recorded", extra={"payment_id": columns["id"]})
        return render(_unrecorded(runtime, columns))


def _unrecorded(runtime: Runtime, columns: Mapping[str, Any]) -> Initiated:
    """Return the payment as it is known without the database: its outcome is unknown."""
    facts = facts_of_new({**columns, "status": PaymentStatus.UNKNOWN})
    return Initiated(record_of(runtime.encryption, facts.payment))


def _write_intent(
    runtime: Runtime, principal: Principal, columns: Mapping[str, Any], request: KeyedRequest | None
) -> PaymentFacts:
    """Transaction 1: claim the key and store the payment; return its facts.

    Raises TryLater when another request has the key, Conflict when the expected order takes no such payment,
    and LockHeld when another payment holds the order or the phone.
    """
    written = _insert(runtime, principal, columns, request, None)
    if written is None:
        with runtime.database.read() as session:
            order = expected_order(
                session, principal, columns["order_id"], columns["amount"], columns["created_at"]
            )
        written = _insert(runtime, principal, columns, request, order) if order else None
    if written is None:
        idempotency.refuse_taken(runtime, request)
        raise LockHeld
    return written


def _insert(
    runtime: Runtime,
    principal: Principal,
    columns: Mapping[str, Any],
    request: KeyedRequest | None,
    order: ExpectedOrder | None,
) -> PaymentFacts | None:
    """Store the payment if there is no expected order with its order id, or for `order` as it was read.

    Return None if nothing was stored.
    """
    now = columns["created_at"]
    change = PaymentChange(facts_of_new({**columns, "expected_order_id": order.id if order else None}))
    change.create(Cause(principal.subject, now))
    plan = change.plan_new(Verdict.APPLIED, "started")
    rows = (*idempotency.claim_row(request, columns["id"], now), *plan.rows)
    if order is None:
        absent = Absent("expected_orders", "reference", columns["order_id"])
        plan = replace(plan, rows=rows, absent=absent)
    else:
        plan = replace(plan, rows=rows, updates=(_unchanged(order),))
    with runtime.database.writing() as connection:
        written = commit(connection, plan)
        if written is None and idempotency.forget_expired(connection, request, now):
            written = commit(connection, plan)
    if written is None:
        return None
    write_lines(plan.log)
    return facts_of_new(change.now)


def _unchanged(order: ExpectedOrder) -> Update:
    """Return the condition that an order is as it was read.

    It is no `Change`, which would come first: every writer locks payments before their order.
    """
    return Update(
        "expected_orders",
        {"id": order.id, "version": order.version},
        {"version": order.version + 1},
        required=True,
    )


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
        "check_attempts": 0,
        "outgoing_count": 0,
        "details": order.metadata,
        "phone_encrypted": runtime.encryption.encrypt(order.phone),
        "phone_hash": phone_hash,
        "account_reference": account_reference(order.order_id),
        "reference_key": reference_key(order.order_id),
        "callback_token_hash": token_hash(token),
        "order_lock": order.order_id,
        "phone_lock": phone_hash,
        "prompt_expires_at": now + runtime.settings.prompt_lifetime,
        # If no outcome is stored by this time, a crash has interrupted the push.
        "next_check_at": now + CALL_LIMIT,
        "checks_since": now,
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
    facts: PaymentFacts,
    order: Order,
    pushed: StkPushAccepted | DarajaError,
    request: KeyedRequest | None,
    render: RenderPayment,
) -> Answer:
    accepted = isinstance(pushed, StkPushAccepted)
    checkout = pushed.checkout_request_id if isinstance(pushed, StkPushAccepted) else None
    shown = Shown(mask_msisdn(order.phone), checkout) if accepted else None
    return Conclusion(runtime, pushed, request, render, shown).store(facts.id, facts)


def _finish(runtime: Runtime, payment_id: str, request: KeyedRequest | None, render: RenderPayment) -> Answer:
    """Return the answer for a request that was killed between the transactions: its outcome is unknown."""
    return Conclusion(runtime, None, request, render).store(payment_id)
