"""Decisions on C2B confirmations, and on payments that they prove."""

from collections import Counter
from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from mpesa_service.domain.decisions import judge, order_is_paid
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
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus
from tests.domain.facts import payment_facts
from tests.domain.reports import (
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
        for receipt in ("", None):
            decision = judge(self.proven(), claim(receipt=receipt))
            assert (decision.verdict, decision.second_payment, decision.mismatch) == (
                Verdict.NOTED,
                False,
                None,
            )

    def test_a_confirmation_resolves_an_earlier_mismatch(self) -> None:
        disputed = payment_facts(S.SUCCEEDED, receipt=RECEIPT, mismatch=M.NEGATIVE_RESULT)
        decision = judge(disputed, claim(evidence=Evidence.CONFIRMATION))
        assert decision.verdict is Verdict.APPLIED
        assert (decision.edge, decision.mismatch_resolved, decision.nothing_to_query) == (None, True, True)
        assert judge(disputed, claim()).verdict is Verdict.DUPLICATE
