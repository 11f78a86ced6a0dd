"""The operators' commands that change paid payments."""

import pytest

from tests.c2b.support import assert_books_are_right, confirm, order_row
from tests.cli.test_unmatched import database_url, run, run_json
from tests.orders.support import add_order
from tests.support import Service

__all__ = ["database_url"]
WHO = ("--by", "amina", "--reason", "wrong account")


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment of ORDER1."""
    add_order(service)
    confirm(service)
    return service.payments()[0].id


class TestRefund:
    def test_of_the_surplus(self, service: Service) -> None:
        add_order(service, amount=60)
        confirm(service)
        payment = service.payments()[0].id
        text = run(service, "orders", "show", "ORDER1")
        assert f"mpesa payments refund {payment} --amount 40 --phone NUMBER --by NAME --reason …" in text
        words = ("payments", "refund", payment, "--amount", "40", *WHO)
        text = run(service, *words, "--phone", "0712345678")
        assert "of 40 shillings is pending (b2c to 254712***678; the number agrees with the payer)" in text
        assert service.events(payment)[-2].actor == "operator:amina"

    def test_to_another_number(self, service: Service, payment: str) -> None:
        words = ("payments", "refund", payment, "--amount", "40", "--phone", "0722000001", *WHO)
        assert "This number is not the payer's." in run(service, *words, code=1)
        shown = run_json(service, *words, "--confirm-different-payer")
        assert (shown["phoneNumber"], shown["payerAgrees"]) == ("254722***001", False)

    def test_by_reversal(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "refund", payment, *WHO)
        assert "of 100 shillings is" in text
        assert "(reversal)" in text

    def test_a_number_that_is_none(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "refund", payment, "--phone", "0712", *WHO, code=2)
        assert "Invalid phone number format" in text


class TestMove:
    def test_to_another_order(self, service: Service, payment: str) -> None:
        add_order(service, "ORDER2")
        words = ("payments", "move", payment, "--order", "ORDER2", *WHO)
        moved = "Moved from order ORDER1: the payment is of order ORDER2 now. Its status is succeeded."
        assert moved in run(service, *words)
        assert order_row(service, "ORDER2").status == "paid"
        assert service.events(payment)[-3].actor == "operator:amina"
        assert "Nothing to move: the payment is of order ORDER2 already." in run(service, *words)
        assert_books_are_right(service)

    def test_to_unmatched_money(self, service: Service, payment: str) -> None:
        shown = run_json(service, "payments", "move", payment, "--to-unmatched", *WHO)
        assert (shown["_id"], shown["orderId"], shown["status"]) == (payment, None, "review")

    @pytest.mark.parametrize("where", [(), ("--order", "ORDER2", "--to-unmatched")])
    def test_one_place(self, service: Service, payment: str, where: tuple[str, ...]) -> None:
        text = run(service, "payments", "move", payment, *where, *WHO, code=2)
        assert "Give either --order ID or --to-unmatched." in text
        assert service.row(payment).order_id == "ORDER1"

    def test_what_is_not_there(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "move", payment, "--order", "ORDER9", *WHO, code=1)
        assert "There is no such order. Register it first." in text

    def test_needs_a_reason(self, service: Service, payment: str) -> None:
        run(service, "payments", "move", payment, "--to-unmatched", "--by", "amina", "--reason", "", code=2)
        assert service.row(payment).order_id == "ORDER1"
