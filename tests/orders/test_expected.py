"""Expected orders: what they accept, what they report, and what is refused."""

from datetime import timedelta
from typing import Any

import pytest

from mpesa_service.c2b import booking
from mpesa_service.models import OutgoingEvent
from mpesa_service.orders.expected import expire_due
from mpesa_service.verification.payments import verify
from tests.c2b.support import MASKED, confirm, order_row
from tests.support import PHONE, Service

OTHER = "254712000077"


def expect_order(
    service: Service, order: str = "ORDER1", amount: int = 100, by: str = "shop", **more: Any
) -> Any:
    return service.call("POST", "/orders", {"orderId": order, "amount": amount, **more}, by=by)


def state(service: Service, order: str = "ORDER1", by: str = "shop") -> dict[str, Any]:
    answer = service.call("GET", f"/orders/{order}", by=by)
    assert answer.status_code == 200, answer.json
    return dict(answer.json["data"])


def order_events(service: Service) -> list[str]:
    with service.runtime.database.read() as session:
        events = session.query(OutgoingEvent).order_by(OutgoingEvent.id).all()
    return [event.type for event in events if event.type.startswith("order.")]


def sums(found: dict[str, Any]) -> tuple[Any, ...]:
    names = ("status", "receivedAmount", "missingAmount", "overpaidAmount")
    return tuple(found[name] for name in names)


class TestExpectOrder:
    def test_an_order_is_open_until_it_is_paid(self, service: Service) -> None:
        answer = expect_order(service, metadata={"cart": "c-1"})
        assert answer.status_code == 201
        found = state(service)
        assert sums(found) == ("open", 0, 100, 0)
        assert (found["orderId"], found["accountReference"], found["metadata"]) == (
            "ORDER1",
            "ORDER1",
            {"cart": "c-1"},
        )
        assert found["payments"] == []

    def test_the_same_again_is_the_same_order(self, service: Service) -> None:
        first, again = expect_order(service), expect_order(service)
        assert (first.status_code, again.status_code) == (201, 200)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert again.json["data"] == first.json["data"]

    @pytest.mark.parametrize(
        ("again", "code"),
        [
            ({"amount": 101}, "order_exists"),
            ({"metadata": {"a": 1}}, "order_exists"),
            ({"amountRule": "any"}, "order_exists"),
            ({"order": "order-1"}, "order_id_too_alike"),
            ({"by": "rival"}, "order_taken"),
        ],
    )
    def test_other_terms_are_refused_and_change_nothing(
        self, service: Service, again: dict[str, Any], code: str
    ) -> None:
        expect_order(service)
        answer = expect_order(service, **again)
        assert (answer.status_code, answer.json["code"]) == (409, code)
        assert sums(state(service)) == ("open", 0, 100, 0)

    @pytest.mark.parametrize(
        "body",
        [
            {"amount": 0},
            {"amount": 10_000_001},
            {"amount": "100.5"},
            {"order": "no//slashes"},
            {"amountRule": "about"},
            {"expiresAt": "2020-01-01T00:00:00+03:00"},
            {"expiresAt": "tomorrow"},
            {"expiresAt": "0001-01-01T00:00:00"},
            {"expiresAt": "9999-12-31T23:59:59-23:00"},
            {"expiresAt": "9999-12-31T23:59:59+03:00"},
            {"expiresAt": "9999-12-31T23:59:59"},
            {"metadata": []},
            {"owner": "boss"},
        ],
    )
    def test_bad_terms_are_400(self, service: Service, body: dict[str, Any]) -> None:
        assert expect_order(service, **body).status_code == 400
        assert service.call("GET", "/orders/ORDER1").status_code == 404

    def test_others_do_not_see_it(self, service: Service) -> None:
        expect_order(service)
        for order in ("ORDER1", "ORDER2", "no%20such"):
            answer = service.call("GET", f"/orders/{order}", by="rival")
            assert (answer.status_code, answer.json["code"]) == (404, "not_found")
            assert service.call("DELETE", f"/orders/{order}", by="rival").status_code == 404
        assert service.call("GET", "/orders/ORDER1", by="boss", admin=True).status_code == 200


