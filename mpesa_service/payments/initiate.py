"""Starting a payment: intent first, then the prompt, then what came of it.

    transaction 1   claim the idempotency key, write the payment with its callback token
    nothing open    Daraja pushes the prompt
    transaction 2   accepted, refused or unknown; store the answer under the key

A crash in between leaves a `submitting` payment whose outcome is unknown: it is never pushed again.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core import idempotency
from mpesa_service.core.apply import apply, learned_ids
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.log_context import about
from mpesa_service.core.log_format import write_lines
from mpesa_service.core.provider_errors import failure_of, refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, NotSent, Refused, StkPush, StkPushAccepted
from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.phones import mask_msisdn
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import account_reference, new_id, new_token
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.schedule import ASK_AFTER, CALL_LIMIT, GIVE_UP_AFTER, next_ask
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import ServiceError
from mpesa_service.models.commit import commit
from mpesa_service.models.load import About, facts_of_new, order_is_expected
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.payments.admission import InTheWay, insert_locked
from mpesa_service.payments.order_admission import expected_order_id
from mpesa_service.payments.views import PaymentRecord, RefundRecord, Shown, record_of, refund_records

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
        payment = insert_locked(
            runtime,
            principal,
            order.order_id,
            phone_hash,
            lambda: _write_intent(runtime, principal, columns, request),
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


def _unrecorded(runtime: Runtime, columns: Mapping[str, Any]) -> Initiated:
    """Return the payment as it is known without the database: its outcome is unknown."""
    facts = facts_of_new({**columns, "status": PaymentStatus.UNKNOWN})
    return Initiated(record_of(runtime.vault, facts.payment))


def _write_intent(
    runtime: Runtime, principal: Principal, columns: Mapping[str, Any], request: KeyedRequest | None
) -> PaymentFacts:
    """Transaction 1: claim the key and store the payment; return its facts.

    Raises TryLater when another request has the key, Conflict when the expected order takes no such payment,
    and InTheWay when another payment holds the order or the phone.
    """
    now, cause = columns["created_at"], Cause(principal.subject, columns["created_at"])
    order_id = _expected_order(runtime, principal, columns)
    facts = facts_of_new({**columns, "expected_order_id": order_id})
    change = PaymentChange(facts)
    change.create(cause)
    plan = change.plan_new(Verdict.APPLIED, "started")
    plan = replace(plan, rows=(*idempotency.claim_row(request, columns["id"], now), *plan.rows))
    with runtime.database.writing() as connection:
        written = commit(connection, plan)
        if written is None and idempotency.forget_expired(connection, request, now):
            written = commit(connection, plan)
    if written is None:
        idempotency.refuse_taken(runtime, request)
        raise InTheWay
    write_lines(plan.log)
    return facts_of_new(change.now)


def _expected_order(runtime: Runtime, principal: Principal, columns: Mapping[str, Any]) -> str | None:
    order_id = columns["order_id"]
    with runtime.database.reading() as connection:
        if not order_is_expected(connection, order_id):
            return None
    with runtime.database.read() as session:
        return expected_order_id(session, principal, order_id, columns["amount"], columns["created_at"])


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
        "phone_encrypted": runtime.vault.encrypt(order.phone),
        "phone_hash": phone_hash,
        "account_reference": account_reference(order.order_id),
        "reference_key": reference_key(order.order_id),
        "callback_token_hash": token_hash(token),
        "order_lock": order.order_id,
        "phone_lock": phone_hash,
        "prompt_expires_at": now + runtime.settings.prompt_lifetime,
        # Until the push is accounted for, this is when it must have been cut off by a crash.
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


class _Conclusion:
    """Transaction 2: the outcome of the push, and the caller's answer. A callback may have come before it."""

    def __init__(
        self,
        runtime: Runtime,
        pushed: StkPushAccepted | DarajaError | None,
        request: KeyedRequest | None,
        render: Render,
        shown: Shown | None = None,
    ) -> None:
        self._runtime = runtime
        self._pushed = pushed
        self._request = request
        self._render = render
        self._shown = shown
        self._answer: Answer | None = None

    def store(self, payment_id: str, known: PaymentFacts | None = None) -> Answer:
        """Commit the outcome; return the answer that is stored under the key, or would be with a key."""
        applied = apply(self._runtime.database, About(id=payment_id), self._decide, known)
        if self._request is not None and not applied.committed.updated[-1]:
            return idempotency.kept_answer(self._runtime, self._request)
        if self._answer is None:
            raise LookupError(f"payment {payment_id} has no answer")
        return self._answer

    def _decide(self, facts: PaymentFacts | None) -> Plan:
        if facts is None:
            raise LookupError("the payment has vanished")
        change, pushed = PaymentChange(facts), self._pushed
        refusal, code = None, None
        if isinstance(pushed, StkPushAccepted):
            _accepted(self._runtime, change, pushed)
            code = pushed.response_code
        elif change.status is PaymentStatus.SUBMITTING:
            refusal = _not_accepted(self._runtime, change, pushed)
        record = record_of(self._runtime.vault, change.now, self._refunds(facts), self._shown)
        self._answer = self._render(Initiated(record, code, refusal))
        plan = change.plan(Verdict.APPLIED, "the push is accounted for")
        return replace(plan, updates=idempotency.answer_update(self._runtime, self._request, self._answer))

    def _refunds(self, facts: PaymentFacts) -> tuple[RefundRecord, ...]:
        if not facts.payment["refund_count"]:
            return ()
        with self._runtime.database.read() as session:
            return refund_records(session, facts.id)


def _conclude(
    runtime: Runtime,
    facts: PaymentFacts,
    order: Order,
    pushed: StkPushAccepted | DarajaError,
    request: KeyedRequest | None,
    render: Render,
) -> Answer:
    accepted = isinstance(pushed, StkPushAccepted)
    checkout = pushed.checkout_request_id if isinstance(pushed, StkPushAccepted) else None
    shown = Shown(mask_msisdn(order.phone), checkout) if accepted else None
    return _Conclusion(runtime, pushed, request, render, shown).store(facts.id, facts)


def _accepted(runtime: Runtime, change: PaymentChange, pushed: StkPushAccepted) -> None:
    change.set(**learned_ids(runtime.vault, pushed.checkout_request_id, pushed.merchant_request_id))
    if change.status is PaymentStatus.SUBMITTING:
        now = runtime.clock()
        attempts = change.now["check_attempts"]
        change.set(next_check_at=next_ask(ASK_AFTER, now, attempts, now, runtime.jitter()))
        change.move("push_accepted", Cause(MPESA, now, Evidence.PUSH))


def _not_accepted(runtime: Runtime, change: PaymentChange, error: DarajaError | None) -> ServiceError | None:
    """Record that the push was refused, or that nobody knows (without an error: its sender was killed)."""
    now = runtime.clock()
    if error is None:
        change.move("push_unanswered", Cause(SERVICE, now))
        return None
    failure = failure_of(error)
    change.set(result_code=failure.code, result_desc=failure.description)
    cause = Cause(MPESA, now, Evidence.PUSH, {"error": failure.description})
    if isinstance(error, Refused | NotSent):
        change.set(failure_reason=failure.reason)
        change.move("push_refused", cause)
        return refusal_for_caller(error, {"paymentId": change.facts.id})
    change.set(next_check_at=now + GIVE_UP_AFTER)
    change.move("push_unanswered", cause)
    return None


def _finish(runtime: Runtime, payment_id: str, request: KeyedRequest | None, render: Render) -> Answer:
    """Answer for a request that was killed between the transactions: its push is unaccounted for."""
    return _Conclusion(runtime, None, request, render).store(payment_id)
