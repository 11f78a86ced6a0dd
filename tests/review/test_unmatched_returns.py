"""Unmatched money goes back to its payer; if M-Pesa refuses, it is unmatched as before."""

from typing import Any

import pytest

from mpesa_service.core import suspensions
from mpesa_service.review import unmatched as unmatched_money
from tests.c2b.support import assert_books_are_right, causes, confirm, order_row
from tests.orders.support import add_order
from tests.refunds.reversals import complete
from tests.refunds.support import complete as pay_out
from tests.review.test_moves import move
from tests.review.test_unmatched import match, unmatched
from tests.support import PHONE, Service


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment that fits no order."""
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
    paid = {"msisdn": PHONE, "amount": 100, "billRefNumber": "RENT", "shortcode": "174379"}
    service.simulator.post("/simulator/c2b", paid)
    confirm(service, BillRefNumber="RENT", TransID=service.ledger()["debits"][-1]["receipt"])
    return service.payments()[0].id


def return_money(service: Service, payment: str, reason: str = "not for us") -> Any:
    return service.call("POST", f"/unmatched/{payment}/return", {"reason": reason}, by="amina", admin=True)


def test_it_goes_back_whole(service: Service, payment: str) -> None:
    answer = return_money(service, payment)
    data = answer.json["data"]
    assert (answer.status_code, data["method"], data["refundAmount"]) == (200, "reversal", 100)
    assert unmatched(service) == []
    complete(service)
    shown = service.payment(payment)
    assert (shown["status"], shown["refundedAmount"], shown["orderId"]) == ("refunded", 100, None)
    settled, created = service.events(payment)[2:4]
    assert (settled.cause, settled.actor, settled.detail) == (
        "settled_by_operator",
        "amina",
        {"reason": "not for us"},
    )
    assert (created.cause, created.detail["reason"]) == ("refund_created", "not for us")
    assert unmatched(service) == []
    assert_books_are_right(service)


def test_only_once(service: Service, payment: str) -> None:
    return_money(service, payment)
    assert return_money(service, payment).json["code"] == "not_unmatched"
    complete(service)
    answer = return_money(service, payment)
    assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")
    assert match(service, payment).json["code"] == "not_unmatched"
    assert len(service.ledger()["reversals"]) == 1


def test_what_has_an_order_is_not_sent_back_here(service: Service, payment: str) -> None:
    add_order(service)
    match(service, payment)
    answer = return_money(service, payment)
    assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")
    assert service.ledger()["reversals"] == []


def test_what_mpesa_would_not_reverse_is_unmatched_again(service: Service, payment: str) -> None:
    return_money(service, payment)
    complete(service, resultCode=1, resultDesc="The balance is insufficient for the transaction.")
    assert service.payment(payment)["status"] == "succeeded"
    assert [one["payment"]["_id"] for one in unmatched(service)] == [payment]
    assert return_money(service, payment).status_code == 200
    complete(service, resultCode=1)
    add_order(service)
    assert match(service, payment).status_code == 200
    assert order_row(service).status == "paid"
    assert causes(service, service.row(payment))[-2:] == ["matched_after_return", "order_paid"]
    assert_books_are_right(service)


@pytest.mark.parametrize("name", [suspensions.REFUNDS, suspensions.UNKNOWN_CODE_REVERSALS])
def test_while_refunds_are_stopped_nothing_is_done(service: Service, payment: str, name: str) -> None:
    with service.runtime.database.begin() as session:
        suspensions.suspend(session, name, "wrong credential", service.clock())
    answer = return_money(service, payment)
    assert (answer.status_code, answer.json["code"]) == (503, "refunds_suspended")
    assert service.row(payment).status == "review"


@pytest.mark.parametrize("reason", ["", " ", "x" * 501])
def test_needs_a_reason(service: Service, payment: str, reason: str) -> None:
    assert return_money(service, payment, reason).status_code == 400
    assert service.row(payment).status == "review"


class TestToAStatedNumber:
    def send(self, service: Service, payment: str, phone: str = PHONE, **more: Any) -> Any:
        body = {"reason": "he lost his SIM", "phoneNumber": phone, **more}
        return service.call("POST", f"/unmatched/{payment}/return", body, by="amina", admin=True)

    def test_it_goes_there_by_payout(self, service: Service, payment: str) -> None:
        data = self.send(service, payment).json["data"]
        assert (data["method"], data["refundAmount"], data["payerAgrees"]) == ("b2c", 100, True)
        pay_out(service)
        assert service.payment(payment)["status"] == "refunded"
        assert_books_are_right(service)

    def test_a_number_of_another_person_changes_nothing(self, service: Service, payment: str) -> None:
        answer = self.send(service, payment, "0722000001")
        assert (answer.status_code, answer.json["code"]) == (409, "payer_differs")
        assert service.row(payment).status == "review"
        answer = self.send(service, payment, "0722000001", confirmDifferentPayer=True)
        assert (answer.status_code, answer.json["data"]["payerAgrees"]) == (200, False)

    def test_the_rest_of_money_whose_match_was_undone(self, service: Service, payment: str) -> None:
        add_order(service)
        match(service, payment)
        body = {"amount": 40, "phoneNumber": PHONE, "reason": "too much"}
        service.call("POST", f"/{payment}/refund", body, by="amina", admin=True)
        pay_out(service)
        move(service, payment, None)
        service.clock.advance(1)
        assert self.send(service, payment).json["data"]["refundAmount"] == 60
        pay_out(service)
        assert service.payment(payment)["status"] == "refunded"
        assert_books_are_right(service)

    def test_what_mpesa_did_not_pay_is_unmatched_again(self, service: Service, payment: str) -> None:
        self.send(service, payment)
        pay_out(service, resultCode=1)
        assert [one["payment"]["_id"] for one in unmatched(service)] == [payment]
        assert_books_are_right(service)


def test_what_is_matched_just_before_it_is_sent_stays(
    service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    return_money(service, payment)
    complete(service, resultCode=1)
    add_order(service)
    send = unmatched_money.refund

    def meanwhile(*args: Any) -> Any:
        assert match(service, payment).status_code == 200
        return send(*args)

    monkeypatch.setattr(unmatched_money, "refund", meanwhile)
    answer = return_money(service, payment)
    assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")
    assert answer.json["details"] == {"status": "succeeded", "orderId": "ORDER1"}
    assert len(service.ledger()["reversals"]) == 1
    assert_books_are_right(service)
