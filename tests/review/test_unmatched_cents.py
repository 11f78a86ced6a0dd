"""A fractional amount: no payment holds it, so it is listed, published, and handled by a person."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.models import OutgoingEvent
from tests.c2b.support import MASKED, RECEIPT, assert_books_are_right, confirm, confirmations
from tests.orders.support import add_order
from tests.review.test_unmatched import unmatched, waits
from tests.support import Service

CENTS = {"TransID": "RKL51ZDR0C", "TransAmount": "100.50", "BillRefNumber": " Rent 4b"}


@pytest.fixture
def money(service: Service) -> str:
    """Return what money of 100 shillings and 50 cents is listed as."""
    confirm(service, **CENTS)
    [one] = unmatched(service)
    return str(one["_id"])


def act(service: Service, reference: str, what: str, **body: Any) -> Any:
    body.setdefault("reason", " sent back in the portal ")
    return service.call("POST", f"/unmatched/{reference}/{what}", body, by="amina", admin=True)


def events(service: Service) -> list[Any]:
    with service.runtime.database.read() as session:
        return [json.loads(payload) for payload in session.scalars(select(OutgoingEvent.payload))]


def test_is_listed_with_its_exact_amount(service: Service, money: str) -> None:
    [one] = unmatched(service)
    assert (one["reason"], one["payment"], one["suggestions"]) == ("fractional_amount", None, [])
    found = one["fractional"]
    assert (found["_id"], found["amount"], found["mpesaReceiptNumber"]) == (
        money,
        "100.50",
        "RKL51ZDR0C",
    )
    assert (found["billReference"], found["phoneNumber"], found["shortcode"]) == (
        "Rent 4b",
        MASKED,
        "174379",
    )
    assert found["receivedAt"] == found["transactedAt"] == "2026-11-22T12:00:00.000+03:00"
    assert "a fractional amount" in found["failureReason"]
    assert service.payments() == []


@pytest.mark.parametrize(("amount", "shown"), [("0.05", "0.05"), ("12.50", "12.50"), ("1.10", "1.10")])
def test_no_cent_is_lost(service: Service, amount: str, shown: str) -> None:
    confirm(service, TransAmount=amount, MSISDN=None, BillRefNumber="")
    [one] = unmatched(service)
    assert (one["fractional"]["amount"], one["fractional"]["billReference"]) == (shown, None)
    assert one["fractional"]["phoneNumber"] is None


def test_publishes_one_event_like_other_money_in_review(
    service: Service, money: str, caplog: pytest.LogCaptureFixture
) -> None:
    confirm(service, **CENTS)
    confirm(service)
    cents, other = events(service)
    assert (cents["type"], other["type"]) == ("payment.review", "payment.review")
    assert cents["data"].keys() - other["data"].keys() == {"exactAmount"}
    assert other["data"].keys() - cents["data"].keys() == set()
    assert (cents["data"]["_id"], cents["data"]["sequence"]) == (money, 1)
    assert (cents["data"]["amount"], cents["data"]["exactAmount"]) == (None, "100.50")
    assert (cents["data"]["mpesaReceiptNumber"], cents["data"]["status"]) == ("RKL51ZDR0C", "review")
    records = [*caplog.get_records("setup"), *caplog.records]
    [line] = [record for record in records if record.message == "fractional amount"]
    assert (line.levelname, line.fractional_id) == ("WARNING", money)  # type: ignore[attr-defined]
    assert_books_are_right(service)


def test_stands_among_the_others_by_its_time(service: Service) -> None:
    first = waits(service, TransID=RECEIPT)
    service.clock.advance(1)
    confirm(service, **CENTS)
    service.clock.advance(1)
    confirm(service, TransID="RKL51ZDR0E", BillRefNumber="ELSE")
    ids = [one["_id"] for one in unmatched(service)]
    assert ids[0] == first
    assert [one["reason"] for one in unmatched(service)] == [
        "fits_no_order",
        "fractional_amount",
        "fits_no_order",
    ]
    pages = [unmatched(service, limit=1, after=after) for after in ("", *ids)]
    assert [[one["_id"] for one in page] for page in pages] == [[ids[0]], [ids[1]], [ids[2]], []]


def test_can_be_neither_matched_nor_reversed(service: Service, money: str) -> None:
    add_order(service)
    for what, body in (("match", {"orderId": "ORDER1"}), ("return", {})):
        answer = act(service, money, what, **body)
        assert (answer.status_code, answer.json["code"]) == (409, "fractional_amount")
    assert len(unmatched(service)) == 1


def test_is_closed_by_a_person_once(service: Service, money: str) -> None:
    closed = act(service, money, "close")
    assert (closed.status_code, closed.json["data"]["closedBy"]) == (200, "amina")
    assert closed.json["data"]["closedAt"] == "2026-11-22T12:00:00.000+03:00"
    assert unmatched(service) == []
    [row] = confirmations(service)
    assert (row.closed_by, row.closed_why) == ("amina", "sent back in the portal")
    again = act(service, money, "close")
    assert (again.status_code, again.json["code"]) == (409, "already_closed")
    assert_books_are_right(service)


@pytest.mark.parametrize(
    ("reference", "reason", "status"), [("nothing", "x", 404), ("%00", "x", 404), (None, " ", 400)]
)
def test_what_cannot_be_closed(
    service: Service, money: str, reference: str | None, reason: str, status: int
) -> None:
    assert act(service, reference or money, "close", reason=reason).status_code == status
    assert len(unmatched(service)) == 1


def test_a_payment_is_not_closed(service: Service) -> None:
    assert act(service, waits(service), "close").status_code == 404
