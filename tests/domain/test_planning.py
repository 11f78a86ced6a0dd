"""Plans of one payment, after any reports in any order: what must hold after each of them."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import HolderFacts, OrderFacts, PaymentFacts
from mpesa_service.domain.planning import apply_query, apply_report
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, Outcome, PaymentReport
from mpesa_service.domain.schedule import CALL_LIMIT, CHECK_AFTER
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, UNPAID, PaymentStatus
from mpesa_service.models.load import make_facts
from tests.domain.facts import AT, changed, payment_facts

AMOUNT = 100
OWN, SECOND, THEIR = "NLJ7RT61SV", "NLJ7RT61SW", "NLJ7RT61SX"
"""Receipts: of the payment, of money beside it, and of another payment."""
PATHS = {(edge.name, edge.source): edge.target for edge in PAYMENT_TRANSITIONS.edges}

outcomes = st.sampled_from(list(Outcome)) | st.just(Outcome.PAID)
codes = st.sampled_from(["1", "1032", "1037"])
clean = {"amount": AMOUNT, "receipt": OWN, "payer_agrees": True, "trusted": True, "ids_agree": True}
odd = st.fixed_dictionaries(
    {
        "amount": st.sampled_from([AMOUNT, AMOUNT, AMOUNT - 1, None]),
        "receipt": st.sampled_from([OWN, SECOND, SECOND, THEIR, "", None]),
        "payer_agrees": st.sampled_from([True, True, False]),
        "trusted": st.sampled_from([True, True, False]),
        "ids_agree": st.sampled_from([True, True, False]),
    }
)
claims = st.just(clean) | odd


class PaymentMachine(RuleBasedStateMachine):
    """A payment, what stands beside it, and everything that was ever written about it.

    Each plan's columns are put on the facts that it was made from: the next plan is made from the result.
    """

    @initialize(
        expected=st.booleans(),
        elsewhere=st.sampled_from([0, 50]),
        begun=st.sampled_from([PaymentStatus.SUBMITTING, PaymentStatus.PENDING]),
    )
    def begin(self, expected: bool, elsewhere: int, begun: PaymentStatus) -> None:
        self.now = AT
        self.taken = {THEIR}
        self.confirmations: list[tuple[str | None, int | None]] = []
        self.been = [begun]
        self.last_move = "created"
        self.audit = self.events = 0
        self.elsewhere = elsewhere
        order = OrderFacts(
            "order", 1, "shop", "ORDER1", 150, None, elsewhere, elsewhere, "partially_paid", None, {}
        )
        known = {} if begun is PaymentStatus.SUBMITTING else {"checkout_id_hash": "checkout"}
        facts = payment_facts(
            begun,
            event_count=0,
            order_lock="ORDER1",
            phone_lock="phone",
            prompt_expires_at=AT + timedelta(seconds=60),
            next_check_at=AT + (CALL_LIMIT if begun is PaymentStatus.SUBMITTING else CHECK_AFTER[0]),
            checks_since=AT,
            **known,
        )
        self.facts = replace(facts, order=order if expected else None)

    # What happens.

    @rule(seconds=st.sampled_from([0, 1, 9, 30, 61, 600, 90_000]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.facts.status is PaymentStatus.SUBMITTING)
    @rule(edge=st.sampled_from(["push_accepted", "push_refused", "push_unanswered"]))
    def the_push_is_answered(self, edge: str) -> None:
        change = PaymentChange(self.facts)
        if edge == "push_accepted":
            change.set(checkout_id_hash="checkout", next_check_at=self.now + CHECK_AFTER[0])
        change.move(edge, Cause(MPESA, self.now, Evidence.PUSH))
        self.write(change.plan("applied", edge))

    @rule(outcome=outcomes, code=codes, claims=claims)
    def a_callback_comes(self, outcome: Outcome, code: str, claims: dict[str, Any]) -> None:
        if outcome is not Outcome.PAID:
            claims = {**claims, "amount": None, "receipt": None}
        self.report(Evidence.CALLBACK, outcome, code, **claims)

    @rule(amount=st.sampled_from([AMOUNT, AMOUNT, AMOUNT - 1]), receipt=st.sampled_from([OWN, OWN, SECOND]))
    def its_money_is_confirmed(self, amount: int, receipt: str) -> None:
        if receipt not in self.taken:
            self.report(Evidence.CONFIRMATION, Outcome.PAID, "0", amount=amount, receipt=receipt)
            self.confirmations.append((receipt, amount))

    @precondition(lambda self: self.facts.payment["next_check_at"] is not None)
    @rule(outcome=st.one_of(st.none(), outcomes), code=codes, seconds=st.sampled_from([0, 5, 100]))
    def daraja_is_queried_when_it_is_due(self, outcome: Outcome | None, code: str, seconds: int) -> None:
        self.now = max(self.now, self.facts.payment["next_check_at"]) + timedelta(seconds=seconds)
        queries = self.facts.payment["check_attempts"] + 1
        self.facts = changed(self.facts, check_attempts=queries, next_check_at=self.now + CALL_LIMIT)
        self.query(outcome, code, scheduled=True)

    @precondition(lambda self: self.facts.payment["checkout_id_hash"] is not None)
    @rule(outcome=st.one_of(st.none(), outcomes), code=codes)
    def a_reader_causes_a_query(self, outcome: Outcome | None, code: str) -> None:
        self.query(outcome, code, scheduled=False)

    @precondition(lambda self: self.facts.status in OPEN and self.facts.payment["order_lock"])
    @rule()
    def it_releases_its_order(self) -> None:
        change = PaymentChange(self.facts)
        change.set(order_lock=None, phone_lock=None)
        change.note("lock_released", Cause(SERVICE, self.now))
        self.write(change.plan("noted", "released"))

    @precondition(lambda self: self.facts.payment["order_lock"] is None and self.facts.holder is None)
    @precondition(lambda self: self.facts.order is None)
    @rule(status=st.sampled_from([PaymentStatus.PENDING, PaymentStatus.SUCCEEDED, PaymentStatus.REVIEW]))
    def another_payment_holds_its_order(self, status: PaymentStatus) -> None:
        self.facts = replace(self.facts, holder=HolderFacts("another", 1, status, 2))

    # How a plan is made and written.

    def report(self, evidence: Evidence, outcome: Outcome, code: str, **claims: Any) -> None:
        """Apply a report, and then the same one again, which moves nothing any more."""
        code = "0" if outcome is Outcome.PAID else code
        report = PaymentReport(evidence, outcome, self.now, code, **claims)
        for repeated in (False, True):
            facts = self.beside(report.receipt)
            before = replace(facts, payment=dict(facts.payment))
            change = PaymentChange(facts)
            decision = apply_report(change, report)
            plan = change.plan(decision.verdict, decision.reason)
            again = PaymentChange(facts)
            assert apply_report(again, report) == decision
            assert again.plan(decision.verdict, decision.reason) == plan
            assert facts == before, "a decision changes nothing that it was given"
            assert not (repeated and decision.edge), report
            if decision.second_payment:
                self.book_second_payment(report)
            self.write(plan)

    def book_second_payment(self, report: PaymentReport) -> None:
        assert report.receipt
        assert report.receipt not in {*self.taken, self.facts.receipt}
        self.taken.add(report.receipt)

    def query(self, outcome: Outcome | None, code: str, *, scheduled: bool) -> None:
        change = PaymentChange(self.beside(None))
        known = change.now["checkout_id_hash"] is not None
        if known and scheduled:
            change.set(last_checked_at=self.now)
        elif change.status is PaymentStatus.SUBMITTING:
            change.move("push_unanswered", Cause(SERVICE, self.now))
        report = None
        if known and outcome is not None:
            code = "0" if outcome is Outcome.PAID else code
            report = PaymentReport(Evidence.QUERY, outcome, self.now, code)
        decision = apply_query(change, report, scheduled=scheduled, now=self.now, jitter=1.0)
        if decision is None:
            self.write(change.plan("noted", "no information"))
        else:
            self.write(change.plan(decision.verdict, decision.reason))

    def beside(self, receipt: str | None) -> PaymentFacts:
        """Return the facts as `load` would read them for a report that names a receipt."""
        facts = self.facts
        return replace(
            facts,
            receipt_taken=receipt in self.taken,
            claimed_receipt_taken=facts.payment["claimed_receipt"] in self.taken,
            confirmed=(facts.receipt, facts.amount) in self.confirmations,
            unresolved=facts.status is PaymentStatus.REVIEW and self.last_move == "unresolved",
        )

    def write(self, plan: Plan) -> None:
        self.write_trail(plan)
        self.write_events(plan)
        order, holder, payment = self.facts.order, self.facts.holder, dict(self.facts.payment)
        for change in plan.changes:
            if change.table == "expected_orders":
                assert order is not None
                assert change.version == order.version
                columns = {name: change.columns[name] for name in ("received_amount", "status")}
                order = replace(order, version=order.version + 1, **columns)
            elif change.id != self.facts.id:
                assert holder is not None
                assert (change.id, change.version) == (holder.id, holder.version)
                assert change.columns["order_lock"] is None
                holder = None
            else:
                assert change.version == payment["version"]
                assert all(payment[name] != value for name, value in change.columns.items())
                payment |= {**change.columns, "version": change.version + 1}
        if payment["order_lock"] is not None:
            assert holder is None, "two payments hold one order"
        self.facts = make_facts(payment, order=order, holder=holder)
        self.been.append(self.facts.status)

    def write_trail(self, plan: Plan) -> None:
        """Every line has the next number, and every move is a path of the table."""
        status: str = self.facts.status
        for row in plan.rows:
            line = row.columns
            if line["payment_id"] != self.facts.id:
                continue
            self.audit += 1
            assert (line["sequence"], line["from_status"]) == (self.audit, status)
            if line["to_status"] != status:
                assert PATHS[line["cause"], line["from_status"]] == line["to_status"]
                self.last_move = line["cause"]
            status = line["to_status"]

    def write_events(self, plan: Plan) -> None:
        for event in plan.events:
            self.events += 1
            assert event.sequence == self.events
            json.dumps(event.data)

    # What must hold.

    @invariant()
    def nothing_is_missing_from_the_trail(self) -> None:
        assert self.facts.payment["event_count"] == self.audit
        assert self.facts.payment["outgoing_count"] == self.events

    @invariant()
    def a_success_is_never_overwritten_by_a_failure(self) -> None:
        for before, after in zip(self.been, self.been[1:], strict=False):
            if before in PAID:
                assert after in PAID | {PaymentStatus.REVIEW}
        if PaymentStatus.SUCCEEDED in self.been:
            assert not UNPAID & set(self.been[self.been.index(PaymentStatus.SUCCEEDED) :])

    @invariant()
    def its_money_is_counted_once(self) -> None:
        order = self.facts.order
        if order is not None:
            brought = AMOUNT if self.facts.status in PAID else 0
            assert order.received_amount == self.elsewhere + brought
            assert self.facts.status not in PAID or self.facts.payment["expected_order_id"] == order.id

    @invariant()
    def a_receipt_once_owned_is_kept(self) -> None:
        owned = getattr(self, "owned", None)
        assert owned in (None, self.facts.receipt)
        self.owned = self.facts.receipt
        assert self.facts.receipt not in self.taken
        assert self.facts.receipt != ""

    @invariant()
    def a_check_is_due(self) -> None:
        """Daraja is queried about a payment without a final status, and about a success with a mismatch."""
        contested = self.facts.status in PAID and self.facts.mismatch is not None
        if self.facts.status in OPEN or contested:
            assert self.facts.payment["next_check_at"] is not None

    @invariant()
    def what_it_holds_fits_its_state(self) -> None:
        payment, status = self.facts.payment, self.facts.status
        assert status in OPEN or payment["phone_lock"] is None
        assert status not in UNPAID or payment["order_lock"] is None
        assert (status in OPEN) is (payment["completed_at"] is None)


# Without the phase that explains a failure: it takes minutes.
QUICK = set(Phase) - {Phase.explain}
TestPayment = PaymentMachine.TestCase
TestPayment.settings = settings(max_examples=100, stateful_step_count=20, deadline=None, phases=QUICK)
