"""Moves of paid payments over the API: to another order, and back to unmatched money."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import NotFound
from mpesa_service.models import OutgoingEvent
from mpesa_service.models.statements import lock_payment
from mpesa_service.review import moves
from tests.c2b.support import assert_books_are_right, causes, confirm, order_row
from tests.callbacks.support import post, stk_body
from tests.orders.support import add_order
from tests.refunds.support import complete
from tests.support import PHONE, Service


def move(
    service: Service, payment: str, order: str | None, reason: str = "wrong account", **more: Any
) -> Any:
    body = {"orderId": order, "reason": reason}
    return service.call("POST", f"/{payment}/move", body, **{"by": "amina", "admin": True, **more})


def sums(service: Service, *orders: str) -> list[tuple[str, int]]:
    rows = [order_row(service, order) for order in orders]
    return [(row.status, row.received_amount) for row in rows]


def published(service: Service) -> list[tuple[str, Any]]:
    with service.runtime.database.read() as session:
        events = session.scalars(select(OutgoingEvent).order_by(OutgoingEvent.id)).all()
    return [(event.type, json.loads(event.payload)["data"]) for event in events]


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment of 100 shillings that the service matched to ORDER1."""
    add_order(service)
    add_order(service, "ORDER2", amount=250, owner="till", details={"cart": "c-2"})
    confirm(service)
    return service.payments()[0].id


class TestToAnotherOrder:
    def test_both_orders_are_right(self, service: Service, payment: str) -> None:
        answer = move(service, payment, "ORDER2")
        assert answer.status_code == 200, answer.json
        assert answer.json["message"] == "Moved from order ORDER1: the payment is of order ORDER2 now"
        shown = answer.json["data"]
        assert (shown["_id"], shown["status"], shown["orderId"]) == (payment, "succeeded", "ORDER2")
        assert (shown["evidence"], shown["metadata"]) == ("confirmation", {"cart": "c-2"})
        assert shown == service.payment(payment)
        assert service.row(payment).owner == "till"
        assert sums(service, "ORDER1", "ORDER2") == [("open", 0), ("partially_paid", 100)]
        assert causes(service, service.row(payment))[-3:] == ["moved", "order_open", "order_partially_paid"]
        line = service.events(payment)[-3]
        detail = {"reason": "wrong account", "orderId": "ORDER2", "previousOrderId": "ORDER1"}
        assert (line.actor, line.evidence, line.detail) == ("amina", "operator", detail)
        assert_books_are_right(service)

    def test_publishes_it(self, service: Service, payment: str) -> None:
        confirm(service, TransID="RKL51ZDR5F")
        move(service, payment, "ORDER2")
        [*_, moved, left, got] = published(service)
        assert (moved[0], moved[1]["orderId"], moved[1]["previousOrderId"]) == (
            "payment.moved",
            "ORDER2",
            "ORDER1",
        )
        orders = [
            (kind, data["order"]["orderId"], data["order"]["receivedAmount"]) for kind, data in (left, got)
        ]
        assert orders == [("order.paid", "ORDER1", 100), ("order.partially_paid", "ORDER2", 100)]
        assert_books_are_right(service)

    def test_its_refunds_go_along(self, service: Service, payment: str) -> None:
        known(service, payment)
        assert service.refund(payment, 40).status_code == 200
        assert move(service, payment, "ORDER2").json["code"] == "being_refunded"
        complete(service)
        assert move(service, payment, "ORDER2").json["data"]["refundedAmount"] == 40
        assert sums(service, "ORDER1", "ORDER2") == [("open", 0), ("partially_paid", 60)]
        assert len(service.payment(payment)["refunds"]) == 1
        service.clock.advance(1)
        assert service.refund(payment, 10).status_code == 200
        complete(service)
        assert sums(service, "ORDER1", "ORDER2") == [("open", 0), ("partially_paid", 50)]
        assert_books_are_right(service)

    def test_twice_is_once(self, service: Service, payment: str) -> None:
        move(service, payment, "ORDER2")
        before = service.row(payment).version, causes(service, service.row(payment))
        answer = move(service, payment, "ORDER2")
        assert answer.status_code == 200
        assert answer.json["message"] == "Nothing to move: the payment is of order ORDER2 already"
        assert (service.row(payment).version, causes(service, service.row(payment))) == before

    def test_there_and_back(self, service: Service, payment: str) -> None:
        move(service, payment, "ORDER2")
        move(service, payment, "ORDER1")
        assert sums(service, "ORDER1", "ORDER2") == [("paid", 100), ("open", 0)]
        assert_books_are_right(service)

    @pytest.mark.parametrize("status", ["expired", "canceled"])
    def test_to_an_order_that_was_closed(self, service: Service, payment: str, status: str) -> None:
        """A person has decided, as with a match."""
        add_order(service, "ORDER3", status=status)
        assert move(service, payment, "ORDER3").status_code == 200
        assert sums(service, "ORDER1", "ORDER3") == [("open", 0), ("paid", 100)]
        assert_books_are_right(service)

    @pytest.mark.parametrize("order", ["ORDER9", "order2"])
    def test_an_order_that_is_not_there(self, service: Service, payment: str, order: str) -> None:
        answer = move(service, payment, order)
        assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
        assert service.row(payment).order_id == "ORDER1"

    @pytest.mark.parametrize("order", ["no\x00order", "", 7])
    def test_what_is_no_order_id(self, service: Service, payment: str, order: Any) -> None:
        answer = move(service, payment, order)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_order_id")

    def test_an_id_that_no_order_can_have(self, service: Service, payment: str) -> None:
        amina = Principal("amina", frozenset({ADMIN}))
        wanted = moves.MoveRequest("no\x00order", "wrong account")
        with pytest.raises(NotFound):
            moves.move(service.runtime, amina, payment, wanted, lambda _: Answer(200, b""))

    def test_what_cannot_be_moved(self, service: Service) -> None:
        add_order(service)
        answer = move(service, service.pending("ORDER5"), "ORDER1")
        assert (answer.status_code, answer.json["code"]) == (409, "not_movable")
        assert move(service, "0" * 24, "ORDER1").status_code == 404
        confirm(service, BillRefNumber="RENT")
        rent = next(one.id for one in service.payments() if one.channel == "c2b")
        assert move(service, rent, "ORDER1").json["code"] == "not_movable"
        assert_books_are_right(service)

    @pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
    def test_needs_a_reason(self, service: Service, payment: str, reason: str) -> None:
        assert move(service, payment, "ORDER2", reason).status_code == 400
        assert service.row(payment).order_id == "ORDER1"

    def test_needs_to_say_where(self, service: Service, payment: str) -> None:
        answer = service.call("POST", f"/{payment}/move", {"reason": "wrong"}, by="amina", admin=True)
        assert answer.status_code == 400
        assert service.row(payment).order_id == "ORDER1"

    def test_only_admins(self, service: Service, payment: str) -> None:
        assert move(service, payment, "ORDER2", by="shop", admin=False).status_code == 403


