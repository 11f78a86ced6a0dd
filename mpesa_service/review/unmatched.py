"""Unmatched money: listed with suggestions, matched to an order, or returned.

Unmatched money is in review. Money that M-Pesa refused to reverse is also listed: it is settled, but has no
order. A fractional amount is listed too, but a person returns it in M-Pesa's portal.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import and_, or_, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import arrival_of_payment, payer_name
from mpesa_service.c2b.fractional import (
    FractionalRecord,
    close_fractional,
    list_fractional,
    refuse_fractional,
)
from mpesa_service.c2b.reversed_money import portal_reversal
from mpesa_service.commands.shown_payouts import shown_refund
from mpesa_service.core.apply import apply_to
from mpesa_service.core.idempotency import Answer
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.commands import CommandType, RefundMethod
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.moves import follow_refunds, is_unmatched, match_to_order
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import is_order_id
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.states import REFUNDABLE, PaymentStatus
from mpesa_service.domain.suggestions import Suggestion, WhyUnmatched, why_unmatched
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.models.load import About, load, load_order
from mpesa_service.models.payments import Channel
from mpesa_service.models.statements import lock_payment
from mpesa_service.models.withdrawn_money import is_withdrawn_money
from mpesa_service.outflow.actions import Consent
from mpesa_service.outflow.carrying import existing
from mpesa_service.outflow.gate import hold
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.lookup import find_payment, show_payment
from mpesa_service.payments.views import PaymentRecord, payment_record
from mpesa_service.refunds.outflow import refund_action
from mpesa_service.refunds.request import RenderRefund, refund, refuse_if_suspended
from mpesa_service.refunds.stated_phone import Payer, RefundRequest, check_stated_phone
from mpesa_service.refunds.terms import PARTLY_REFUNDED, Terms
from mpesa_service.review.payments import operator_cause
from mpesa_service.review.suggestions import suggestions

ONLY_WITHDRAWN = (
    "Only a statement that was withdrawn shows this money. Look the receipt {receipt} up in the portal. If it"
    " is there, book it from M-Pesa (`mpesa receipts book {receipt}`), or apply a statement that shows it. If"
    " not: `mpesa review fail {id}`."
)


@dataclass(frozen=True)
class UnmatchedRecord:
    """A payment without an order, and the orders that it may be meant for, the most likely first.

    Or a fractional amount, which is no payment. `payer_name` is from M-Pesa's confirmation, for admins only.
    """

    money: PaymentRecord | FractionalRecord
    suggestions: tuple[Suggestion, ...] = ()
    payer_name: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return self.money.id

    @property
    def payment(self) -> PaymentRecord | None:
        return self.money if isinstance(self.money, PaymentRecord) else None

    @property
    def fractional(self) -> FractionalRecord | None:
        return self.money if isinstance(self.money, FractionalRecord) else None

    @property
    def reason(self) -> WhyUnmatched:
        payment = self.payment
        if payment is None:
            return WhyUnmatched.FRACTIONAL_AMOUNT
        return why_unmatched(payment.failure_reason, self.suggestions)


def list_unmatched(runtime: Runtime, limit: int = 20, after: str = "") -> tuple[UnmatchedRecord, ...]:
    """Return money that matches no order, and fractional amounts: oldest first, after an id."""
    settled = and_(Payment.status.in_(REFUNDABLE), Payment.refunding_amount == 0)
    statement = (
        select(Payment, C2bConfirmation)
        .outerjoin(C2bConfirmation, C2bConfirmation.payment_id == Payment.id)
        .where(Payment.order_id.is_(None), Payment.channel == Channel.C2B, Payment.id > after)
        .where(or_(Payment.status == PaymentStatus.REVIEW, settled))
        .order_by(Payment.id)
        .limit(limit)
    )
    with runtime.database.read() as session:
        rows = session.execute(statement).all()
        found = [_record(runtime, session, payment, row) for payment, row in rows]
    found += [UnmatchedRecord(one, payer_name=name) for one, name in list_fractional(runtime, limit, after)]
    return tuple(sorted(found, key=lambda one: one.id)[:limit])


def match(
    runtime: Runtime, principal: Principal, reference: str, order_id: str, reason: str
) -> PaymentRecord:
    """Assign money to an expected order, whatever the order's status: a person has decided.

    Raises NotFound, Conflict if the money is not unmatched (any more), InvalidRequest without a reason.
    """
    cause = operator_cause(runtime, principal, reason, orderId=order_id)
    order: OrderFacts | None = None

    def decide(facts: PaymentFacts) -> Plan:
        nonlocal order
        change = _unmatched(facts)
        if change.status is PaymentStatus.SUCCEEDED and not change.now["refund_count"]:
            raise Conflict("This money is being returned.", code="not_unmatched")
        _refuse_gone(runtime, facts)
        if is_order_id(order_id):
            with runtime.database.reading() as connection:
                order = load_order(connection, "reference", order_id, beside=change.facts.id)
        if order is None:
            raise NotFound("There is no such order. Register it first.", code="order_not_found")
        if change.status is PaymentStatus.REVIEW:
            match_to_order(change, order, cause)
        else:
            change.assign_to_order(order)
            change.note("matched_after_return", cause)
            change.count_towards_order(cause)
        return change.plan(Verdict.APPLIED, "matched")

    payment_id = apply_to_unmatched(runtime, principal, reference, decide, order_id)
    return show_payment(runtime, principal, payment_id)


def return_money(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    reason: str,
    render: RenderRefund,
    phone: str | None = None,
    *,
    confirm_different_payer: bool = False,
    consent: Consent | None = None,
) -> Answer:
    """Return money that matches no order, and the caller's answer, as for a refund.

    The money is reversed. With `phone`, a number that an admin states, all that is left goes there by payout.
    Without a second person's `consent`, a return that exceeds a limit waits, and the money stays unmatched.
    Raises NotFound, Conflict if the money is not unmatched (any more), InvalidRequest without a reason, and
    Unavailable while refunds are suspended. If M-Pesa refuses, the money is unmatched as before.
    """
    cause = operator_cause(runtime, principal, reason, **(consent.detail if consent else {}))
    refuse_if_suspended(runtime, CommandType.B2C_REFUND if phone else CommandType.REVERSAL)
    stated = RefundRequest(
        reason=reason.strip(),
        phone=phone,
        confirm_different_payer=confirm_different_payer,
        only_unmatched=True,
        method=RefundMethod.REVERSAL if phone is None else None,
        consent=consent,
    )

    def decide(facts: PaymentFacts) -> Plan:
        return _settled_to_return(runtime, facts, stated, cause)

    payment_id = _id_of_unmatched(runtime, principal, reference)
    if consent is None:
        waiting = _held(runtime, principal, payment_id, stated, decide)
        if waiting is not None:
            return render(waiting)
    apply_to(runtime.database, payment_id, decide)
    return refund(runtime, principal, payment_id, stated, render)


def _settled_to_return(runtime: Runtime, facts: PaymentFacts, request: RefundRequest, cause: Cause) -> Plan:
    """Return the plan that settles unmatched money, so that it can be refunded."""
    change = _unmatched(facts)
    _refuse_gone(runtime, facts)
    if change.status is PaymentStatus.REVIEW:
        _refuse_if_reversed(runtime, facts)
    if request.phone is not None:
        check_stated_phone(runtime.encryption, request, Payer.of_columns(change.now))
    elif change.now["refunded_amount"]:
        raise Conflict(PARTLY_REFUNDED, code="partly_refunded")
    if change.status is PaymentStatus.REVIEW:
        change.set(failure_reason=None)
        change.move("settled_by_operator", cause)
        follow_refunds(change, cause)
    return change.plan(Verdict.APPLIED, "the money is being returned")


def _held(
    runtime: Runtime,
    principal: Principal,
    payment_id: str,
    request: RefundRequest,
    decide: Callable[[PaymentFacts], Plan],
) -> ApprovalRecord | None:
    """Store that a return waits for a second person, if it exceeds a limit. Only an allowed return waits."""
    with runtime.database.reading() as connection:
        facts = existing(load(connection, About(id=payment_id)))
    decide(facts)
    with runtime.database.begin() as session:
        payment = lock_payment(session, payment_id)
        phone = runtime.encryption.encrypt(request.phone) if request.phone else None
        terms = Terms(payment.refundable_amount, request.method or RefundMethod.B2C, phone)
        action = refund_action(runtime.encryption, payment, terms, request, principal.subject)
        return hold(runtime, session, action)


def close(runtime: Runtime, principal: Principal, reference: str, reason: str) -> FractionalRecord:
    """Remove a fractional amount from the list: a person has returned the money or settled the case.

    Raises NotFound, Conflict if it is closed already, InvalidRequest without a reason.
    """
    return close_fractional(runtime, reference, operator_cause(runtime, principal, reason), reason.strip())


def _record(
    runtime: Runtime, session: Session, payment: Payment, row: C2bConfirmation | None
) -> UnmatchedRecord:
    arrival = arrival_of_payment(runtime.encryption, payment, row)
    record = payment_record(session, runtime.encryption, payment)
    # The answer of a transaction status has no account (observed), so a receipt that it booked has none.
    of_status = row is not None and row.source == Evidence.STATUS
    amount_is_enough = of_status and not arrival.names_something
    now = runtime.clock()
    found = suggestions(session, runtime.encryption, arrival, now, amount_is_enough=amount_is_enough)
    name = payer_name(runtime.encryption, row.names_encrypted) if row is not None else None
    return UnmatchedRecord(record, found, name)


def apply_to_unmatched(
    runtime: Runtime,
    principal: Principal,
    reference: str,
    decide: Callable[[PaymentFacts], Plan],
    order_id: str | None = None,
) -> str:
    """Apply an operator's decision to money that matches no order; return the payment's id.

    `order_id` is the order that the decision depends on.
    """
    payment_id = _id_of_unmatched(runtime, principal, reference)
    apply_to(runtime.database, payment_id, decide, order_id=order_id)
    return payment_id


def _id_of_unmatched(runtime: Runtime, principal: Principal, reference: str) -> str:
    """Return the id of a payment; raise NotFound, and Conflict for a fractional amount."""
    refuse_fractional(runtime, reference)
    with runtime.database.read() as session:
        return find_payment(session, runtime, principal, reference).id


def _refuse_if_reversed(runtime: Runtime, facts: PaymentFacts) -> None:
    """Refuse to return money that somebody has returned in the portal already."""
    with runtime.database.reading() as connection:
        undone = portal_reversal(connection, facts.receipt or "")
    if undone is not None:
        raise Conflict(f"{undone.reason}.", code="reversed_in_portal")


def _refuse_gone(runtime: Runtime, facts: PaymentFacts) -> None:
    """Refuse to use money that only a withdrawn statement shows, or that an earlier return may have paid."""
    receipt = facts.receipt or ""
    with runtime.database.reading() as connection:
        if is_withdrawn_money(connection, receipt):
            raise Conflict(ONLY_WITHDRAWN.format(receipt=receipt, id=facts.id), code="only_withdrawn")
    with runtime.database.read() as session:
        shown = shown_refund(session, facts.id)
    if shown is not None:
        raise shown


def _unmatched(facts: PaymentFacts) -> PaymentChange:
    """Return a working copy of unmatched money; raise Conflict if the payment is not unmatched."""
    if not is_unmatched(facts):
        raise Conflict(
            "This payment is not unmatched: it has an order, or its money is being returned.",
            code="not_unmatched",
            details={"status": facts.status.public, "orderId": facts.payment["order_id"]},
        )
    return PaymentChange(facts)
