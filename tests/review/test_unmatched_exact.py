"""Unmatched money whose payer typed the exact id of an order: that order comes first, with the reason."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.c2b.booking import FITS_NONE, ORDER_PAID
from mpesa_service.models import OutgoingEvent
from tests.c2b.support import assert_books_are_right, confirm
from tests.orders.support import add_order
from tests.review.test_moves import move
from tests.review.test_unmatched import match, unmatched, waits
from tests.support import Service


def first(service: Service) -> tuple[str, dict[str, Any]]:
    """Return why the only unmatched money waits, and its first suggestion."""
    [one] = unmatched(service)
    return one["reason"], one["suggestions"][0]


def test_an_order_that_was_paid_by_a_prompt(service: Service) -> None:
    """The shop never registered it, so the service knows it only from its payment."""
    checkout = service.paid("SHOP1")
    service.clock.advance(7_200)
    add_order(service, "SHOP2", amount=100)
    waits(service, typed="shop 1")
    [one] = unmatched(service)
    assert one["reason"] == "order_paid_already"
    why = "Needs manual review: the order that its payer typed is paid already, and is not registered."
    assert one["payment"]["failureReason"] == why
    found, neighbor = one["suggestions"]
    assert found == {
        "orderId": "SHOP1",
        "score": 75,
        "reasons": ["reference_equal", "payer_agrees", "order_paid_already", "order_not_registered"],
        "orderStatus": None,
        "paymentId": service.row(checkout).id,
        "paymentStatus": "succeeded",
    }
    assert (neighbor["orderId"], neighbor["score"], neighbor["orderStatus"]) == ("SHOP2", 65, "open")
    assert (neighbor["paymentId"], neighbor["paymentStatus"]) == (None, None)


def test_what_the_prompt_of_a_long_order_id_showed(service: Service) -> None:
    service.paid("ORDER-1001")
    service.clock.advance(7_200)
    waits(service, typed="71c270br1001")
    reason, found = first(service)
    assert (reason, found["orderId"]) == ("order_paid_already", "ORDER-1001")
    assert service.payments()[-1].failure_reason == ORDER_PAID


def test_a_payment_that_was_moved_away_pays_no_order_that_it_left(service: Service) -> None:
    paid = service.row(service.paid("SHOP1")).id
    add_order(service, "SHOP3")
    move(service, paid, "SHOP3")
    service.clock.advance(7_200)
    waits(service, typed="SHOP1")
    assert service.payments()[-1].failure_reason == FITS_NONE


def test_it_is_matched_when_its_order_is_registered(service: Service) -> None:
    service.paid("SHOP1")
    service.clock.advance(7_200)
    waits(service, typed="SHOP1")
    assert service.payments()[-1].failure_reason == ORDER_PAID
    body = {"orderId": "SHOP1", "amount": 200}
    assert service.call("POST", "/orders", body, by="boss", admin=True).status_code == 201
    assert (service.payments()[-1].order_id, service.payments()[-1].failure_reason) == ("SHOP1", None)
    assert_books_are_right(service)


def test_the_paid_one_of_several_payments(service: Service) -> None:
    paid = service.row(service.paid("SHOP1")).id
    add_order(service, "SHOP3")
    move(service, paid, "SHOP3")
    again = service.pending("SHOP1")
    service.simulator.post(f"/simulator/prompts/{again}/cancel")
    service.clock.advance(7_200)
    waits(service, typed="SHOP1")
    reason, found = first(service)
    assert (reason, found["paymentStatus"]) == ("order_not_registered", "canceled")
    service.paid("SHOP1")
    reason, found = first(service)
    assert (reason, found["paymentStatus"]) == ("order_paid_already", "succeeded")


@pytest.mark.parametrize(
    ("status", "expected"), [("expired", "order_of_another_status"), ("canceled", "order_of_another_status")]
)
def test_an_order_that_is_closed(service: Service, status: str, expected: str) -> None:
    add_order(service, status=status, **({"expires_at": service.clock()} if status == "expired" else {}))
    service.clock.advance(1)
    waits(service, typed="ORDER1")
    reason, found = first(service)
    assert (reason, found["orderId"], found["orderStatus"]) == (expected, "ORDER1", status)
    assert found["reasons"] == ["reference_equal", "amount_equal", "order_closed"]


def test_a_match_that_was_undone(service: Service) -> None:
    add_order(service)
    confirm(service)
    move(service, service.payments()[0].id, None)
    reason, found = first(service)
    assert (reason, found["orderId"], found["orderStatus"]) == ("match_undone", "ORDER1", "open")


def test_an_order_that_is_paid_by_other_money(service: Service) -> None:
    add_order(service, "ORDER2")
    add_order(service)
    confirm(service)
    confirm(service, TransID="RKL51ZDR5F", BillRefNumber="RENT")
    rent = next(one.id for one in service.payments() if one.order_id is None)
    match(service, rent, "ORDER1")
    first_paid = next(one.id for one in service.payments() if one.id != rent)
    move(service, first_paid, None)
    match(service, first_paid, "ORDER2")
    move(service, first_paid, None)
    _, found = first(service)
    assert (found["orderId"], found["orderStatus"], found["paymentId"]) == ("ORDER1", "paid", rent)
    assert "order_paid_already" in found["reasons"]


def test_payments_are_found_by_their_indexes(service: Service, listen: Callable[..., None]) -> None:
    """So the list does not become slower with the number of payments."""
    service.paid("SHOP1")
    add_order(service, "SHOP2")
    service.clock.advance(7_200)
    waits(service, typed="SHOP1")
    seen: list[tuple[str, Any]] = []

    def record(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, parameters))

    listen(service.runtime.database.engine, "before_cursor_execute", record)
    unmatched(service)
    about_payments = [one for one in seen if "payments" in one[0]]
    assert len(seen) <= 7
    if not service.runtime.database.is_sqlite:
        return
    with service.runtime.database.engine.connect() as connection:
        for statement, parameters in about_payments[1:]:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters).all()
            assert [row[3] for row in plan if row[3].startswith("SCAN payments")] == [], statement


class TestName:
    def test_admins_see_it(self, service: Service) -> None:
        waits(service, FirstName="NICHOLAS", MiddleName="JOHN", LastName="DOE")
        assert unmatched(service)[0]["payerName"] == "NICHOLAS JOHN DOE"
        answer = service.call("GET", "/review", by="amina", admin=True)
        assert [one["payerName"] for one in answer.json["data"]] == ["NICHOLAS JOHN DOE"]

    def test_money_without_a_name(self, service: Service) -> None:
        waits(service, FirstName="", MiddleName=None, LastName=None)
        assert unmatched(service)[0]["payerName"] is None
        answer = service.call("GET", "/review", by="amina", admin=True)
        assert [one["payerName"] for one in answer.json["data"]] == [None]

    def test_of_a_fractional_amount(self, service: Service) -> None:
        confirm(service, TransAmount="100.50", FirstName="NICHOLAS")
        assert [one["payerName"] for one in unmatched(service)] == ["NICHOLAS"]

    def test_it_is_in_no_event_and_no_log(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        payment = waits(service, FirstName="NICHOLAS", LastName="DOENAME")
        add_order(service)
        unmatched(service)
        match(service, payment)
        move(service, payment, None)
        assert "DOENAME" not in caplog.text
        assert all("DOENAME" not in str(vars(record)) for record in caplog.records)
        with service.runtime.database.read() as session:
            bodies = session.scalars(select(OutgoingEvent.payload)).all()
        assert bodies
        assert all(b"DOENAME" not in body for body in bodies)
