"""Money of a receipt that was booked without an account: orders of its amount are suggested, and no more."""

import pytest

from mpesa_service.review import suggestions
from tests.c2b.support import expect_order
from tests.c2b.test_receipts import book, pay
from tests.orders.support import add_order
from tests.review.test_unmatched import match, suggested, waits
from tests.support import Service


@pytest.fixture
def payment(service: Service) -> str:
    """The id of 100 shillings that were booked without an account."""
    assert book(service, pay(service))["status"] == "unmatched"
    return service.payments()[0].id


def test_the_newest_open_orders_of_exactly_its_amount(service: Service, payment: str) -> None:
    for number, amount in enumerate((100, 100, 99, 101, 100, 200)):
        service.clock.advance(1)
        add_order(service, f"A{number}", amount=amount)
    add_order(service, "OVER", amount=100, expires_at=service.clock())
    service.clock.advance(60)
    assert suggested(service) == [(order, 25, ["amount_equal"]) for order in ("A4", "A1", "A0")]
    assert service.row(payment).status == "review"
    assert match(service, payment, "A1").status_code == 200
    assert service.row(payment).order_id == "A1"


def test_few_of_many(service: Service, payment: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        service.clock.advance(1)
        add_order(service, f"A{number}", amount=100)
    assert [order for order, *_ in suggested(service)] == ["A7", "A6", "A5", "A4", "A3"]
    monkeypatch.setattr(suggestions, "RECENT", 2)
    assert [order for order, *_ in suggested(service)] == ["A7", "A6"]


def test_money_with_another_account_is_not_suggested_by_its_amount(service: Service) -> None:
    expect_order(service, "A1")
    waits(service, typed="RENT 4B", TransAmount="100.00")
    assert suggested(service) == []
