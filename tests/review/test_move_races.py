"""A move at the same instant as another change, on both databases: the sums are right."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import requests

from mpesa_service.orders import expected
from mpesa_service.review import moves
from tests.c2b.support import assert_books_are_right, causes, confirm, order_row
from tests.orders.support import add_order
from tests.payments.test_races import at_once
from tests.support import PHONE, Service

ROUNDS = 3


def post(service: Service, path: str, body: Any, *roles: str, method: str = "POST") -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token('amina' if roles else 'shop', *roles)}"}
    return requests.request(method, f"{service.url}/api/mpesa{path}", json=body, headers=headers, timeout=60)


def move(service: Service, payment: str, order: str | None) -> requests.Response:
    return post(service, f"/{payment}/move", {"orderId": order, "reason": "wrong account"}, "admin")


def both(*acts: Callable[[], requests.Response]) -> list[requests.Response]:
    return at_once(len(acts), lambda number: acts[number]())


def received(service: Service, *orders: str) -> list[int]:
    return [order_row(service, order).received_amount for order in orders]


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment of 100 shillings of ORDER1."""
    add_order(service)
    confirm(service)
    return service.payments()[0].id


def test_to_eight_orders_at_once(service: Service, payment: str) -> None:
    orders = [f"TO{number}" for number in range(8)]
    for order in orders:
        add_order(service, order)
    answers = at_once(8, lambda n: move(service, payment, orders[n]))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(received(service, "ORDER1", *orders)) == [0] * 8 + [100]
    assert causes(service, service.row(payment)).count("moved") == 8
    assert_books_are_right(service)


def test_to_one_order_eight_times_is_one_move(service: Service, payment: str) -> None:
    add_order(service, "ORDER2")
    answers = at_once(8, lambda _: move(service, payment, "ORDER2"))
    assert {answer.status_code for answer in answers} == {200}
    assert causes(service, service.row(payment)).count("moved") == 1
    assert received(service, "ORDER1", "ORDER2") == [0, 100]
    assert_books_are_right(service)


def test_eight_payments_change_places(service: Service) -> None:
    """Each move locks the same two orders. None waits for another forever, and none is refused."""
    add_order(service, "LEFT", amount=1_000)
    add_order(service, "RIGHT", amount=1_000)
    for number in range(8):
        name = "LEFT" if number % 2 else "RIGHT"
        confirm(service, TransID=f"RKL51ZDR{number}A", BillRefNumber=name, TransAmount=f"{10 + number}.00")
    where = [(payment.id, payment.order_id) for payment in service.payments()]

    def act(number: int) -> requests.Response:
        payment, order = where[number]
        return move(service, payment, "LEFT" if order == "RIGHT" else "RIGHT")

    answers = at_once(8, act)
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert sum(received(service, "LEFT", "RIGHT")) == sum(range(10, 18))
    assert all(dict(where)[payment.id] != payment.order_id for payment in service.payments())
    assert_books_are_right(service)


@pytest.mark.parametrize("target", ["ORDER2", None])
def test_a_refund(service: Service, target: str | None) -> None:
    """The money is moved and then refunded, or it is being refunded and stays."""
    add_order(service, "ORDER2")
    for number in range(ROUNDS):
        name = f"FROM{number}"
        add_order(service, name)
        service.clock.advance(1)
        confirm(service, TransID=f"RKL51ZDR{number}B", BillRefNumber=name, MSISDN=PHONE)
        payment = service.payments()[-1].id
        refund = partial(post, service, f"/{payment}/refund", {"amount": 40}, "admin")
        refunded, moved = both(refund, partial(move, service, payment, target))
        assert refunded.status_code in {200, 409}
        assert moved.status_code == 200 or moved.json()["code"] == "being_refunded"
        assert 200 in {refunded.status_code, moved.status_code}
        assert_books_are_right(service)


