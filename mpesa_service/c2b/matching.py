"""Books C2B money: as a payment of its own, or as the money of a payment that exists.

    a payment has the receipt         the report repeats what is known, or contradicts it
    one prompted payment fits         it is that payment's money
    several fit, or only the payer    it waits for the callback with the same receipt to name its payment
    differs
    an expected order fits            a new payment of that order
    it is not of whole shillings      it is listed as unmatched, and is no payment
    nothing fits                      a new payment without an order, in review: a person decides
    a statement shows its reversal    in review, with its order if there is one: a person decides

The receipt is unique among confirmations and among payments, so only one of several reports is booked. A row
of a pull or statement, and a transaction status, are booked like a confirmation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from sqlalchemy import select

from mpesa_service.c2b.arrivals import Arrival, arrival_of, confirmation_columns
from mpesa_service.c2b.booking import CONTRADICTORY, RESULT_CODE, new_payment, order_for, send_to_review
from mpesa_service.c2b.candidates import Candidate, Rank, check_open_soon, find_candidates, likeliest
from mpesa_service.c2b.fractional import fractional_plan
from mpesa_service.c2b.reversed_money import portal_reversal
from mpesa_service.core.apply import NotCommitted, apply
from mpesa_service.core.inbox import Received
from mpesa_service.core.log_format import write_lines
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import MPESA, Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.counting import counted
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.paid_at import believed
from mpesa_service.domain.planning import apply_report
from mpesa_service.domain.plans import NewRow, Plan, Update
from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.domain.reports import Evidence, Outcome, PaymentReport, Verdict
from mpesa_service.models import C2bConfirmation
from mpesa_service.models.commit import commit
from mpesa_service.models.load import About, load

TABLE = "c2b_confirmations"
MATCH_AGAIN_AFTER = timedelta(seconds=60)
MATCH_WAIT_LIMIT = timedelta(minutes=10)
CONFIRMED_BY = {
    Evidence.CONFIRMATION: "Confirmed by C2B",
    Evidence.PULL: "Found by a pull",
    Evidence.STATUS: "Confirmed by a transaction status",
    Evidence.STATEMENT: "Found in a statement",
}


@dataclass(frozen=True)
class Confirmation:
    """A confirmation by its columns; `row_id` is set if it is stored already."""

    columns: Mapping[str, Any] = field(repr=False)
    row_id: int | None = None

    @property
    def evidence(self) -> Evidence:
        """The source that reported the money first."""
        return Evidence(self.columns["source"])

    @classmethod
    def of_row(cls, row: C2bConfirmation) -> "Confirmation":
        return cls(confirmation_columns(row), row.id)

    @classmethod
    def of_receipt(cls, runtime: Runtime, receipt: str) -> "Confirmation | None":
        """Return the stored confirmation of a receipt, or None."""
        statement = select(C2bConfirmation).where(C2bConfirmation.receipt == receipt)
        with runtime.database.read() as session:
            row = session.scalars(statement).one_or_none()
            return None if row is None else cls.of_row(row)

    def added_to(self, plan: Plan, **columns: Any) -> Plan:
        """Return a plan that stores this confirmation, too, with these columns.

        A stored one must still be without a payment: else somebody else has booked it.
        """
        if self.row_id is None:
            row = NewRow(TABLE, {**self.columns, **columns})
            return replace(plan, rows=(*plan.rows, row))
        update = Update(TABLE, {"id": self.row_id, "payment_id": None}, columns)
        return replace(plan, updates=(*plan.updates, update))


class _Changed(Exception):
    """The payment of this money has changed since it was read: try again."""


class Booking:
    """A confirmation that is not booked yet. `received` is the callback that is stored with it.

    `contradictory`: it names several accounts, which do not agree, so it fits no order.
    `began_at` is the time at which the transaction began, if the source states no other time.
    `stated_text` is the time that it states, as text.

    The methods return the plan that is committed, or None if somebody else was faster: then try again.
    """

    def __init__(
        self,
        runtime: Runtime,
        confirmation: Confirmation,
        received: Received | None = None,
        *,
        contradictory: bool = False,
        began_at: datetime | None = None,
        stated_text: str | None = None,
    ) -> None:
        self._runtime = runtime
        self._confirmation = confirmation
        self._received = received
        self._contradictory = contradictory
        self._began_at = began_at
        self._stated_text = stated_text

    def book(self) -> Plan | None:
        """Book the confirmation, or plan the next attempt."""
        runtime, columns = self._runtime, self._confirmation.columns
        now = runtime.clock()
        about = About(receipt=columns["receipt"])
        with runtime.database.reading() as connection:
            is_known = load(connection, about) is not None
            undone = portal_reversal(connection, columns["receipt"])
        if is_known:
            return self._confirm(about, None, undone)
        if columns["amount_cents"] % CENTS:
            plan, fractional = fractional_plan(columns, now)
            return self._finish(plan, retry_at=None, **fractional)
        arrival, ours = arrival_of(runtime.encryption, columns), is_ours(runtime, columns["shortcode"])
        began_at = believed(self._began_at, now)
        moved_at = began_at or arrival.moved_at
        arrival = replace(arrival, moved_at=moved_at, stated_text=self._stated_text)
        candidates = find_candidates(runtime, arrival) if ours else []
        age = now - (began_at or columns["received_at"])
        if undone is None and _must_wait(arrival, candidates, age):
            check_open_soon(runtime, candidates, now)
            return self.wait(f"waits: {counted(len(candidates), 'payment')} may be meant")
        if chosen := likeliest(candidates):
            known = About(id=chosen[0].payment_id, receipt=columns["receipt"])
            return self._confirm(known, chosen[0].rank, undone)
        order = self._order(arrival) if ours else None
        evidence = self._confirmation.evidence
        plan = new_payment(runtime, columns["receipt"], arrival, order, evidence, undone)
        # Once more if it waits: an order may be expected from this very moment on.
        again = now + MATCH_AGAIN_AFTER if plan.verdict == InboxVerdict.UNMATCHED else None
        return self._finish(plan, payment_id=plan.payment_id, retry_at=again)

    def _order(self, arrival: Arrival) -> OrderFacts | str:
        return CONTRADICTORY if self._contradictory else order_for(self._runtime, arrival)

    def wait(self, reason: str = "waits: the payment that it fits is being changed") -> Plan | None:
        """Store the confirmation; a job tries again to match it."""
        again = self._runtime.clock() + MATCH_AGAIN_AFTER
        if self._contradictory:
            reason = f"{reason}. {CONTRADICTORY}"
        return self._finish(Plan(InboxVerdict.NOTED, reason), retry_at=again)

    def _confirm(self, about: About, rank: Rank | None, undone: PortalReversal | None) -> Plan | None:
        try:
            applied = apply(self._runtime.database, about, partial(self._decide, rank, undone))
        except (_Changed, NotCommitted):
            return None
        return applied.plan

    def _decide(self, rank: Rank | None, undone: PortalReversal | None, facts: PaymentFacts | None) -> Plan:
        """Apply the confirmation to a payment, if that still is what it was found to be."""
        if facts is None or (rank is not None and (facts.receipt or Rank.of(facts.status) is not rank)):
            raise _Changed
        if undone is not None:
            return self._review(facts, undone)
        columns, now = self._confirmation.columns, self._runtime.clock()
        report = PaymentReport(
            evidence=self._confirmation.evidence,
            outcome=Outcome.PAID,
            at=now,
            result_code=RESULT_CODE,
            result_desc=CONFIRMED_BY[self._confirmation.evidence],
            receipt=columns["receipt"],
            amount=columns["amount_cents"] // CENTS,
            fractional=columns["amount_cents"] % CENTS != 0,
            paid_at=columns["transacted_at"],
            paid_at_text=self._stated_text,
        )
        change = PaymentChange(facts)
        decision = apply_report(change, report)
        # The confirmation is a fact of the payment: a decision without it must not be committed later.
        change.touch(now)
        plan = change.plan(decision.verdict, decision.reason)
        return self._complete(plan, payment_id=facts.id, retry_at=None)

    def _review(self, facts: PaymentFacts, undone: PortalReversal) -> Plan:
        """Send the payment of money that was reversed to review."""
        change = PaymentChange(facts)
        change.set(receipt=facts.receipt or self._confirmation.columns["receipt"])
        cause = Cause(MPESA, self._runtime.clock(), self._confirmation.evidence)
        send_to_review(change, undone.reason, cause)
        plan = replace(change.plan(Verdict.DISPUTED, undone.reason), updates=(undone.marked,))
        return self._complete(plan, payment_id=facts.id, retry_at=None)

    def _complete(self, plan: Plan, **columns: Any) -> Plan:
        return self._with_callback(self._confirmation.added_to(plan, **columns))

    def _with_callback(self, plan: Plan) -> Plan:
        return plan if self._received is None else self._received.added_to(plan, self._runtime.clock())

    def _finish(self, plan: Plan, **columns: Any) -> Plan | None:
        return self._commit(self._complete(plan, **columns))

    def repeat(self, plan: Plan) -> Plan | None:
        """Commit the plan of money whose receipt is known, and store the callback with it."""
        return self._commit(self._with_callback(plan))

    def _commit(self, plan: Plan) -> Plan | None:
        """Commit a plan; None if somebody else was faster."""
        with self._runtime.database.writing() as connection:
            if commit(connection, plan) is None:
                return None
        write_lines(plan.log)
        return plan


def is_ours(runtime: Runtime, shortcode: str) -> bool:
    """Return whether this is the business number of this service, or its till."""
    return shortcode in {runtime.settings.mpesa_shortcode, runtime.settings.mpesa_till}


def _must_wait(arrival: Arrival, candidates: Sequence[Candidate], age: timedelta) -> bool:
    """Return whether the callback of the prompt should be given time to name its payment.

    In the end the likeliest one takes the money: it is of the same order and amount.
    """
    fitting = likeliest(candidates)
    clear = len(fitting) == 1 and arrival.names_something
    if clear or not candidates:
        return False
    paid = [one for one in fitting if one.rank is Rank.PAID]
    return age < MATCH_AGAIN_AFTER or (len(fitting) > 1 and len(paid) != 1 and age < MATCH_WAIT_LIMIT)
