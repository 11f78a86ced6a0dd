"""The example order service receives events of the real service: each counts once, whatever is repeated."""

import importlib.util
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.serving import make_server

from mpesa_service.webhooks.endpoints import EndpointChange, add_endpoint, change_endpoint
from mpesa_service.webhooks.signing import new_secret, signed_headers
from tests.c2b.support import confirm, expect_order
from tests.refunds.support import complete
from tests.support import Service
from tests.webhooks.support import deliver
from tests.webhooks.test_outbox import outgoing

NOON, LATER = "2026-11-22T12:00:00.000+03:00", "2026-11-22T13:00:00.000+03:00"
SUSPENSION = "01a20d7c3e8c51f0a2b4c6d8"
SOURCE = Path(__file__).resolve().parents[2] / "examples" / "order_service.py"


def load() -> Any:
    spec = importlib.util.spec_from_file_location("order_service", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Shop:
    """An order service, and what it knows."""

    app: Flask

    @property
    def orders(self) -> list[dict[str, Any]]:
        return list(self.app.test_client().get("/orders").json)


@pytest.fixture
def secret() -> str:
    return new_secret()


@pytest.fixture
def shop(secret: str, tmp_path: Path) -> Shop:
    return Shop(load().create_app(secret, str(tmp_path / "orders.db")))


def post(shop: Shop, secret: str, body: dict[str, Any], event_id: str = "evt_1") -> int:
    raw = json.dumps(body).encode()
    headers = signed_headers([secret], event_id, datetime.now(UTC), raw)
    return int(shop.app.test_client().post("/webhooks", data=raw, headers=headers).status_code)


def event(kind: str = "payment.succeeded", **data: Any) -> dict[str, Any]:
    plain = {"orderId": "ORDER1", "mpesaReceiptNumber": "R1", "amount": 100, "_id": "a1", "sequence": 1}
    status = kind.partition(".")[2] if kind.startswith("payment.") else "succeeded"
    return {"type": kind, "timestamp": NOON, "data": {**plain, "status": status, **data}}


def test_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 120


@pytest.fixture
def subscribed_shop(tmp_path: Path, service: Service) -> Iterator[Shop]:
    """An order service that this service delivers to."""
    service.clock.now = datetime.now(UTC)
    endpoint = add_endpoint(service.runtime, "boss", "http://127.0.0.1:9/")
    app = load().create_app(endpoint.secret, str(tmp_path / "orders.db"))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    change = EndpointChange(url=f"http://127.0.0.1:{server.port}/webhooks")
    change_endpoint(service.runtime, "boss", endpoint.id, change)
    yield Shop(app)
    server.shutdown()
    thread.join()
    server.server_close()


def test_fulfils_an_order_and_receives_its_refund(service: Service, subscribed_shop: Shop) -> None:
    checkout = service.paid(order="ORDER1", amount=100)
    assert deliver(service) == 1
    [order] = subscribed_shop.orders
    assert (order["id"], order["status"], order["amount"]) == ("ORDER1", "fulfilled", 100)
    assert order["receipt"] == service.row(checkout).receipt
    service.refund(checkout)
    complete(service)
    deliver(service)
    assert [(order["status"], order["events"]) for order in subscribed_shop.orders] == [("refunded", 3)]
    assert len(outgoing(service)) == 3


def test_a_repeated_event_counts_once(shop: Shop, secret: str) -> None:
    assert post(shop, secret, event()) == 204
    assert post(shop, secret, event("payment.refunded", sequence=9)) == 204, "the same id: seen before"
    assert [(order["status"], order["events"]) for order in shop.orders] == [("fulfilled", 1)]


def test_an_older_event_does_not_undo_a_newer_one(shop: Shop, secret: str) -> None:
    post(shop, secret, event("payment.refunded", sequence=2), "evt_2")
    post(shop, secret, event(), "evt_1")
    assert [order["status"] for order in shop.orders] == ["refunded"]
    post(shop, secret, event(_id="a2"), "evt_3")
    assert [order["status"] for order in shop.orders] == ["fulfilled"], "a later payment of the order"
    post(shop, secret, event("payment.failed", sequence=2), "evt_4")
    assert [order["status"] for order in shop.orders] == ["fulfilled"], "an event of the first payment"


def statuses(shop: Shop) -> dict[str, str]:
    return {order["id"]: order["status"] for order in shop.orders}


def samples() -> dict[str, dict[str, Any]]:
    """Return the sample of each type of event in docs/events.md."""
    text = (SOURCE.parents[1] / "docs" / "events.md").read_text()
    found = re.findall(r"### `([a-z._]+)`\n.*?```json\n(.*?)```", text, re.DOTALL)
    return {heading: json.loads(sample) for heading, sample in found}


@pytest.mark.parametrize("kind", samples())
def test_every_type_of_event_is_received(shop: Shop, secret: str, kind: str) -> None:
    assert post(shop, secret, samples()[kind]) == 204
    of_order = kind.startswith(("payment.", "order.", "refund."))
    assert len(shop.orders) == (1 if of_order else 0)


def test_a_type_and_a_status_of_a_later_version_are_received(shop: Shop, secret: str) -> None:
    assert post(shop, secret, {"type": "ledger.closed", "timestamp": NOON, "data": {"_id": "x"}}) == 204
    assert post(shop, secret, event("payment.succeeded", status="insured"), "evt_2") == 204
    assert statuses(shop) == {"ORDER1": "insured"}


def test_money_without_an_order_ships_nothing(shop: Shop, secret: str) -> None:
    review = event("payment.review", orderId=None, amount=None, exactAmount="100.50")
    assert post(shop, secret, review) == 204
    assert shop.orders == []


def test_a_duplicate_payment_does_not_change_what_was_shipped(shop: Shop, secret: str) -> None:
    post(shop, secret, event(), "evt_1")
    post(shop, secret, event("payment.duplicate", _id="a2", status="review"), "evt_2")
    assert statuses(shop) == {"ORDER1": "fulfilled"}


def test_what_waits_for_a_person_is_logged(shop: Shop, secret: str, caplog: pytest.LogCaptureFixture) -> None:
    post(shop, secret, event(), "evt_1")
    assert caplog.records == []
    post(shop, secret, event("refund.review"), "evt_2")
    post(shop, secret, samples()["commands.suspended"], "evt_3")
    found = [record.getMessage() for record in caplog.records]
    assert found == ["refund.review needs a person: a1", f"commands.suspended needs a person: {SUSPENSION}"]


class TestMoves:
    def test_a_payment_that_is_moved_leaves_its_order(self, shop: Shop, secret: str) -> None:
        post(shop, secret, event(), "evt_1")
        moved = {"orderId": "ORDER2", "previousOrderId": "ORDER1", "status": "succeeded", "sequence": 2}
        assert post(shop, secret, event("payment.moved", **moved), "evt_2") == 204
        assert statuses(shop) == {"ORDER2": "fulfilled"}

    def test_a_match_that_is_undone_leaves_no_order(self, shop: Shop, secret: str) -> None:
        post(shop, secret, event(), "evt_1")
        undone = {"orderId": None, "previousOrderId": "ORDER1", "status": "review", "sequence": 2}
        post(shop, secret, event("payment.moved", **undone), "evt_2")
        assert shop.orders == []

    def test_the_events_of_a_real_move(self, service: Service, subscribed_shop: Shop) -> None:
        for order in ("ORDER1", "ORDER2"):
            expect_order(service, order)
        confirm(service)
        deliver(service)
        assert statuses(subscribed_shop) == {"ORDER1": "fulfilled"}
        [payment] = service.payments()
        body = {"orderId": "ORDER2", "reason": "typed the neighbour's"}
        assert service.call("POST", f"/{payment.id}/move", body, by="boss", admin=True).status_code == 200
        deliver(service)
        assert statuses(subscribed_shop) == {"ORDER2": "fulfilled"}
        body = {"orderId": None, "reason": "it is nobody's"}
        assert service.call("POST", f"/{payment.id}/move", body, by="boss", admin=True).status_code == 200
        deliver(service)
        assert statuses(subscribed_shop) == {}

    def test_in_any_order_of_arrival(self, shop: Shop, secret: str) -> None:
        """ORDER1 has another payment, so its new sum is published with the move."""
        post(shop, secret, event(_id="a0"), "evt_0")
        post(shop, secret, event(), "evt_1")
        moved = {"orderId": "ORDER2", "previousOrderId": "ORDER1", "status": "succeeded"}
        left = {"orderId": "ORDER1", "status": "partially_paid"}
        later = {"timestamp": LATER}
        third = event("order.partially_paid", order=left, sequence=3, **moved) | later
        assert post(shop, secret, third, "evt_3") == 204
        assert post(shop, secret, event("payment.moved", sequence=2, **moved) | later, "evt_2") == 204
        assert statuses(shop) == {"ORDER1": "partly paid", "ORDER2": "fulfilled"}


class TestExpectedOrders:
    def test_ships_when_all_parts_have_arrived(self, service: Service, subscribed_shop: Shop) -> None:
        expect_order(service, amount=100)
        confirm(service, TransAmount="40.00")
        deliver(service)
        assert statuses(subscribed_shop) == {"ORDER1": "partly paid"}
        confirm(service, TransAmount="60.00", TransID="SLN1000002")
        deliver(service)
        assert statuses(subscribed_shop) == {"ORDER1": "fulfilled"}
        confirm(service, TransAmount="5.00", TransID="SLN1000003")
        deliver(service)
        assert statuses(subscribed_shop) == {"ORDER1": "overpaid"}

    def test_money_that_goes_back_is_missing_again(self, service: Service, subscribed_shop: Shop) -> None:
        expect_order(service, amount=100)
        checkout = service.paid(order="ORDER1", amount=100)
        for amount, status in ((40, "partly paid"), (None, "refunded")):
            service.clock.advance(60)
            service.refund(checkout, amount)
            complete(service)
            deliver(service)
            assert statuses(subscribed_shop) == {"ORDER1": status}

    def test_an_older_sum_does_not_undo_a_newer_one(self, shop: Shop, secret: str) -> None:
        post(shop, secret, event(), "evt_1")
        paid = event("order.paid", order={"orderId": "ORDER1", "status": "paid"}, sequence=3)
        part = event("order.partially_paid", order={"orderId": "ORDER1", "status": "partially_paid"})
        post(shop, secret, paid | {"timestamp": LATER}, "evt_3")
        post(shop, secret, part, "evt_2")
        assert statuses(shop) == {"ORDER1": "fulfilled"}


def test_what_is_not_signed_is_refused(shop: Shop) -> None:
    assert post(shop, new_secret(), event()) == 401
    assert shop.app.test_client().post("/webhooks", data=b"{}").status_code == 401
    assert shop.orders == []