def test_a_new_payment_of_the_target(service: Service, payment: str) -> None:
    for number in range(ROUNDS):
        target = f"TARGET{number}"
        add_order(service, target)
        body = {"orderId": target, "amount": 100, "phoneNumber": f"25471200000{number}"}
        moved, started = both(
            partial(move, service, payment, target), partial(post, service, "/initiate", body)
        )
        assert moved.status_code == 200
        assert started.status_code == 201 or started.json()["code"] == "order_paid"
        assert received(service, target) == [100]
        assert_books_are_right(service)


def test_the_cancellation_of_the_target(service: Service, payment: str) -> None:
    """A canceled order takes the money: a person has decided. An order that has the money is not canceled."""
    for number in range(ROUNDS):
        target = f"TARGET{number}"
        add_order(service, target)
        cancel = partial(post, service, f"/orders/{target}", None, method="DELETE")
        moved, canceled = both(partial(move, service, payment, target), cancel)
        assert moved.status_code == 200
        assert canceled.status_code == 200 or canceled.json()["code"] == "order_has_money"
        assert (order_row(service, target).status, received(service, target)) == ("paid", [100])
        assert_books_are_right(service)


def test_the_registration_of_the_order_that_it_leaves(service: Service) -> None:
    for number in range(ROUNDS):
        left, target = f"LEFT{number}", f"TARGET{number}"
        add_order(service, target)
        checkout = service.paid(left, phone=f"25471200000{number}")
        register = partial(post, service, "/orders", {"orderId": left, "amount": 100})
        moved, registered = both(partial(move, service, checkout, target), register)
        assert (moved.status_code, registered.status_code) == (200, 201)
        assert received(service, left, target) == [0, 100]
        assert_books_are_right(service)


def test_one_key_moves_once(service: Service, payment: str) -> None:
    add_order(service, "ORDER2")
    headers = {"Authorization": f"Bearer {service.token('amina', 'admin')}", "Idempotency-Key": "k1"}
    url, body = f"{service.url}/api/mpesa/{payment}/move", {"orderId": "ORDER2", "reason": "wrong account"}
    answers = at_once(6, lambda _: requests.post(url, json=body, headers=headers, timeout=60))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1, "all get the first answer"
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert_books_are_right(service)


def test_a_key_that_is_used_after_the_first_look(
    service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commit finds the key taken, and the second decision finds the answer of the first request."""
    add_order(service, "ORDER2")
    first: list[Any] = []
    find = moves.find_payment

    def meanwhile(*args: Any) -> Any:
        if not first:
            first.append(None)
            first[0] = keyed_move(service, payment)
        return find(*args)

    monkeypatch.setattr(moves, "find_payment", meanwhile)
    second = keyed_move(service, payment)
    assert (second.data, second.headers["Idempotent-Replayed"]) == (first[0].data, "true")
    assert causes(service, service.row(payment)).count("moved") == 1
    assert_books_are_right(service)


def keyed_move(service: Service, payment: str) -> Any:
    body = {"orderId": "ORDER2", "reason": "wrong account"}
    sent = {"by": "amina", "admin": True, "Idempotency_Key": "k1"}
    return service.call("POST", f"/{payment}/move", body, **sent)


def test_a_payment_that_moves_while_its_order_is_registered(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registration has found the payment, but has not locked it. SQLite has one writer at a time."""
    if service.runtime.database.is_sqlite:
        return
    add_order(service, "TARGET")
    checkout = service.paid("LEFT")
    lock = expected.lock_payment

    def late(session: Any, payment_id: str) -> Any:
        assert move(service, checkout, "TARGET").status_code == 200
        return lock(session, payment_id)

    monkeypatch.setattr(expected, "lock_payment", late)
    assert service.call("POST", "/orders", {"orderId": "LEFT", "amount": 100}).status_code == 201
    assert received(service, "LEFT", "TARGET") == [0, 100]
    assert_books_are_right(service)
