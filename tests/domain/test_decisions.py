"""The judgement on reports: every combination against what must always hold, and each rule by name."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.decisions import NEGATIVE_RESULT_INTERVAL, judge, order_is_paid
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.reports import (
    Decision,
    Evidence,
    Mismatch,
    NegativeResult,
    Note,
    Outcome,
    PaymentReport,
    Verdict,
)
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, UNPAID, PaymentStatus
from tests.domain.facts import changed, payment_facts

S, O, M = PaymentStatus, Outcome, Mismatch  # noqa: E741
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
OTHER_PHONE = "254722000001"
RECEIPT, OTHER_RECEIPT = "NLJ7RT61SV", "NLJ7RT61SW"
NOT_PAID = (O.FAILED, O.CANCELED, O.UNCLEAR)
FAILURE_EDGES = {
    O.FAILED: ("declined", S.FAILED),
    O.CANCELED: ("canceled_by_customer", S.CANCELED),
    O.UNCLEAR: ("unclear_result", S.REVIEW),
}

Case = tuple[PaymentFacts, PaymentReport, Decision]


def claim(outcome: Outcome = O.PAID, **more: Any) -> PaymentReport:
    values: dict[str, Any] = {
        "evidence": Evidence.CALLBACK,
        "outcome": outcome,
        "at": NOW,
        "result_code": "0" if outcome is O.PAID else "1032",
    }
    if outcome is O.PAID:
        values.update(receipt=RECEIPT, amount=100)
    return PaymentReport(**{**values, **more})


def query(outcome: Outcome, code: str = "1032", at: datetime = NOW) -> PaymentReport:
    return PaymentReport(
        Evidence.QUERY, outcome, at, "0" if outcome is O.PAID else code, trusted=True, ids_agree=True
    )


def negative(ago: timedelta = NEGATIVE_RESULT_INTERVAL, code: str = "1032") -> NegativeResult:
    return NegativeResult(code, NOW - ago)


def claims() -> list[Case]:
    found = []
    for status, outcome, trusted, ids, amount, payer, receipt, taken, own, order_paid, earlier in product(
        S,
        O,
        (True, False),
        (True, False),
        (100, 99, None),
        (True, False),
        (RECEIPT, OTHER_RECEIPT, None),
        (True, False),
        (RECEIPT, None),
        (True, False),
        (None, M.AMOUNT),
    ):
        record = payment_facts(
            status, receipt=own, mismatch=earlier, receipt_taken=taken, order_paid=order_paid
        )
        report = claim(
            outcome, amount=amount, payer_agrees=payer, receipt=receipt, trusted=trusted, ids_agree=ids
        )
        found.append((record, report, judge(record, report)))
    return found


def queries() -> list[Case]:
    negative_results = [None, negative(), negative(timedelta(seconds=59)), negative(code="1037")]
    found = []
    for status, outcome, earlier, negative_result, own, order_paid in product(
        S, O, (None, *M), negative_results, (RECEIPT, None), (True, False)
    ):
        record = payment_facts(
            status, receipt=own, mismatch=earlier, negative_result=negative_result, order_paid=order_paid
        )
        report = query(outcome)
        found.append((record, report, judge(record, report)))
    return found


CLAIMS = claims()
QUERIES = queries()
ALL = CLAIMS + QUERIES


def moves(cases: list[Case]) -> list[tuple[PaymentFacts, PaymentReport, Decision, PaymentStatus]]:
    return [
        (record, report, decision, PAYMENT_TRANSITIONS.target(decision.edge, record.status))
        for record, report, decision in cases
        if decision.edge is not None
    ]


class TestAlways:
    def test_the_matrix_is_whole(self) -> None:
        assert len(CLAIMS) == 9 * 5 * 2 * 2 * 3 * 2 * 3 * 2 * 2 * 2 * 2
        assert len(QUERIES) == 9 * 5 * 6 * 4 * 2 * 2
        assert Counter(decision.verdict for _, _, decision in ALL).keys() == set(Verdict)
        assert all(decision.reason for _, _, decision in ALL)

    def test_a_returned_edge_leaves_the_state_that_the_payment_is_in(self) -> None:
        assert len(moves(ALL)) > 100

    def test_an_edge_means_applied(self) -> None:
        assert all(decision.verdict is Verdict.APPLIED for _, _, decision, _ in moves(ALL))

    def test_a_success_never_becomes_a_failure(self) -> None:
        for record, _, _, target in moves(ALL):
            if record.status in PAID:
                assert target is S.REVIEW

    def test_a_claim_never_moves_what_has_a_verdict(self) -> None:
        assert all(record.status in OPEN for record, _, _, _ in moves(CLAIMS))

    def test_an_untrusted_claim_never_moves_anything(self) -> None:
        for _, report, decision in CLAIMS:
            if not report.trusted:
                assert decision.edge is None
                assert not decision.store_receipt
                assert decision.mismatch is None
                assert not decision.mismatch_resolved
                assert decision.negative_result is None

    def test_an_untrusted_claim_that_is_new_makes_us_query(self) -> None:
        for _, report, decision in CLAIMS:
            if not report.trusted and report.outcome is not O.PENDING:
                assert decision.query_daraja is (decision.verdict is not Verdict.DUPLICATE)

    def test_no_verdict_moves_and_remembers_nothing(self) -> None:
        for _, report, decision in ALL:
            if report.outcome is O.PENDING:
                assert decision == Decision(Verdict.NOTED, "no result yet")

    def test_nothing_leaves_review(self) -> None:
        for record, _, decision in ALL:
            if record.status is S.REVIEW:
                assert decision.edge is None

    def test_only_a_report_of_payment_makes_a_payment_paid(self) -> None:
        for _, report, _, target in moves(ALL):
            if target in PAID:
                assert report.outcome is O.PAID

    def test_only_a_report_of_no_payment_makes_a_payment_unpaid(self) -> None:
        for record, report, _, target in moves(ALL):
            if target in UNPAID:
                assert record.status in OPEN
                assert FAILURE_EDGES[report.outcome][1] is target

    def test_a_claim_makes_paid_only_what_agrees_in_everything(self) -> None:
        seen = 0
        for record, report, _, target in moves(CLAIMS):
            if report.outcome is O.PAID:
                seen += 1
                assert report.trusted
                assert report.ids_agree
                assert report.amount == record.amount
                assert report.payer_agrees
                assert report.receipt is not None
                assert not record.receipt_taken
                assert record.receipt in (None, report.receipt)
                assert target is (S.REVIEW if order_is_paid(record) else S.SUCCEEDED)
        assert seen

    def test_a_claim_fails_only_an_undisputed_payment(self) -> None:
        for record, report, decision, target in moves(CLAIMS):
            if report.outcome in NOT_PAID:
                assert (record.mismatch, report.trusted, report.ids_agree) == (None, True, True)
                assert (decision.edge, target) == FAILURE_EDGES[report.outcome]

    def test_a_second_payment_of_an_order_is_never_booked_as_the_first(self) -> None:
        for record, _, decision, target in moves(ALL):
            if order_is_paid(record):
                assert target is not S.SUCCEEDED
            else:
                assert decision.edge != "duplicate_payment"

    def test_one_negative_query_never_moves_anything(self) -> None:
        for record, report, decision in QUERIES:
            if report.outcome in NOT_PAID and record.negative_result != negative():
                assert decision.edge is None

    def test_a_negative_result_is_remembered_or_counts_and_never_both(self) -> None:
        for _, report, decision in QUERIES:
            if report.outcome in NOT_PAID:
                assert decision.edge is None or decision.negative_result is None
        assert all(decision.negative_result is None for _, _, decision in CLAIMS)

    def test_a_mismatch_is_raised_only_by_a_dispute(self) -> None:
        for _, _, decision in ALL:
            if decision.mismatch is not None:
                assert decision.verdict is Verdict.DISPUTED
                assert decision.query_daraja
                assert not decision.mismatch_resolved

    def test_every_dispute_is_put_to_daraja(self) -> None:
        assert all(d.query_daraja for _, _, d in ALL if d.verdict is Verdict.DISPUTED)

    def test_a_duplicate_changes_nothing_at_all(self) -> None:
        for _, report, decision in CLAIMS:
            if decision.verdict is Verdict.DUPLICATE:
                assert decision == Decision(Verdict.DUPLICATE, decision.reason), report

    def test_a_receipt_is_stored_only_from_the_payments_own_address(self) -> None:
        for record, report, decision in ALL:
            if decision.store_receipt:
                assert report.evidence is not Evidence.QUERY
                assert report.trusted
                assert report.ids_agree
                assert report.receipt is not None
                assert not record.receipt_taken
                disputed = decision.mismatch in {M.AMOUNT, M.PAYER}
                assert disputed or report.amount == record.amount

    def test_a_claims_kind_of_evidence_makes_no_difference(self) -> None:
        for record, report, decision in CLAIMS[::7]:
            assert judge(record, replace(report, evidence=Evidence.PUSH)) == decision

    def test_the_same_claim_again_moves_nothing(self) -> None:
        for record, report, decision, target in moves(CLAIMS):
            if target in PAID | UNPAID:
                after = changed(record, status=target, receipt=report.receipt or record.receipt)
                assert judge(after, report).edge is None
                if decision.edge == "paid":
                    assert judge(after, report).verdict is Verdict.DUPLICATE


class TestClaims:
    @pytest.mark.parametrize("status", sorted(OPEN))
    def test_a_clean_success_is_believed(self, status: PaymentStatus) -> None:
        assert judge(payment_facts(status), claim()) == Decision(
            Verdict.APPLIED, "paid", edge="paid", store_receipt=True
        )

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("earlier", list(M))
    @pytest.mark.parametrize("claimed", [None, RECEIPT])
    def test_a_clean_success_resolves_an_earlier_mismatch(
        self, status: PaymentStatus, earlier: Mismatch, claimed: str | None
    ) -> None:
        record = payment_facts(status, mismatch=earlier, claimed_receipt=claimed)
        assert judge(record, claim()) == Decision(
            Verdict.APPLIED, "paid", edge="paid", store_receipt=True, mismatch_resolved=True
        )

    @pytest.mark.parametrize("status", sorted(OPEN))
    def test_a_claim_that_named_another_receipt_is_put_to_daraja_after_a_clean_success(
        self, status: PaymentStatus
    ) -> None:
        """Other money may have arrived."""
        record = payment_facts(status, mismatch=M.AMOUNT, claimed_receipt=OTHER_RECEIPT)
        decision = judge(record, claim())
        assert (decision.edge, decision.query_daraja, decision.mismatch_resolved) == ("paid", True, False)
        known = changed(record, status=S.SUCCEEDED, receipt=RECEIPT)
        assert judge(known, query(O.PAID)).edge == "contradicted"

    def test_in_review_a_person_decides_about_both_receipts(self) -> None:
        record = payment_facts(mismatch=M.AMOUNT, claimed_receipt=OTHER_RECEIPT, order_paid=True)
        decision = judge(record, claim())
        assert (decision.edge, decision.query_daraja) == ("duplicate_payment", False)
        assert not decision.mismatch_resolved

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("outcome", NOT_PAID)
    def test_a_clean_failure_is_believed(self, status: PaymentStatus, outcome: Outcome) -> None:
        decision = judge(payment_facts(status), claim(outcome))
        unclear = "result code 1032 is not documented"
        reason = unclear if outcome is O.UNCLEAR else outcome.value
        assert decision == Decision(Verdict.APPLIED, reason, edge=FAILURE_EDGES[outcome][0])

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize(
        ("more", "mismatch"),
        [
            ({"ids_agree": False}, M.IDS),
            ({"ids_agree": False, "amount": 1}, M.IDS),
            ({"amount": 99}, M.AMOUNT),
            ({"amount": 101}, M.AMOUNT),
            ({"amount": None}, M.AMOUNT),
            ({"amount": 0}, M.AMOUNT),
            ({"amount": 99, "payer_agrees": False}, M.AMOUNT),
            ({"payer_agrees": False}, M.PAYER),
            ({"payer_agrees": False, "receipt": None}, M.PAYER),
            ({"receipt": None}, M.RECEIPT),
            ({"receipt": ""}, M.RECEIPT),
        ],
        ids=str,
    )
    def test_a_success_that_disagrees_is_put_to_daraja(
        self, status: PaymentStatus, more: dict[str, Any], mismatch: Mismatch
    ) -> None:
        assert judge(payment_facts(status), claim(**more)) == Decision(
            Verdict.DISPUTED,
            f"contradicts the record ({mismatch.value}): Daraja is queried",
            query_daraja=True,
            mismatch=mismatch,
            store_receipt=mismatch in {M.AMOUNT, M.PAYER} and more.get("receipt", RECEIPT) is not None,
        )

    def test_a_disputed_claims_receipt_is_kept_unless_another_payment_has_it(self) -> None:
        assert judge(payment_facts(), claim(amount=1)).store_receipt
        assert not judge(payment_facts(receipt_taken=True), claim(amount=1)).store_receipt

    def test_a_receipt_of_another_payment_is_put_to_daraja(self) -> None:
        assert judge(payment_facts(receipt_taken=True), claim()).mismatch is M.RECEIPT

    def test_a_second_receipt_is_put_to_daraja(self) -> None:
        for status in (S.SUCCEEDED, S.PENDING, S.REVIEW):
            decision = judge(payment_facts(status, receipt=OTHER_RECEIPT), claim())
            assert decision.mismatch is M.RECEIPT

    def test_a_failure_with_other_ids_is_put_to_daraja(self) -> None:
        assert judge(payment_facts(), claim(O.FAILED, ids_agree=False)).mismatch is M.IDS

    @pytest.mark.parametrize("status", sorted(PAID))
    @pytest.mark.parametrize("outcome", NOT_PAID)
    def test_a_failure_after_success_is_put_to_daraja(self, status: PaymentStatus, outcome: Outcome) -> None:
        decision = judge(payment_facts(status, receipt=RECEIPT), claim(outcome))
        assert (decision.verdict, decision.mismatch) == (Verdict.DISPUTED, M.NEGATIVE_RESULT)
        assert decision.edge is None

    @pytest.mark.parametrize("status", sorted(UNPAID))
    def test_a_success_after_failure_is_put_to_daraja_with_its_receipt(self, status: PaymentStatus) -> None:
        assert judge(payment_facts(status), claim()) == Decision(
            Verdict.DISPUTED,
            f"success after {status.value}: Daraja is queried",
            store_receipt=True,
            query_daraja=True,
        )

    @pytest.mark.parametrize("status", sorted(UNPAID))
    @pytest.mark.parametrize("trusted", [True, False])
    def test_a_second_failure_is_a_duplicate(self, status: PaymentStatus, trusted: bool) -> None:
        assert judge(payment_facts(status), claim(O.FAILED, trusted=trusted)).verdict is Verdict.DUPLICATE

    @pytest.mark.parametrize("status", [*sorted(PAID), S.REVIEW])
    @pytest.mark.parametrize("amount", [100, None])
    @pytest.mark.parametrize("trusted", [True, False])
    def test_the_known_receipt_is_a_duplicate(
        self, status: PaymentStatus, amount: int | None, trusted: bool
    ) -> None:
        report = claim(amount=amount, trusted=trusted)
        assert judge(payment_facts(status, receipt=RECEIPT), report).verdict is Verdict.DUPLICATE

    def test_the_known_receipt_with_another_amount_is_no_duplicate(self) -> None:
        decision = judge(payment_facts(S.SUCCEEDED, receipt=RECEIPT), claim(amount=99))
        assert decision.mismatch is M.AMOUNT

    def test_no_receipt_twice_is_no_duplicate(self) -> None:
        decision = judge(payment_facts(S.SUCCEEDED), claim(receipt=None))
        assert decision.mismatch is M.RECEIPT

    @pytest.mark.parametrize("status", [*sorted(PAID), S.REVIEW])
    def test_a_receipt_that_follows_is_stored(self, status: PaymentStatus) -> None:
        assert judge(payment_facts(status), claim()) == Decision(
            Verdict.APPLIED, "it names the receipt", store_receipt=True
        )

    @pytest.mark.parametrize("outcome", NOT_PAID)
    def test_a_failure_while_a_person_looks_is_noted(self, outcome: Outcome) -> None:
        assert judge(payment_facts(S.REVIEW), claim(outcome)) == Decision(
            Verdict.NOTED, "it has no effect in review"
        )

    @pytest.mark.parametrize("earlier", list(M))
    def test_a_failure_after_a_dispute_is_put_to_daraja(self, earlier: Mismatch) -> None:
        decision = judge(payment_facts(mismatch=earlier), claim(O.CANCELED))
        assert (decision.verdict, decision.query_daraja, decision.edge) == (Verdict.DISPUTED, True, None)
        assert decision.mismatch is None, "the first one stays"

    def test_a_clean_success_after_a_dispute_is_believed(self) -> None:
        assert judge(payment_facts(mismatch=M.AMOUNT), claim()).edge == "paid"

    def test_a_clean_success_for_an_order_that_is_paid_needs_a_person(self) -> None:
        decision = judge(payment_facts(S.UNKNOWN, order_paid=True), claim())
        assert (decision.edge, decision.store_receipt) == ("duplicate_payment", True)


class TestQueries:
    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("earlier", [None, M.NEGATIVE_RESULT])
    def test_paid_is_believed_at_once(self, status: PaymentStatus, earlier: Mismatch | None) -> None:
        assert judge(payment_facts(status, mismatch=earlier), query(O.PAID)) == Decision(
            Verdict.APPLIED, "Daraja reports it as paid", edge="paid", mismatch_resolved=True
        )

    @pytest.mark.parametrize("status", sorted(UNPAID))
    def test_paid_after_failure_is_a_late_payment(self, status: PaymentStatus) -> None:
        assert judge(payment_facts(status), query(O.PAID)).edge == "late_payment"

    @pytest.mark.parametrize("status", [*sorted(OPEN), *sorted(UNPAID)])
    def test_paid_for_an_order_that_is_paid_needs_a_person(self, status: PaymentStatus) -> None:
        assert judge(payment_facts(status, order_paid=True), query(O.PAID)).edge == "duplicate_payment"

    @pytest.mark.parametrize("status", sorted(set(S) - {S.REVIEW}))
    @pytest.mark.parametrize("earlier", [M.AMOUNT, M.PAYER, M.IDS, M.RECEIPT])
    def test_paid_that_a_claim_disagreed_with_needs_a_person(
        self, status: PaymentStatus, earlier: Mismatch
    ) -> None:
        assert judge(payment_facts(status, mismatch=earlier, order_paid=True), query(O.PAID)) == Decision(
            Verdict.APPLIED, f"paid, but the claim differs in {earlier.value}", edge="contradicted"
        )

    @pytest.mark.parametrize("status", sorted(PAID))
    @pytest.mark.parametrize("earlier", [None, M.NEGATIVE_RESULT])
    def test_paid_again_resolves_a_mismatch(self, status: PaymentStatus, earlier: Mismatch | None) -> None:
        assert judge(payment_facts(status, mismatch=earlier), query(O.PAID)) == Decision(
            Verdict.DUPLICATE, "Daraja confirms it", mismatch_resolved=True
        )

    @pytest.mark.parametrize("earlier", [None, *M])
    @pytest.mark.parametrize("outcome", [O.PAID, *NOT_PAID])
    def test_while_a_person_looks_it_is_only_noted(self, earlier: Mismatch | None, outcome: Outcome) -> None:
        decision = judge(
            payment_facts(S.REVIEW, mismatch=earlier, negative_result=negative()), query(outcome)
        )
        assert decision == Decision(Verdict.NOTED, decision.reason)

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("outcome", NOT_PAID)
    @pytest.mark.parametrize("negative_result", [None, negative(code="1037")])
    def test_the_first_negative_result_is_remembered(
        self, status: PaymentStatus, outcome: Outcome, negative_result: NegativeResult | None
    ) -> None:
        assert judge(payment_facts(status, negative_result=negative_result), query(outcome)) == Decision(
            Verdict.NOTED,
            "Daraja reports it as not paid: a second query decides",
            query_daraja=True,
            negative_result=NegativeResult("1032", NOW),
        )

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("seconds", [0, 1, 59, 59.999])
    def test_the_second_must_not_come_too_soon(self, status: PaymentStatus, seconds: float) -> None:
        record = payment_facts(status, negative_result=negative(timedelta(seconds=seconds)))
        assert judge(record, query(O.FAILED)) == Decision(
            Verdict.NOTED, "the same negative query result, too soon after the first", query_daraja=True
        )

    @pytest.mark.parametrize("status", sorted(OPEN))
    @pytest.mark.parametrize("outcome", NOT_PAID)
    @pytest.mark.parametrize("seconds", [60, 61, 86_400])
    @pytest.mark.parametrize("earlier", [None, M.AMOUNT])
    def test_the_second_counts(
        self, status: PaymentStatus, outcome: Outcome, seconds: int, earlier: Mismatch | None
    ) -> None:
        record = payment_facts(status, negative_result=negative(timedelta(seconds=seconds)), mismatch=earlier)
        assert judge(record, query(outcome)) == Decision(
            Verdict.APPLIED,
            "Daraja reports it as not paid, twice",
            edge=FAILURE_EDGES[outcome][0],
            mismatch_resolved=True,
        )

    @pytest.mark.parametrize("status", sorted(PAID))
    def test_negative_results_of_an_undisputed_success_are_only_noted(self, status: PaymentStatus) -> None:
        decision = judge(payment_facts(status, negative_result=negative()), query(O.FAILED))
        assert decision == Decision(Verdict.NOTED, f"it has no effect in {status.value}")

    @pytest.mark.parametrize("status", sorted(PAID))
    @pytest.mark.parametrize("earlier", list(M))
    def test_two_negative_results_of_a_disputed_success_need_a_person(
        self, status: PaymentStatus, earlier: Mismatch
    ) -> None:
        record = payment_facts(status, mismatch=earlier)
        first = judge(record, query(O.CANCELED, at=NOW - NEGATIVE_RESULT_INTERVAL))
        assert (first.edge, first.query_daraja) == (None, True)
        second = judge(changed(record, negative_result=first.negative_result), query(O.CANCELED))
        assert (second.verdict, second.edge) == (Verdict.APPLIED, "contradicted")

    @pytest.mark.parametrize("status", sorted(UNPAID))
    def test_a_negative_result_of_what_failed_is_only_noted(self, status: PaymentStatus) -> None:
        decision = judge(payment_facts(status, negative_result=negative()), query(O.FAILED))
        assert decision == Decision(Verdict.NOTED, f"it has no effect in {status.value}")


def test_the_interval_between_negative_results_is_a_minute() -> None:
    assert timedelta(seconds=60) == NEGATIVE_RESULT_INTERVAL


REPORTS = st.builds(
    PaymentReport,
    evidence=st.sampled_from(Evidence),
    outcome=st.sampled_from(Outcome),
    at=st.integers(0, 600).map(lambda seconds: NOW + timedelta(seconds=seconds)),
    result_code=st.sampled_from(["0", "1", "1032", "1037"]),
    receipt=st.sampled_from([RECEIPT, OTHER_RECEIPT, "", None]),
    amount=st.sampled_from([100, 99, None]),
    payer_agrees=st.booleans(),
    trusted=st.booleans(),
    ids_agree=st.booleans(),
)


@given(st.lists(REPORTS, max_size=8))
def test_no_sequence_of_reports_takes_a_success_back(reports: list[PaymentReport]) -> None:
    record = payment_facts(S.SUBMITTING)
    been: list[PaymentStatus] = [record.status]
    for report in sorted(reports, key=lambda report: report.at):
        decision = judge(record, report)
        status = record.status
        if decision.edge is not None:
            status = PAYMENT_TRANSITIONS.target(decision.edge, status)
        mismatch = None if decision.mismatch_resolved else record.mismatch
        record = changed(
            record,
            status=status,
            mismatch=decision.mismatch or mismatch,
            negative_result=decision.negative_result or record.negative_result,
            receipt=report.receipt if decision.store_receipt and status in PAID else record.receipt,
        )
        been.append(status)
    if S.SUCCEEDED in been:
        assert set(been[been.index(S.SUCCEEDED) :]) <= {S.SUCCEEDED, S.REVIEW}
    if S.REVIEW in been:
        assert been[-1] is S.REVIEW


class TestConfirmations:
    """C2B's word that the money is there."""

    def arrival(self, **more: Any) -> PaymentReport:
        return claim(evidence=Evidence.CONFIRMATION, **more)

    def cases(self) -> list[Case]:
        found = []
        for status, amount, taken, own, order_paid, earlier, silent in product(
            S,
            (100, 99),
            (True, False),
            (RECEIPT, OTHER_RECEIPT, None),
            (True, False),
            (None, M.AMOUNT),
            (True, False),
        ):
            record = payment_facts(
                status,
                receipt=own,
                mismatch=earlier,
                receipt_taken=taken,
                order_paid=order_paid,
                unresolved=silent,
            )
            report = self.arrival(amount=amount)
            found.append((record, report, judge(record, report)))
        return found

    def test_what_moves(self) -> None:
        edges = Counter()
        for record, report, decision, target in moves(self.cases()):
            assert (report.amount, record.receipt_taken) == (record.amount, False)
            assert record.receipt in (None, report.receipt)
            assert decision.store_receipt
            assert target is (S.REVIEW if order_is_paid(record) else S.SUCCEEDED)
            if decision.edge == "matched":
                assert (record.status, record.unresolved, record.mismatch) == (S.REVIEW, True, None)
            else:
                assert record.status in (UNPAID if decision.edge == "late_payment" else OPEN | UNPAID)
            edges[decision.edge] += 1
        assert edges.keys() == {"paid", "late_payment", "matched", "duplicate_payment"}

    def test_what_is_known_stays_as_it_is(self) -> None:
        for status in PAID | {S.REVIEW}:
            assert judge(payment_facts(status, receipt=RECEIPT), self.arrival()).verdict is Verdict.DUPLICATE

    @pytest.mark.parametrize("status", sorted(PAID))
    def test_a_paid_payment_gets_its_receipt(self, status: PaymentStatus) -> None:
        decision = judge(payment_facts(status), self.arrival())
        assert decision == Decision(Verdict.APPLIED, "it names the receipt", store_receipt=True)

    @pytest.mark.parametrize("status", sorted(UNPAID))
    def test_a_late_arrival_resolves_an_earlier_mismatch(self, status: PaymentStatus) -> None:
        decision = judge(payment_facts(status, mismatch=M.AMOUNT), self.arrival())
        assert (decision.edge, decision.mismatch_resolved) == ("late_payment", True)

    def test_another_amount_or_receipt_is_put_to_daraja(self) -> None:
        paid = payment_facts(S.SUCCEEDED, receipt=RECEIPT)
        assert judge(paid, self.arrival(amount=90)).mismatch is M.AMOUNT
        assert judge(paid, self.arrival(receipt=OTHER_RECEIPT)).mismatch is M.RECEIPT


