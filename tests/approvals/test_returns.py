"""Unmatched money above a limit stays unmatched until a second person approves its return."""

from typing import Any

from tests.approvals.support import decide, listed, waits
from tests.c2b.support import assert_books_are_right, confirm
from tests.orders.support import add_order
from tests.refunds.reversals import complete
from tests.refunds.support import complete as pay_out
from tests.review.test_unmatched import match, unmatched
from tests.support import PHONE, Service


def arrived(service: Service, amount: int, typed: str = "RENT") -> str:
    """Let money arrive that fits no order; return its payment's id."""
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})
    paid = {"msisdn": PHONE, "amount": amount, "billRefNumber": typed, "shortcode": "174379"}
    service.simulator.post("/simulator/c2b", paid)
    receipt = service.ledger()["debits"][-1]["receipt"]
    confirm(service, BillRefNumber=typed, TransID=receipt, TransAmount=f"{amount}.00")
    return next(payment.id for payment in service.payments() if payment.receipt == receipt)


def send_back(service: Service, payment: str, by: str = "amina", **more: Any) -> Any:
    body = {"reason": "not for us", **more}
    return service.call("POST", f"/unmatched/{payment}/return", body, by=by, admin=True)


def test_a_small_amount_goes_back_at_once(service: Service) -> None:
    assert send_back(service, arrived(service, 500)).status_code == 200


def test_a_large_amount_stays_unmatched_until_it_is_approved(service: Service) -> None:
    payment = arrived(service, 501)
    approval = waits(send_back(service, payment), "single")
    [shown] = listed(service)
    assert (shown["kind"], shown["amount"], shown["payee"]) == ("return", 501, "2547 ***** 678")
    assert [one["_id"] for one in unmatched(service)] == [payment]
    assert (service.payment(payment)["status"], service.refunds()) == ("review", [])
    assert decide(service, approval, by="amina").status_code == 403
    assert decide(service, approval).status_code == 200
    complete(service)
    assert service.payment(payment)["status"] == "refunded"
    assert_books_are_right(service)


def test_to_a_stated_number_too(service: Service) -> None:
    payment = arrived(service, 501)
    approval = waits(send_back(service, payment, phoneNumber=PHONE), "single")
    assert listed(service)[0]["payee"] == "254712***678"
    assert decide(service, approval).status_code == 200
    pay_out(service)
    assert service.payment(payment)["status"] == "refunded"
    assert_books_are_right(service)


def test_a_stated_number_adds_up_over_several_payments(service: Service) -> None:
    first, second = arrived(service, 400), arrived(service, 300, "SHOP")
    assert send_back(service, first, phoneNumber=PHONE).status_code == 200
    waits(send_back(service, second, phoneNumber=PHONE), "payee_day")


def test_only_what_may_be_returned_waits(service: Service) -> None:
    payment = arrived(service, 501)
    wrong = send_back(service, payment, phoneNumber="0799000111")
    assert (wrong.status_code, wrong.json["code"]) == (409, "payer_differs")
    assert listed(service) == []


def test_money_that_was_matched_meanwhile_is_not_returned(service: Service) -> None:
    payment = arrived(service, 501)
    approval = waits(send_back(service, payment), "single")
    add_order(service)
    assert match(service, payment).status_code == 200
    assert decide(service, approval).json["code"] == "not_unmatched"
    assert service.refunds() == []
    assert_books_are_right(service)