class TestPrompted:
    def test_it_moves_and_frees_its_order(self, service: Service) -> None:
        checkout = service.paid("ORDER1")
        add_order(service, "ORDER2")
        assert service.initiate("ORDER1").json["code"] == "order_paid"
        answer = move(service, checkout, "ORDER2")
        assert answer.status_code == 200
        assert (answer.json["data"]["orderId"], answer.json["data"]["accountReference"]) == (
            "ORDER2",
            "ORDER1",
        )
        assert sums(service, "ORDER2") == [("paid", 100)]
        assert service.call("GET", f"/query/{checkout}").status_code == 200, "its caller still sees it"
        assert_books_are_right(service)
        service.paid("ORDER1")
        assert_books_are_right(service)

    def test_to_an_order_of_the_whole_shop_but_not_of_another_caller(self, service: Service) -> None:
        checkout = service.paid("ORDER1")
        add_order(service, "ORDER2", owner="boss", shop_wide=True)
        add_order(service, "ORDER3", owner="another")
        answer = move(service, checkout, "ORDER3")
        assert (answer.status_code, answer.json["code"]) == (409, "order_taken")
        assert move(service, checkout, "ORDER2").status_code == 200
        assert service.row(checkout).owner == "shop"
        assert_books_are_right(service)

    def test_it_is_never_unmatched(self, service: Service) -> None:
        answer = move(service, service.paid("ORDER1"), None)
        assert (answer.status_code, answer.json["code"]) == (409, "prompted_payment")

    def test_a_repeated_callback_finds_it(self, service: Service) -> None:
        checkout = service.paid("ORDER1")
        add_order(service, "ORDER2")
        move(service, checkout, "ORDER2")
        receipt = service.row(checkout).receipt
        post(service.callback_url(checkout), stk_body(service, checkout, receipt=receipt))
        assert service.inbox()[-1].verdict == "duplicate"
        assert_books_are_right(service)

    def test_an_order_that_is_registered_afterwards_does_not_count_it(self, service: Service) -> None:
        checkout = service.paid("ORDER1")
        add_order(service, "ORDER2")
        move(service, checkout, "ORDER2")
        body = {"orderId": "ORDER1", "amount": 100}
        assert service.call("POST", "/orders", body).json["data"]["receivedAmount"] == 0
        assert_books_are_right(service)


def known(service: Service, payment: str) -> None:
    """Let the payer's whole number be known, so that a part can go back by payout."""
    with service.runtime.database.begin() as session:
        row = lock_payment(session, payment)
        row.phone_encrypted = service.runtime.encryption.encrypt(PHONE)
        row.phone_hash = service.runtime.encryption.blind_index("phone", PHONE)
