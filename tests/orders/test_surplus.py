"""What an order says about its surplus, and how to return it."""

from typing import Any

from tests.c2b.support import assert_books_are_right, confirm, expect_order
from tests.refunds.support import complete
from tests.support import PHONE, Service


def surplus(service: Service, order: str = "ORDER1") -> list[tuple[str, int, bool]]:
    data = service.call("GET", f"/orders/{order}").json["data"]
    return [(one["paymentId"], one["amount"], one["needsPhoneNumber"]) for one in data["surplus"]]


def ids(service: Service) -> list[str]:
    return [payment.id for payment in sorted(service.payments(), key=lambda one: one.created_at)]


def refund(service: Service, payment: str, amount: int, **more: Any) -> Any:
    body = {"amount": amount, "reason": "too much", **more}
    return service.call("POST", f"/{payment}/refund", body, by="boss", admin=True)


def test_of_an_order_with_several_payments(service: Service) -> None:
    expect_order(service)
    confirm(service)
    assert surplus(service) == []
    service.clock.advance(1)
    confirm(service, TransID="RKL51ZDR5F", TransAmount="40.00")
    service.clock.advance(1)
    confirm(service, TransID="RKL51ZDR6F", TransAmount="10.00", MSISDN=PHONE)
    _, second, third = ids(service)
    assert surplus(service) == [(third, 10, False), (second, 40, True)]
    assert refund(service, second, 40, phoneNumber=PHONE).status_code == 200
    assert surplus(service) == [(third, 10, False)], "the other 40 are being refunded"
    complete(service)
    assert surplus(service) == [(third, 10, False)]
    service.clock.advance(1)
    assert refund(service, third, 10).status_code == 200
    complete(service)
    assert surplus(service) == []
    assert service.call("GET", "/orders/ORDER1").json["data"]["status"] == "paid"
    assert_books_are_right(service)


def test_of_one_payment_that_is_too_large(service: Service) -> None:
    expect_order(service)
    confirm(service, TransAmount="140.00")
    [payment] = ids(service)
    assert surplus(service) == [(payment, 40, True)]


def test_an_order_that_takes_any_amount_has_none(service: Service) -> None:
    expect_order(service, amountRule="minimum")
    confirm(service, TransAmount="140.00")
    data = service.call("GET", "/orders/ORDER1").json["data"]
    assert (data["status"], data["overpaidAmount"], data["surplus"]) == ("paid", 40, [])
