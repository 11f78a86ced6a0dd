"""A payment's transition, with all its consequences: columns, audit lines, events, and its order's sum.

Only this module says what a transition changes. Decisions turn the result into a plan. Refunds and other code
that holds the payment's lock write the same result in their own session.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.event_types import EDGE_EVENTS, ORDER_NOTES, PAYMENT_EVENTS, EventType
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.orders import CLOSED, AmountRule, order_status
from mpesa_service.domain.plans import Change, Event, LogLine, NewRow, Plan, Update
from mpesa_service.domain.reports import ARRIVALS, Evidence, is_stronger
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, PUBLIC, UNPAID, PaymentStatus

AUDIT_LOG = "mpesa_service.audit"
_MONEY = PAID | {PaymentStatus.REVIEW}
"""While a payment has these statuses, its evidence never becomes weaker."""
_FETCHED = frozenset(ARRIVALS) - {Evidence.CONFIRMATION}


class PaymentChange:
    """A working copy of a payment. `now` holds the new values of its columns."""

    def __init__(self, facts: PaymentFacts) -> None:
        self.facts = facts
        self.now: dict[str, Any] = dict(facts.payment)
        self.order = facts.order
        self.others: list[Change] = []
        self.rows: list[NewRow] = []
        self.events: list[Event] = []
        self.updates: list[Update] = []
        self.log: list[LogLine] = []
        self._touched = False

    @property
    def status(self) -> PaymentStatus:
        return PaymentStatus(self.now["status"])

    def set(self, **columns: Any) -> None:
        """Set new values for columns."""
        self.now.update(columns)

    def touch(self, at: datetime) -> None:
        """Raise the payment's version, although no other column may change."""
        self.set(updated_at=at)
        self._touched = True

    def changed(self) -> dict[str, Any]:
        """Return the columns that differ from what was read."""
        before = self.facts.payment
        found = {name: value for name, value in self.now.items() if before.get(name) != value}
        return {**found, "updated_at": self.now["updated_at"]} if self._touched else found

    def create(self, cause: Cause) -> None:
        """Begin the audit trail of a new payment."""
        self.set(status=PaymentStatus.SUBMITTING, event_count=0, outgoing_count=0)
        self.record("created", cause, None, self.status)

    def move(self, edge: str, cause: Cause, **columns: Any) -> None:
        """Move along `edge`, with new column values; raise ForbiddenTransition if there is none."""
        before = self.status
        after = PAYMENT_TRANSITIONS.target(edge, before)
        now = self.now
        now.update(columns, status=after, updated_at=cause.at)
        if cause.evidence is not None and not {before, after} <= _MONEY:
            now["evidence"] = cause.evidence
        else:
            self.raise_evidence(cause.evidence)
        if after not in OPEN:
            now.update(completed_at=now["completed_at"] or cause.at, next_check_at=None, phone_lock=None)
        if after in UNPAID:
            now.update(order_lock=None, paid_at=None, paid_at_source=None)
        if after in PAID and before in UNPAID:
            now.update(completed_at=cause.at, failure_reason=None)
        self.record(edge, cause, before, after)
        self.publish(payment_event_type(edge, after), {"previousStatus": PUBLIC[before]}, cause.at)
        if after in PAID or before in PAID:
            self.count_towards_order(cause)

    def raise_evidence(self, evidence: str | None) -> bool:
        """Replace weaker evidence of the same status; return whether it was weaker."""
        if evidence is None or not is_stronger(evidence, self.now["evidence"]):
            return False
        self.set(evidence=evidence)
        return True

    def support(self, cause: Cause, **columns: Any) -> None:
        """Raise the evidence by another report of the payment's money, with new column values.

        The callback inbox has a row of what M-Pesa posted. What the service fetched gets an audit line.
        """
        time_before = self.now["paid_at"]
        self.set(**columns)
        if self.raise_evidence(cause.evidence) and cause.evidence in _FETCHED:
            self.record("confirmed_again", cause, self.status, self.status)
        elif self.now["paid_at"] != time_before:
            self.record("paid_at_stated", cause, self.status, self.status)

    def note(self, what: str, cause: Cause, **columns: Any) -> None:
        """Write an audit line that changes no status, with new column values."""
        self.now.update(columns)
        self.record(what, cause, self.status, self.status)

    def record(
        self, name: str, cause: Cause, before: str | None, after: str, refund_id: str | None = None
    ) -> None:
        """Write a line of the audit trail, about the payment or about one of its refunds."""
        self.now["event_count"] += 1
        number = self.now["event_count"]
        self._write(audit_line(self.now["id"], number, name, cause, before, after, refund_id))

    def _write(self, line: NewRow) -> None:
        self.rows.append(line)
        names = ("payment_id", "refund_id", "from_status", "to_status", "cause", "evidence")
        extra = {name: line.columns[name] for name in names}
        self.log.append(LogLine(AUDIT_LOG, logging.INFO, "state change", extra))

    def publish(
        self,
        event_type: EventType | None,
        data: Mapping[str, Any],
        at: datetime,
        refund_id: str | None = None,
    ) -> None:
        """Write an event with the payment and `data`. Without a type, write nothing."""
        if event_type is None:
            return
        self.now["outgoing_count"] += 1
        payment_id, sequence = self.now["id"], self.now["outgoing_count"]
        data = {**_payment_data(self.now), **data}
        self.events.append(Event(event_type, payment_id, sequence, data, at, payment_id, refund_id))

    def assign_to_order(self, order: OrderFacts) -> None:
        """Make the payment one of this expected order, and of the order's owner."""
        self.order = order
        self.set(
            owner=order.owner,
            order_id=order.reference,
            expected_order_id=order.id,
            details=order.details,
        )

    def count_towards_order(self, cause: Cause) -> None:
        """Count the payment's expected order again; publish an event if its received amount has changed."""
        order = self.order
        if order is None or (self.now["expected_order_id"] is None and self.status not in PAID):
            return
        self.set(expected_order_id=order.id)
        if self.status in PAID:
            self.set(order_lock=None)  # The missing amount decides whether another payment may start.
        self.order = self.recount(order, order.received_elsewhere + self._contribution(), cause)

    def recount(self, order: OrderFacts, received: int, cause: Cause) -> OrderFacts:
        """Set an order's received amount; publish an event if it has changed. Return the order with it."""
        if received == order.received_amount:
            return order
        columns: dict[str, Any] = {"received_amount": received, "updated_at": cause.at}
        status = order.status
        # A refund opens no closed order again.
        if order.status not in CLOSED or received > order.received_amount:
            rule = AmountRule(order.amount_rule) if order.amount_rule else None
            status = columns["status"] = order_status(order.amount_due, received, rule)
        self.others.append(Change("expected_orders", order.id, order.version, columns))
        counted = replace(order, version=order.version + 1, received_amount=received, status=status)
        data = _order_data(counted, order.status)
        what = f"order_{status}"
        detail = {name: data[name] for name in ("orderId", "amountDue", "receivedAmount")}
        self.note(what, Cause(SERVICE, cause.at, cause.evidence, detail))
        self.publish(ORDER_NOTES[what], {"order": data}, cause.at)
        return counted

    def _contribution(self) -> int:
        paid = self.status in PAID
        return self.now["amount"] - self.now["refunded_amount"] if paid else 0

    def lock_order_again(self, at: datetime) -> None:
        """Acquire the order lock again: this payment released it, but is paid after all.

        An expected order has no order lock. Its missing amount decides whether another payment may start.
        """
        counted = self.now["expected_order_id"] is not None
        if counted or self.now["order_lock"] is not None or self.status not in PAID:
            return
        if (holder := self.facts.holder) is not None:
            released = {"order_lock": None, "event_count": holder.event_count + 1}
            self.others.append(Change("payments", holder.id, holder.version, released))
            cause, number = Cause(SERVICE, at), holder.event_count + 1
            name, status = "order_paid_by_another", holder.status
            self._write(audit_line(holder.id, number, name, cause, status, status, None))
        self.set(order_lock=self.now["order_id"])

    def plan(self, verdict: str, reason: str) -> Plan:
        """Return the plan that changes an existing payment to this state."""
        own = Change("payments", self.facts.id, self.facts.payment["version"], self.changed())
        return Plan(
            verdict=verdict,
            reason=reason,
            payment_id=self.facts.id,
            # The lock's holder before the payment: it must release the order lock, which is unique.
            changes=(*(c for c in self.others if c.table == "payments"), own, *self._order_changes()),
            rows=tuple(self.rows),
            events=tuple(self.events),
            updates=tuple(self.updates),
            log=tuple(self.log),
        )

    def plan_new(self, verdict: str, reason: str) -> Plan:
        """Return the plan that inserts a new payment."""
        plan = self.plan(verdict, reason)
        row = NewRow("payments", self.now)
        return replace(plan, changes=tuple(self._order_changes()), rows=(row, *plan.rows))

    def _order_changes(self) -> list[Change]:
        """Return one change of each order, which combines all its counts, in the order of their ids."""
        found: dict[str, Change] = {}
        for change in self.others:
            if change.table == "expected_orders":
                first = found.get(change.id, change)
                found[change.id] = replace(first, columns={**first.columns, **change.columns})
        return [found[order_id] for order_id in sorted(found)]


