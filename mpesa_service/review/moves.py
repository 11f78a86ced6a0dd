"""Moves a paid payment to another order, or back to unmatched money: a person's decision, with a reason.

One commit writes the payment, the sums of both orders, the events, the audit trail and the caller's key.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sqlalchemy import select

from mpesa_service.core import idempotency
from mpesa_service.core.apply import apply_to
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain import moves
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import is_order_id
from mpesa_service.domain.reports import Verdict
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import ExpectedOrder
from mpesa_service.models.load import About, load, load_order
from mpesa_service.outflow.actions import Action, Consent
from mpesa_service.outflow.carrying import Extend, as_it_is, carry_out, existing
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.lookup import find_payment
from mpesa_service.payments.views import PaymentRecord, RefundRecord, record_of, refund_records
from mpesa_service.review.outflow import move_action
from mpesa_service.review.payments import operator_cause


@dataclass(frozen=True)
class MoveRequest:
    """The order that the payment is for (None: it is unmatched money again), and the reason."""

    order_id: str | None
    reason: str


@dataclass(frozen=True)
class Moved:
    """The payment after the request, and the order that it left; `changed` is False if nothing was to do."""

    payment: PaymentRecord
    previous_order_id: str | None
    changed: bool

    @property
    def sentence(self) -> str:
        """Say what was done."""
        here = f"of order {self.payment.order_id}" if self.payment.order_id else "unmatched"
        if not self.changed:
            return f"Nothing to move: the payment is {here} already"
        return f"Moved from order {self.previous_order_id}: the payment is {here} now"


RenderMove = Callable[[Moved | ApprovalRecord], Answer]


def move(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    request: MoveRequest,
    render: RenderMove,
    keyed: KeyedRequest | None = None,
    consent: Consent | None = None,
) -> Answer:
    """Carry out a move; return the caller's answer, which is also stored under the idempotency key, if any.

    A move of an amount above a limit waits for a second person: `render` gets the approval.
    A move to the order that the payment is of already changes nothing. Raises NotFound, Conflict if the
    payment cannot be moved, InvalidRequest without a reason, and the errors of the idempotency key.
    """
    earlier = idempotency.stored_answer(runtime, keyed)
    if earlier is not None:
        return earlier
    cause = operator_cause(runtime, principal, request.reason, **(consent.detail if consent else {}))
    with runtime.database.read() as session:
        payment_id = find_payment(session, runtime, principal, reference).id
    with runtime.database.writing() as connection:
        idempotency.forget_expired(connection, keyed, cause.at)
    decision = _Move(runtime, request, cause, render, keyed)
    about = About(id=payment_id, order=request.order_id)
    with runtime.database.reading() as connection:
        facts = existing(load(connection, about))
    if not decision.changes(facts):
        if consent is not None:
            raise Conflict("The payment is there already.", code="not_movable")
        apply_to(runtime.database, payment_id, decision.decide, order_id=request.order_id)
        return decision.answers[-1]

    def act(extend: Extend) -> None:
        decision.extend = extend
        apply_to(runtime.database, payment_id, decision.decide, order_id=request.order_id)

    waiting = carry_out(runtime, decision.action(facts), consent, act)
    if waiting is None:
        return decision.answers[-1]
    with runtime.database.begin() as session:
        if keyed is not None:
            idempotency.claim(session, keyed, waiting.id, runtime.clock)
        return idempotency.complete(runtime, session, keyed, render(waiting))


class _Move:
    """A move, which is decided again until its plan is committed. The last answer is the valid one."""

    def __init__(
        self,
        runtime: Runtime,
        request: MoveRequest,
        cause: Cause,
        render: RenderMove,
        keyed: KeyedRequest | None,
    ) -> None:
        self._runtime, self._request, self._cause = runtime, request, cause
        self._render, self._keyed = render, keyed
        self.answers: list[Answer] = []
        self.extend: Extend = as_it_is

    def action(self, facts: PaymentFacts) -> Action:
        """Return the move as an action of the outflow policy."""
        return move_action(facts, self._request.order_id, self._request.reason, self._cause.actor)

    def changes(self, facts: PaymentFacts) -> bool:
        """Return whether the move would change the payment; raise what `decide` raises."""
        return bool(self._plan(facts)[0].changes)

    def decide(self, facts: PaymentFacts) -> Plan:
        earlier = idempotency.stored_answer(self._runtime, self._keyed)
        if earlier is not None:
            self.answers.append(earlier)
            return Plan(Verdict.DUPLICATE, "answered before", facts.id)
        plan, after = self._plan(facts)
        if plan.changes:
            plan = self.extend(plan, self.action(facts))
        record = record_of(self._runtime.encryption, after, self._refunds(facts))
        moved = Moved(record, facts.payment["order_id"], changed=bool(plan.changes))
        self.answers.append(self._render(moved))
        key = idempotency.answered_row(self._runtime, self._keyed, facts.id, self.answers[-1])
        return replace(plan, rows=(*key, *plan.rows))

    def _plan(self, facts: PaymentFacts) -> tuple[Plan, dict[str, object]]:
        """Return the plan, and the payment's columns after it."""
        order, shop_wide = self._order(facts)
        if moves.is_there(facts, order):
            return Plan(Verdict.NOTED, "nothing to move", facts.id), dict(facts.payment)
        plan = moves.move(facts, order, self._cause, shop_wide=shop_wide)
        [own] = [change for change in plan.changes if change.id == facts.id]
        return plan, {**facts.payment, **own.columns}

    def _order(self, facts: PaymentFacts) -> tuple[OrderFacts | None, bool]:
        """Return the order to move to, and whether it counts all callers' payments."""
        order_id = self._request.order_id
        if order_id is None:
            return None, False
        order = None
        if is_order_id(order_id):
            with self._runtime.database.reading() as connection:
                order = load_order(connection, "reference", order_id, beside=facts.id)
        if order is None:
            raise NotFound("There is no such order. Register it first.", code="order_not_found")
        with self._runtime.database.read() as session:
            wide = session.scalar(select(ExpectedOrder.shop_wide).where(ExpectedOrder.id == order.id))
        return order, bool(wide)

    def _refunds(self, facts: PaymentFacts) -> tuple[RefundRecord, ...]:
        if not facts.payment["refund_count"]:
            return ()
        with self._runtime.database.read() as session:
            return refund_records(self._runtime.encryption, session, facts.id)
