"""A refund or payout failed, and a statement shows money that it may be: none is sent a second time."""

from pathlib import Path
from typing import Any

import pytest

from mpesa_service.models import Payment
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.records import StatementRecord
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm
from tests.orders.support import add_order
from tests.payments.test_races import at_once
from tests.payouts.support import PAYBILL, ROW, act, batches, look, made, pay, payouts, post, trail
from tests.payouts.support import complete as complete_payouts
from tests.refunds import reversals
from tests.refunds.support import complete
from tests.review.support import resolve
from tests.review.test_discrepancies import close
from tests.review.test_discrepancies import look as discrepancies
from tests.review.test_unmatched import match
from tests.review.test_unmatched_returns import return_money
from tests.statements.support import BOSS, import_rows, own
from tests.statements.test_applying import applied, apply_rows
from tests.statements.test_contradicted import line
from tests.statements.test_reversed_money import reversal
from tests.support import PHONE, Service

CODE = "statement_shows_payout"
SHOWN = line("UK1PAIDOUT", "-60.00")


def failed(service: Service) -> str:
    """Return the CheckoutRequestID of a payment whose refund of 60 of 100 shillings failed."""
    checkout = service.paid()
    service.refund(checkout, 60)
    complete(service, resultCode=1)
    assert [one.status for one in service.refunds()] == ["failed"]
    return checkout


def refused(answer: Any) -> dict[str, Any]:
    assert (answer.status_code, answer.json["code"]) == (409, CODE), answer.json
    return dict(answer.json)


