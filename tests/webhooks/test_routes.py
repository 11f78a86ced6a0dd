"""Endpoints and deliveries over HTTP."""

from typing import Any

import pytest

from mpesa_service.webhooks.deliver import deliver_due
from tests.support import Service
from tests.support.receivers import receiver

URL = "http://127.0.0.1:9/hooks"


def call(service: Service, method: str, path: str, body: Any = None, status: int = 200) -> Any:
    answer = service.call(method, f"/webhooks{path}", body, by="boss", admin=True)
    assert answer.status_code == status, answer.json
    if status < 400:
        assert answer.json["success"] is True
        return answer.json["data"]
    assert set(answer.json) - {"details"} == {"error", "message", "code", "requestId"}
    return answer.json


def add(service: Service, **more: Any) -> Any:
    return call(service, "POST", "", {"url": URL, **more}, 201)


def test_the_secret_is_shown_once(service: Service) -> None:
    added = add(service, eventTypes=["payment.succeeded"], description="orders")
    assert added.pop("secret").startswith("whsec_")
    assert added == {
        "_id": added["_id"],
        "url": URL,
        "description": "orders",
        "eventTypes": ["payment.succeeded"],
        "enabled": True,
        "disabledReason": None,
        "previousSecretValidUntil": None,
        "createdBy": "boss",
        "createdAt": "2026-11-22T12:00:00.000+03:00",
        "updatedBy": "boss",
        "updatedAt": "2026-11-22T12:00:00.000+03:00",
    }
    assert call(service, "GET", "") == [added]
    assert call(service, "GET", f"/{added['_id']}") == added


def test_change_rotate_and_disable(service: Service) -> None:
    added = add(service)
    path = f"/{added['_id']}"
    changed = call(service, "PATCH", path, {"eventTypes": ["refund.failed"], "description": "x"})
    assert (changed["eventTypes"], changed["description"], changed["url"]) == (["refund.failed"], "x", URL)
    rotated = call(service, "POST", f"{path}/rotate")
    assert rotated["secret"] != added["secret"]
    assert rotated["previousSecretValidUntil"] == "2026-11-23T12:00:00.000+03:00"
    assert call(service, "DELETE", path)["disabledReason"] == "Disabled by an operator."
    assert call(service, "PATCH", path, {"enabled": True})["enabled"] is True
    assert call(service, "PATCH", path, {"enabled": False})["enabled"] is False


def test_deliveries_resend_and_replay(service: Service) -> None:
    with receiver() as shop:
        added = call(service, "POST", "", {"url": shop.url}, 201)
        checkout = service.paid()
        deliver_due(service.runtime)
        path = f"/{added['_id']}"
        [row] = call(service, "GET", f"{path}/deliveries?status=delivered&limit=10")
        assert row["eventType"] == "payment.succeeded"
        assert (row["paymentId"], row["sequence"]) == (service.row(checkout).id, 1)
        assert (row["lastStatus"], row["lastError"], row["resend"]) == (204, None, 0)
        assert row["deliveredAt"] == "2026-11-22T12:00:00.000+03:00"
        assert call(service, "GET", f"{path}/deliveries?before={row['_id']}") == []
        again = call(service, "POST", f"/deliveries/{row['_id']}/resend", None, 201)
        assert (again["eventId"], again["resend"], again["status"]) == (row["eventId"], 1, "waiting")
        refused = call(service, "POST", f"/deliveries/{row['_id']}/resend", None, 409)
        assert refused["code"] == "already_waiting"
        deliver_due(service.runtime)
        times = {"from": "2026-11-22T00:00:00+03:00", "to": "2026-11-22T21:00:00Z"}
        assert call(service, "POST", f"{path}/replay", times) == {"events": 1}
        deliver_due(service.runtime)
    assert [got.id for got in shop.got] == [row["eventId"]] * 3


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "", {}, 400, "invalid_request"),
        ("POST", "", {"url": URL, "secret": "mine"}, 400, "invalid_request"),
        ("POST", "", {"url": "http://169.254.169.254/latest"}, 400, "webhook_address_refused"),
        ("POST", "", {"url": "\ud800"}, 400, "webhook_address_refused"),
        ("POST", "", {"url": URL, "eventTypes": ["payment.made"]}, 400, "invalid_request"),
        ("POST", "", {"url": URL, "description": "\x00"}, 400, "invalid_request"),
        ("POST", "", {"url": URL, "description": "\ud800"}, 400, "invalid_request"),
        ("PATCH", "/{}", {"enabled": None}, 400, "invalid_request"),
        ("PATCH", "/{}", {"enabled": "yes"}, 400, "invalid_request"),
        ("GET", "/{}/deliveries?status=lost", None, 400, "invalid_request"),
        ("GET", "/{}/deliveries?limit=0", None, 400, "invalid_request"),
        ("GET", "/{}/deliveries?before=x", None, 400, "invalid_request"),
        ("POST", "/{}/replay", {"from": "2026-11-22T00:00:00", "to": "x"}, 400, "invalid_request"),
        (
            "POST",
            "/{}/replay",
            {"from": "2026-11-22T00:00:00Z", "to": "9999-12-31T23:59:59-23:00"},
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/{}/replay",
            {"from": "0001-01-01T00:00:00+14:00", "to": "2026-11-22T00:00:00Z"},
            400,
            "invalid_request",
        ),
        (
            "POST",
            "/{}/replay",
            {"from": "2026-11-22T00:00:00Z", "to": "2026-11-21T00:00:00Z"},
            400,
            "invalid_time_range",
        ),
        ("GET", "/nobody", None, 404, "not_found"),
        ("GET", "/%00", None, 404, "not_found"),
        ("POST", "/deliveries/4711/resend", None, 404, "not_found"),
        ("POST", "/deliveries/x/resend", None, 404, "not_found"),
        ("POST", "/deliveries/99999999999999999999/resend", None, 404, "not_found"),
        ("POST", "/deliveries/\u0664/resend", None, 404, "not_found"),
    ],
    ids=range(22),
)
def test_bad_input(service: Service, method: str, path: str, body: Any, status: int, code: str) -> None:
    added = add(service)
    refused = call(service, method, path.format(added["_id"]), body, status)
    assert refused["code"] == code
    [kept] = call(service, "GET", "")
    assert kept == {name: value for name, value in added.items() if name != "secret"}


def test_a_bad_parameter_is_named(service: Service) -> None:
    added = add(service)
    refused = call(service, "GET", f"/{added['_id']}/deliveries?limit=999", None, 400)
    assert set(refused["details"]["fields"]) == {"limit"}
    assert refused["message"].startswith("limit: ")
