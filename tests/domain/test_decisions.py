"""The judgment on reports: every combination against what must always hold, and each rule by name."""

from datetime import timedelta
from typing import Any

import pytest

from mpesa_service.domain.decisions import NEGATIVE_RESULT_INTERVAL, judge
from mpesa_service.domain.reports import (
    Decision,
    Mismatch,
    NegativeResult,
    Outcome,
    Verdict,
)
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from tests.domain.facts import changed, payment_facts
from tests.domain.reports import (
    FAILURE_EDGES,
    NOT_PAID,
    NOW,
    OTHER_RECEIPT,
    RECEIPT,
    M,
    O,
    S,
    claim,
    negative,
    query,
)


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
            ({"amount": 0}, M.AMOUNT),
            ({"amount": None, "fractional": True}, M.AMOUNT),
            ({"amount": 99, "payer_agrees": False}, M.AMOUNT),
            ({"payer_agrees": False}, M.PAYER),
            ({"payer_agrees": False, "receipt": None}, M.PAYER),
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
        assert judge(payment_facts(S.SUCCEEDED), claim(receipt=None)).verdict is Verdict.NOTED

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