class TestRefunds:
    @pytest.mark.parametrize("amount", [60, 40, None])
    def test_no_other_one_is_sent(self, service: Service, tmp_path: Path, amount: int | None) -> None:
        checkout = failed(service)
        apply_rows(service, tmp_path, [SHOWN])
        [one], [refund] = discrepancies(service), service.refunds()
        error = refused(service.refund(checkout, amount))
        assert f"mpesa discrepancies close {one['_id']} --belongs-to {refund.id}" in error["message"]
        assert error["details"] == {
            "_id": refund.id,
            "receipt": "UK1PAIDOUT",
            "discrepancyId": one["_id"],
        }
        assert (len(service.refunds()), service.row(checkout).refunding_amount) == (1, 0)
        assert list(verify(service.runtime)) == []

    def test_other_money_is_closed_and_then_it_is_sent(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = apply_rows(service, tmp_path, [SHOWN])
        close(service, discrepancies(service)[0]["_id"])
        applied(service, record)
        assert service.refund(checkout, 60).status_code == 200

    def test_its_own_money_is_settled_and_the_rest_can_be_refunded(
        self, service: Service, tmp_path: Path
    ) -> None:
        checkout = failed(service)
        apply_rows(service, tmp_path, [SHOWN])
        [one], [refund] = discrepancies(service), service.refunds()
        close(service, one["_id"], belongsTo=refund.id)
        assert service.refund(checkout, 60).json["code"] == "refund_too_large"
        resolve(service, checkout, "settle")
        assert service.refund(checkout, 40).status_code == 200

    def test_a_key_can_be_used_again(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        apply_rows(service, tmp_path, [SHOWN])
        refused(service.refund(checkout, 60, Idempotency_Key="key-1"))
        close(service, discrepancies(service)[0]["_id"])
        assert service.refund(checkout, 60, Idempotency_Key="key-1").status_code == 200

    def test_another_payment_is_refunded(self, service: Service, tmp_path: Path) -> None:
        failed(service)
        other = service.paid("ORDER2", phone="254722000001")
        apply_rows(service, tmp_path, [SHOWN])
        assert service.refund(other, 60).status_code == 200

    def test_one_that_may_still_be_paid_reserves_its_amount(self, service: Service, tmp_path: Path) -> None:
        checkout = service.paid()
        service.refund(checkout, 60)
        apply_rows(service, tmp_path, [SHOWN])
        assert service.refund(checkout, 40).status_code == 200
        [of_60] = [number for number, one in enumerate(service.refunds()) if one.amount == 60]
        complete(service, of_60, resultCode=1)
        refused(service.refund(checkout, 60))

    def test_a_reversal_that_failed(self, service: Service, tmp_path: Path) -> None:
        service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
        checkout = service.paid()
        [payment] = service.payments()
        reverse(service, payment)
        reversals.complete(service, resultCode=11)
        apply_rows(service, tmp_path, [reversal(linked="")])
        [one], [refund] = discrepancies(service), service.refunds()
        assert (one["kind"], [found["_id"] for found in one["candidates"]]) == ("reversal", [refund.id])
        error = refused(service.refund(checkout))
        assert f"--belongs-to {payment.id}" in error["message"]
        assert refused(reverse(service, payment))["details"]["_id"] == refund.id
        close(service, one["_id"], belongsTo=payment.id)
        assert service.row(checkout).status == "review"


class TestPayouts:
    def failed(self, service: Service, code: int = 8) -> str:
        """Return the id of a payout that failed, or that is in review."""
        made(service, ROW)
        pay(service)
        complete_payouts(service, resultCode=code)
        [row] = payouts(service)
        service.clock.advance(1)  # the ids of one moment are in no order
        return row.id

    @pytest.mark.parametrize("code", [8, 17])
    def test_no_other_one_is_requested(self, service: Service, tmp_path: Path, code: int) -> None:
        payout = self.failed(service, code)
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
        error = refused(post(service, {"reference": "PAY-2", "rows": [PAYBILL, ROW]}))
        assert error["details"]["_id"] == payout
        others = [PAYBILL, {**ROW, "amount": 101}, {**ROW, "phoneNumber": "0722000001"}]
        made(service, *others, reference="PAY-2")
        close(service, discrepancies(service)[0]["_id"])
        made(service, ROW, reference="PAY-3")

    def test_a_batch_that_waits_is_not_approved(
        self, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.failed(service)
        big = {**PAYBILL, "amount": 70_000}
        batch = made(service, big, ROW, reference="PAY-2")
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
        refused(act(service, batch, "approve", by="otieno"))
        close(service, discrepancies(service)[0]["_id"])
        assert act(service, batch, "approve", by="otieno").status_code == 200

    def test_a_batch_that_runs_is_paused_before_its_row(self, service: Service, tmp_path: Path) -> None:
        self.failed(service)
        batch = made(service, PAYBILL, ROW, reference="PAY-2")
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
        pay(service)
        assert [one.status for one in payouts(service)] == ["failed", "pending", "waiting"]
        assert (look(service, f"/{batch}").json["data"]["status"], trail(service, batch)[-1]) == (
            "paused",
            "paused",
        )
        refused(act(service, batch, "resume"))
        close(service, discrepancies(service)[0]["_id"])
        assert act(service, batch, "resume").status_code == 200
        pay(service)
        assert [one.status for one in payouts(service)] == ["failed", "pending", "pending"]
        assert [one.status for one in batches(service)] == ["done", "running"]
        assert list(verify(service.runtime)) == []


class TestUnmatchedMoney:
    def test_it_is_neither_returned_again_nor_matched(self, service: Service, tmp_path: Path) -> None:
        service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
        add_order(service)
        paid = {"msisdn": PHONE, "amount": 100, "billRefNumber": "RENT", "shortcode": "174379"}
        service.simulator.post("/simulator/c2b", paid)
        confirm(service, BillRefNumber="RENT", TransID=service.ledger()["debits"][-1]["receipt"])
        [payment] = service.payments()
        assert return_money(service, payment.id).status_code == 200
        reversals.complete(service, resultCode=11)
        apply_rows(service, tmp_path, [reversal(linked="")])
        refused(return_money(service, payment.id))
        refused(match(service, payment.id, "ORDER1"))
        close(service, discrepancies(service)[0]["_id"])
        assert match(service, payment.id, "ORDER1").status_code == 200


class TestWhileAStatementIsApplied:
    def ready(self, service: Service, tmp_path: Path, *rows: Any) -> StatementRecord:
        """Return a statement that an admin has had applied, and that no process works on yet."""
        record = import_rows(service, tmp_path, own([*rows] or [SHOWN]))
        request_apply(service.runtime, BOSS, record.id)
        return record

    def test_its_line_counts_from_the_request_on(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = self.ready(service, tmp_path)
        error = refused(service.refund(checkout, 60))
        assert error["details"] == {
            "_id": service.refunds()[0].id,
            "receipt": "UK1PAIDOUT",
            "statementId": record.id,
        }
        assert f"Statement {record.id}, which is being applied" in error["message"]
        apply_statement(service.runtime, record.id)
        assert "discrepancyId" in refused(service.refund(checkout, 60))["details"]

    def test_what_is_decided_or_does_not_fit_counts_not(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = apply_rows(service, tmp_path, [SHOWN])
        close(service, discrepancies(service)[0]["_id"])
        request_apply(service.runtime, BOSS, record.id)
        self.ready(service, tmp_path, line("UK1PAIDOU2", "-61.00"), line("UK1PAIDOU3", "", "60.00"))
        assert service.refund(checkout, 60).status_code == 200

    def test_a_line_that_another_file_has(self, service: Service, tmp_path: Path) -> None:
        import_rows(service, tmp_path, own([SHOWN]), "first.csv")
        checkout = failed(service)
        assert service.refund(checkout, 10).status_code == 200  # an import decides nothing
        self.ready(service, tmp_path, SHOWN, line("UK1PAIDOU2", "-61.00"))
        refused(service.refund(checkout, 60))

    def test_an_empty_one(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = import_rows(service, tmp_path, own([]))
        request_apply(service.runtime, BOSS, record.id)
        assert service.refund(checkout, 60).status_code == 200

    def test_many_refunds_while_it_is_applied(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = self.ready(service, tmp_path)

        def act_on(number: int) -> Any:
            if number == 0:
                return apply_statement(service.runtime, record.id)
            return service.refund(checkout, 60)

        answers = at_once(6, act_on)
        assert {refused(answer)["code"] for answer in answers[1:]} == {CODE}
        assert (len(service.refunds()), len(discrepancies(service))) == (1, 1)
        assert list(verify(service.runtime)) == []

    def test_a_refund_and_the_request_have_one_order(self, service: Service, tmp_path: Path) -> None:
        checkout = failed(service)
        record = import_rows(service, tmp_path, own([SHOWN]))

        def act_on(number: int) -> Any:
            if number == 0:
                return applied(service, record)
            return service.refund(checkout, 60)

        answers = at_once(4, act_on)[1:]
        codes = sorted(answer.status_code for answer in answers)
        assert codes in ([409, 409, 409], [200, 409, 409], [200, 400, 409], [200, 400, 400])
        sent = [one for one in service.refunds() if one.status == "pending"]
        assert len(sent) == codes.count(200)
        assert service.row(checkout).refunding_amount == 60 * len(sent)
        refused(service.refund(checkout, 10))
        assert list(verify(service.runtime)) == []


def reverse(service: Service, payment: Payment) -> Any:
    return reversals.reverse(service, payment.id)