class TestPayingFromTheMenu:
    def test_in_parts_exactly_and_beyond(self, service: Service) -> None:
        expect_order(service)
        for number, (amount, after) in enumerate(
            [
                (40, ("partially_paid", 40, 60, 0)),
                (60, ("paid", 100, 0, 0)),
                (5, ("overpaid", 105, 0, 5)),
            ]
        ):
            confirm(
                service, TransID=f"RKL51ZDR4{number}", TransAmount=f"{amount}.00", BillRefNumber=" order-1 "
            )
            assert sums(state(service)) == after
        assert order_events(service) == ["order.partially_paid", "order.paid", "order.overpaid"]
        assert sorted(p["amount"] for p in state(service)["payments"]) == [5, 40, 60]
        assert list(verify(service.runtime)) == []

    def test_is_listed_with_its_channel_and_a_masked_payer(self, service: Service) -> None:
        expect_order(service)
        confirm(service)
        [listed] = service.call("GET", "/payments").json["data"]
        assert (listed["channel"], listed["billReference"]) == ("c2b", "ORDER1")
        assert listed["phoneNumber"] == MASKED

    def test_an_order_that_vanished_takes_no_money(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(booking, "find_orders", lambda *_: ["gone"])
        confirm(service)
        [payment] = service.payments()
        assert payment.failure_reason == booking.FITS_NONE

    def test_money_that_came_before_its_order(self, service: Service) -> None:
        confirm(service, TransID="RKL51ZDR40", TransAmount="100.00", BillRefNumber="ORDER1")
        [payment] = service.payments()
        assert (payment.status, payment.order_id) == ("review", None)
        assert expect_order(service).json["data"]["status"] == "paid"
        [payment] = service.payments()
        assert (payment.status, payment.order_id, payment.owner) == ("succeeded", "ORDER1", "shop")
        assert list(verify(service.runtime)) == []


class TestPayingByPrompt:
    def test_counts_too_and_may_be_a_part(self, service: Service) -> None:
        expect_order(service)
        service.paid(amount=30)
        assert sums(state(service)) == ("partially_paid", 30, 70, 0)
        service.paid(amount=70, phone=OTHER)
        assert sums(state(service)) == ("paid", 100, 0, 0)

    def test_a_payment_that_was_begun_before(self, service: Service) -> None:
        service.paid(amount=30)
        assert expect_order(service).json["data"]["status"] == "partially_paid"
        assert list(verify(service.runtime)) == []

    def test_a_payment_that_is_still_open_is_tied_and_counts_once_it_is_paid(self, service: Service) -> None:
        checkout = service.pending(amount=100)
        assert expect_order(service).json["data"]["status"] == "open"
        assert [p["status"] for p in state(service)["payments"]] == ["pending"]
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert sums(state(service)) == ("paid", 100, 0, 0)

    def test_what_is_paid_back_after_the_end_opens_nothing_again(self, service: Service) -> None:
        expect_order(service, expiresAt=(service.clock() + timedelta(hours=1)).isoformat())
        checkout = service.paid(amount=30)
        service.clock.advance(3_600)
        assert expire_due(service.runtime) == 1
        assert service.refund(checkout, 10).status_code == 200
        [command] = service.simulator.get("/simulator/b2c")["payouts"]
        service.simulator.post(f"/simulator/b2c/{command['originatorConversationId']}/complete")
        assert sums(state(service)) == ("expired", 20, 80, 0)
        assert list(verify(service.runtime)) == []

    def test_what_is_paid_back_is_missing_again(self, service: Service) -> None:
        expect_order(service)
        checkout = service.paid(amount=100)
        assert service.refund(checkout, 40).status_code == 200
        [command] = service.simulator.get("/simulator/b2c")["payouts"]
        service.simulator.post(f"/simulator/b2c/{command['originatorConversationId']}/complete")
        assert sums(state(service)) == ("partially_paid", 60, 40, 0)

    def test_what_the_order_says_comes_before_what_is_under_way(self, service: Service) -> None:
        expect_order(service)
        service.pending(amount=30)
        answer = service.initiate(amount=101, phone=OTHER)
        assert (answer.status_code, answer.json["code"]) == (409, "more_than_due")
        assert service.initiate(amount=70, phone=OTHER).json["code"] == "order_in_progress"

    @pytest.mark.parametrize(("rule", "first", "second"), [("minimum", 120, 409), ("any", 120, 201)])
    def test_more_is_requested_where_the_order_allows_it(
        self, service: Service, rule: str, first: int, second: int
    ) -> None:
        expect_order(service, amountRule=rule)
        service.paid(amount=first)
        assert sums(state(service)) == ("paid", 120, 0, 20)
        assert service.initiate(amount=5, phone=OTHER).status_code == second

    def test_an_order_may_be_larger_than_any_payment(self, service: Service) -> None:
        assert expect_order(service, amount=10_000_000).status_code == 201
        service.paid(amount=70_000)
        assert sums(state(service)) == ("partially_paid", 70_000, 9_930_000, 0)

    def test_an_order_whose_time_is_over_is_closed_before_the_job_says_so(self, service: Service) -> None:
        expect_order(service, expiresAt=(service.clock() + timedelta(seconds=10)).isoformat())
        service.clock.advance(9.9)
        assert state(service)["status"] == "open"
        service.clock.advance(0.1)
        answer = service.initiate()
        assert (answer.json["code"], answer.json["details"]["status"]) == ("order_closed", "expired")
        assert state(service)["status"] == "expired"
        assert order_row(service).status == "open", "which the job books"

    def test_one_that_is_paid_does_not_expire(self, service: Service) -> None:
        expect_order(service, expiresAt=(service.clock() + timedelta(seconds=10)).isoformat())
        service.paid()
        service.clock.advance(10)
        assert state(service)["status"] == "paid"

    @pytest.mark.parametrize(
        ("before", "amount", "code"),
        [("paid", 1, "order_paid"), ("open", 101, "more_than_due"), ("canceled", 100, "order_closed")],
    )
    def test_too_much_is_never_requested(self, service: Service, before: str, amount: int, code: str) -> None:
        expect_order(service)
        if before == "paid":
            confirm(service, TransID="RKL51ZDR40", TransAmount="100.00", BillRefNumber="ORDER1")
        if before == "canceled":
            assert service.call("DELETE", "/orders/ORDER1").status_code == 200
        answer = service.initiate(amount=amount, phone=PHONE)
        assert (answer.status_code, answer.json["code"]) == (409, code)
        assert service.ledger()["prompts"] == []


class TestClosing:
    def test_an_order_that_received_nothing_can_be_canceled_and_canceled_again(
        self, service: Service
    ) -> None:
        expect_order(service)
        for _ in range(2):
            answer = service.call("DELETE", "/orders/ORDER1")
            assert (answer.status_code, answer.json["data"]["status"]) == (200, "canceled")
        confirm(service, TransID="RKL51ZDR40", TransAmount="100.00", BillRefNumber="ORDER1")
        [payment] = service.payments()
        assert payment.status == "review"
        assert "canceled" in str(payment.failure_reason)

    def test_one_that_received_money_cannot(self, service: Service) -> None:
        expect_order(service)
        service.paid(amount=10)
        answer = service.call("DELETE", "/orders/ORDER1")
        assert (answer.status_code, answer.json["code"]) == (409, "order_has_money")

    def test_expires_when_its_time_is_over(self, service: Service) -> None:
        ends = service.clock() + timedelta(hours=1)
        expect_order(service, expiresAt=ends.isoformat())
        expect_order(service, "ORDER2")
        assert expire_due(service.runtime) == 0
        service.clock.advance(3_600)
        assert expire_due(service.runtime) == 1
        assert expire_due(service.runtime) == 0
        assert state(service)["status"] == "expired"
        assert state(service, "ORDER2")["status"] == "open"
