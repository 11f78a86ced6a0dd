"""What must hold for every combination of a payment and a report."""

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.domain.decisions import judge, order_is_paid
from mpesa_service.domain.reports import (
    Decision,
    Evidence,
    Outcome,
    PaymentReport,
    Verdict,
)
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, UNPAID, PaymentStatus
from tests.domain.facts import changed, payment_facts
from tests.domain.reports import (
    FAILURE_EDGES,
    NOT_PAID,
    NOW,
    OTHER_RECEIPT,
    RECEIPT,
    Case,
    M,
    O,
    S,
    claim,
    moves,
    negative,
    query,
)


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


class TestAlways:
    def test_the_matrix_is_whole(self) -> None:
        assert len(CLAIMS) == 9 * 5 * 2 * 2 * 3 * 2 * 3 * 2 * 2 * 2 * 2
        assert len(QUERIES) == 9 * 5 * 7 * 4 * 2 * 2
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
                assert disputed or report.amount in {None, record.amount}

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
