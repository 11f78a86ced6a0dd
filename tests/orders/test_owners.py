"""Whose payments an expected order counts: everybody's if an admin registered it, else its owner's."""

from typing import Any

import pytest

from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, order_row
from tests.orders.test_expected import OTHER, expect_order, order_events, state, sums
from tests.support import PHONE, Service

RECEIPT = "RKL51ZDR40"


def by_admin(service: Service, order: str = "ORDER1", amount: int = 500, by: str = "office") -> Any:
    return service.call("POST", "/orders", {"orderId": order, "amount": amount}, by=by, admin=True)


def as_admin(service: Service, order: str = "ORDER1") -> dict[str, Any]:
    answer = service.call("GET", f"/orders/{order}", by="office", admin=True)
    assert answer.status_code == 200, answer.json
    return dict(answer.json["data"])


def pay(service: Service, amount: int, by: str = "amina", phone: str = PHONE) -> None:
    """Start a payment of ORDER1 by somebody's token, and pay it."""
    answer = service.initiate(amount=amount, phone=phone, by=by)
    assert answer.status_code == 201, answer.json
    checkout = answer.json["data"]["checkoutRequestId"]
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})


class TestExpectedByAnAdmin:
    def test_a_customers_prompt_counts(self, service: Service) -> None:
        by_admin(service)
        pay(service, 499)
        assert sums(as_admin(service)) == ("partially_paid", 499, 1, 0)
        assert order_events(service) == ["order.partially_paid"]
        assert [payment["amount"] for payment in as_admin(service)["payments"]] == [499]
        assert list(verify(service.runtime)) == []

    def test_any_caller_may_request_the_missing_amount_and_no_more(self, service: Service) -> None:
        by_admin(service)
        pay(service, 499)
        answer = service.initiate(amount=2, phone=OTHER, by="brian")
        assert (answer.status_code, answer.json["code"]) == (409, "more_than_due")
        pay(service, 1, by="brian", phone=OTHER)
        assert sums(as_admin(service)) == ("paid", 500, 0, 0)
        answer = service.initiate(amount=1, by="amina")
        assert (answer.status_code, answer.json["code"]) == (409, "order_paid")

    def test_a_stranger_receives_no_amount(self, service: Service) -> None:
        by_admin(service, amount=437)
        answer = service.initiate(amount=500, by="stranger")
        assert (answer.status_code, answer.json["code"]) == (409, "more_than_due")
        assert "437" not in str({**answer.json, "requestId": "random, and may hold these digits"})
        assert service.call("GET", "/orders/ORDER1", by="stranger").status_code == 404
        refusal = service.initiate(amount=500, by="office")
        assert refusal.json["details"] == {"status": "open", "missingAmount": 437}

    def test_a_c2b_payment_and_a_prompt_add_up(self, service: Service) -> None:
        by_admin(service)
        pay(service, 499)
        confirm(service, TransID=RECEIPT, TransAmount="500.00", MSISDN=None)
        assert sums(as_admin(service)) == ("overpaid", 999, 0, 499)
        assert order_events(service) == ["order.partially_paid", "order.overpaid"]
        answer = service.initiate(amount=1, phone=OTHER, by="brian")
        assert (answer.status_code, answer.json["code"]) == (409, "order_paid")

    @pytest.mark.parametrize("paid", [True, False])
    def test_a_prompt_that_came_before_counts(self, service: Service, paid: bool) -> None:
        answer = service.initiate(amount=499, by="amina")
        checkout = answer.json["data"]["checkoutRequestId"]
        if paid:
            service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert by_admin(service).json["data"]["receivedAmount"] == (499 if paid else 0)
        if not paid:
            service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert sums(as_admin(service)) == ("partially_paid", 499, 1, 0)
        assert list(verify(service.runtime)) == []

    def test_another_admin_may_say_the_same(self, service: Service) -> None:
        assert by_admin(service).status_code == 201
        assert by_admin(service, by="cashier").status_code == 200
        assert by_admin(service, by="cashier", amount=1).json["code"] == "order_exists"
        assert expect_order(service, amount=500, by="amina").json["code"] == "order_taken"

    def test_without_the_role_he_sees_of_its_payments_his_own(self, service: Service) -> None:
        by_admin(service)
        pay(service, 100)
        pay(service, 50, by="office", phone=OTHER)
        found = state(service, by="office")
        assert (found["receivedAmount"], [p["amount"] for p in found["payments"]]) == (150, [50])


class TestExpectedByAUser:
    def test_anothers_prompt_for_it_is_refused(self, service: Service) -> None:
        expect_order(service)
        answer = service.initiate(by="stranger")
        assert (answer.status_code, answer.json["code"]) == (409, "order_taken")
        assert "details" not in answer.json
        assert service.ledger()["prompts"] == []

    def test_nobody_can_register_an_order_that_another_caller_pays(self, service: Service) -> None:
        service.paid()
        answer = expect_order(service, amount=1, by="stranger")
        assert (answer.status_code, answer.json["code"]) == (409, "order_taken")
        assert service.call("GET", "/orders/ORDER1", by="office", admin=True).status_code == 404
        assert expect_order(service).json["data"]["status"] == "paid"

    def test_what_failed_is_in_nobodys_way(self, service: Service) -> None:
        """If it was paid after all, the money does not count for the caller who registered the order."""
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        assert expect_order(service, by="brian").status_code == 201
        confirm(service, TransID=RECEIPT)
        assert service.row(checkout).status == "succeeded"
        assert sums(state(service, by="brian")) == ("open", 0, 100, 0)
        assert not order_row(service).shop_wide
        assert list(verify(service.runtime)) == []