class TestProven:
    """The payment's own receipt is confirmed: later reports are about its prompt."""

    def proven(self, status: PaymentStatus = S.SUCCEEDED, **more: Any) -> PaymentFacts:
        return payment_facts(status, receipt=RECEIPT, confirmed=True, **more)

    @pytest.mark.parametrize("status", sorted(PAID))
    @pytest.mark.parametrize("outcome", NOT_PAID)
    @pytest.mark.parametrize("report", [claim, query])
    @pytest.mark.parametrize("earlier", [None, *M])
    def test_no_failure_moves_it_or_makes_us_query(
        self, status: PaymentStatus, outcome: Outcome, report: Any, earlier: Mismatch | None
    ) -> None:
        decision = judge(self.proven(status, mismatch=earlier), report(outcome))
        assert (decision.verdict, decision.edge, decision.note) == (Verdict.NOTED, None, Note.PROMPT_OVER)
        assert (decision.query_daraja, decision.nothing_to_query) == (False, True)
        assert (decision.mismatch, decision.mismatch_resolved) == (None, True)
        assert decision.negative_result == NegativeResult("1032", NOW)

    def test_the_same_failure_again_is_known(self) -> None:
        decision = judge(self.proven(negative_result=negative(timedelta())), claim(O.CANCELED))
        assert decision == Decision(Verdict.DUPLICATE, "repeats what is already known")

    @pytest.mark.parametrize("uncertain", [{"trusted": False}, {"ids_agree": False}])
    def test_a_failure_that_is_not_certain_leaves_no_note(self, uncertain: dict[str, bool]) -> None:
        decision = judge(self.proven(mismatch=M.AMOUNT), claim(O.CANCELED, **uncertain))
        assert (decision.verdict, decision.note, decision.negative_result) == (Verdict.NOTED, None, None)
        assert (decision.mismatch_resolved, decision.nothing_to_query) == (False, False)

    def test_another_receipt_is_a_second_payment(self) -> None:
        decision = judge(self.proven(), claim(receipt=OTHER_RECEIPT))
        assert (decision.verdict, decision.edge, decision.note) == (Verdict.NOTED, None, Note.PAID_AGAIN)
        assert (decision.second_payment, decision.query_daraja) == (True, False)

    def test_one_that_is_booked_already_is_not_booked_again(self) -> None:
        decision = judge(self.proven(receipt_taken=True), claim(receipt=OTHER_RECEIPT))
        assert (decision.verdict, decision.second_payment, decision.note) == (Verdict.NOTED, False, None)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [({"amount": 99}, M.AMOUNT), ({"payer_agrees": False}, M.PAYER), ({"ids_agree": False}, M.IDS)],
    )
    def test_one_that_disagrees_is_put_to_daraja(self, changes: dict[str, Any], says: Mismatch) -> None:
        decision = judge(self.proven(), claim(receipt=OTHER_RECEIPT, **changes))
        assert (decision.mismatch, decision.query_daraja) == (says, True)

    def test_no_receipt_is_no_second_payment(self) -> None:
        assert judge(self.proven(), claim(receipt="")).mismatch is M.RECEIPT
        assert judge(self.proven(), claim(receipt=None)).mismatch is M.RECEIPT

    def test_a_confirmation_resolves_an_earlier_mismatch(self) -> None:
        disputed = payment_facts(S.SUCCEEDED, receipt=RECEIPT, mismatch=M.NEGATIVE_RESULT)
        decision = judge(disputed, claim(evidence=Evidence.CONFIRMATION))
        assert decision.verdict is Verdict.APPLIED
        assert (decision.edge, decision.mismatch_resolved, decision.nothing_to_query) == (None, True, True)
        assert judge(disputed, claim()).verdict is Verdict.DUPLICATE