def audit_line(
    payment_id: str,
    sequence: int,
    name: str,
    cause: Cause,
    before: str | None,
    after: str,
    refund_id: str | None,
) -> NewRow:
    """Return a row of the audit trail."""
    return NewRow(
        "payment_events",
        {
            "payment_id": payment_id,
            "refund_id": refund_id,
            "sequence": sequence,
            "from_status": before,
            "to_status": after,
            "cause": name,
            "evidence": cause.evidence,
            "actor": cause.actor,
            "detail": cause.detail or {},
            "at": cause.at,
        },
    )


def payment_event_type(edge: str, after: PaymentStatus) -> EventType | None:
    """Return the event that a transition `edge` to `after` publishes; None if there is none."""
    return EDGE_EVENTS.get(edge) or PAYMENT_EVENTS.get(after)


def _payment_data(payment: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "provider": payment["provider"],
        "orderId": payment["order_id"],
        "status": PUBLIC[payment["status"]],
        "amount": payment["amount"],
        "currency": payment["currency"],
        "mpesaReceiptNumber": payment["receipt"],
        "refundedAmount": payment["refunded_amount"],
        "failureReason": payment["failure_reason"],
        "resultCode": payment["result_code"],
        "evidence": payment["evidence"],
        "paidAt": payment["paid_at"],
        "paidAtSource": payment["paid_at_source"],
        "metadata": payment["details"],
    }


def _order_data(order: OrderFacts, before: str) -> dict[str, Any]:
    return {
        "orderId": order.reference,
        "status": order.status,
        "previousStatus": before,
        "amountDue": order.amount_due,
        "receivedAmount": order.received_amount,
        "missingAmount": max(order.amount_due - order.received_amount, 0),
        "overpaidAmount": max(order.received_amount - order.amount_due, 0),
        "metadata": order.details,
    }
