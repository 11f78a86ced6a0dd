"""Stores the outcome of a push and the caller's answer in one transaction."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from mpesa_service.core import idempotency
from mpesa_service.core.apply import apply_to, daraja_id_columns
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.provider_errors import failure_of, refusal_for_caller
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import DarajaError, NotSent, Refused, StkPushAccepted
from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.schedule import CHECK_AFTER, UNRESOLVED_AFTER, next_check
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import ServiceError
from mpesa_service.payments.views import PaymentRecord, RefundRecord, Shown, record_of, refund_records


@dataclass(frozen=True)
class Initiated:
    """The outcome of the push. `refusal` is the error that the caller gets instead, if there is one."""

    payment: PaymentRecord
    response_code: str | None = None
    refusal: ServiceError | None = None


RenderPayment = Callable[[Initiated], Answer]
"""Makes the exact answer from an outcome. The transaction that decides the outcome also stores the answer."""


class Conclusion:
    """Transaction 2: stores the outcome of the push and the answer. A callback may arrive before it."""

    def __init__(
        self,
        runtime: Runtime,
        pushed: StkPushAccepted | DarajaError | None,
        request: KeyedRequest | None,
        render: RenderPayment,
        shown: Shown | None = None,
    ) -> None:
        self._runtime = runtime
        self._pushed = pushed
        self._request = request
        self._render = render
        self._shown = shown
        self._answers: list[Answer] = []

    def store(self, payment_id: str, known: PaymentFacts | None = None) -> Answer:
        """Commit the outcome; return the answer, which is also stored under the idempotency key, if any."""
        applied = apply_to(self._runtime.database, payment_id, self._decide, known)
        if self._request is not None and not applied.committed.updated[-1]:
            return idempotency.kept_answer(self._runtime, self._request)
        return self._answers[-1]

    def _decide(self, facts: PaymentFacts) -> Plan:
        change, pushed = PaymentChange(facts), self._pushed
        refusal, code = None, None
        if isinstance(pushed, StkPushAccepted):
            _accepted(self._runtime, change, pushed)
            code = pushed.response_code
        elif change.status is PaymentStatus.SUBMITTING:
            refusal = _not_accepted(self._runtime, change, pushed)
        record = record_of(self._runtime.encryption, change.now, self._refunds(facts), self._shown)
        answer = self._render(Initiated(record, code, refusal))
        self._answers.append(answer)
        plan = change.plan(Verdict.APPLIED, "the outcome of the push is stored")
        return replace(plan, updates=idempotency.answer_update(self._runtime, self._request, answer))

    def _refunds(self, facts: PaymentFacts) -> tuple[RefundRecord, ...]:
        if not facts.payment["refund_count"]:
            return ()
        with self._runtime.database.read() as session:
            return refund_records(self._runtime.encryption, session, facts.id)


def _accepted(runtime: Runtime, change: PaymentChange, pushed: StkPushAccepted) -> None:
    ids = daraja_id_columns(runtime.encryption, pushed.checkout_request_id, pushed.merchant_request_id)
    change.set(**ids)
    if change.status is PaymentStatus.SUBMITTING:
        now = runtime.clock()
        attempts = change.now["check_attempts"]
        change.set(next_check_at=next_check(CHECK_AFTER, now, attempts, now, runtime.jitter()))
        change.move("push_accepted", Cause(MPESA, now, Evidence.PUSH))


def _not_accepted(runtime: Runtime, change: PaymentChange, error: DarajaError | None) -> ServiceError | None:
    """Record that the push was refused, or that its outcome is unknown (no error: the sender was killed)."""
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
    change.set(next_check_at=now + UNRESOLVED_AFTER)
    change.move("push_unanswered", cause)
    return None
