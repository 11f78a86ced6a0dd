"""The example order service receives events of the real service: each counts once, whatever is repeated."""

import importlib.util
import json
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
from tests.refunds.support import complete
from tests.support import Service
from tests.webhooks.support import deliver
from tests.webhooks.test_outbox import outgoing

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
    return {"type": kind, "data": {**plain, **data}}


def test_is_short() -> None:
    assert len(SOURCE.read_text().splitlines()) < 80


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


def test_what_is_not_of_interest_is_received(shop: Shop, secret: str) -> None:
    assert post(shop, secret, event("refund.review")) == 204
    assert shop.orders == []


def test_what_is_not_signed_is_refused(shop: Shop) -> None:
    assert post(shop, new_secret(), event()) == 401
    assert shop.app.test_client().post("/webhooks", data=b"{}").status_code == 401
    assert shop.orders == []
