"""Order ids of other systems, such as Odoo's INV/2026/00012: in paths, prompts, C2B payments and lists."""

from typing import Any
from urllib.parse import quote

import pytest

from tests.c2b.support import confirm
from tests.orders.test_expected import expect_order, sums
from tests.support import Service

IDS = [
    "INV/2026/00012",
    "#1001",
    "POS 3: 17",
    "v1.0/#7: a b",
    "refund",
    "INV/refund",
    "payments/export",
    "S/" + "0" * 62,
]


def get(service: Service, path: str, method: str = "GET") -> Any:
    headers = {"Authorization": f"Bearer {service.token()}"}
    return service.app.test_client().open(f"/api/mpesa{path}", method=method, headers=headers, buffered=True)


@pytest.mark.parametrize("order", IDS)
def test_a_payment_by_a_prompt(service: Service, order: str) -> None:
    data = service.initiate(order=order).json["data"]["payment"]
    assert data["orderId"] == order
    reference = data["accountReference"]
    assert reference.isascii()
    assert reference.isalnum()
    assert len(reference) <= 12
    escaped = quote(order, safe="")
    assert get(service, f"/order/{escaped}").json["data"]["_id"] == data["_id"]
    listed = get(service, f"/payments?orderId={escaped}").json["data"]
    assert [one["_id"] for one in listed] == [data["_id"]]
    assert order in get(service, "/payments/export").get_data(as_text=True)
    assert service.initiate(order=order).json["code"] == "order_in_progress"


@pytest.mark.parametrize("order", IDS)
def test_an_expected_order_that_is_paid_as_it_was_typed(service: Service, order: str) -> None:
    assert expect_order(service, order).status_code == 201
    escaped = quote(order, safe="")
    assert get(service, f"/orders/{escaped}").json["data"]["orderId"] == order
    confirm(service, BillRefNumber=order)
    found = get(service, f"/orders/{escaped}").json["data"]
    assert sums(found) == ("paid", 100, 0, 0)
    assert get(service, f"/orders/{escaped}", "DELETE").json["code"] == "order_has_money"


def test_a_customer_types_it_without_its_signs(service: Service) -> None:
    expect_order(service, "INV/2026/00012")
    confirm(service, BillRefNumber="inv 2026 00012")
    assert get(service, "/orders/INV%2F2026%2F00012").json["data"]["status"] == "paid"


def test_ids_that_a_customer_would_confuse(service: Service) -> None:
    expect_order(service, "INV/2026/00012")
    assert expect_order(service, "INV-2026-00012").json["code"] == "order_id_too_alike"


def test_slashes_need_not_be_escaped(service: Service) -> None:
    expect_order(service, "INV/2026/00012")
    assert get(service, "/orders/INV/2026/00012").status_code == 200
    assert get(service, "/orders/INV/2026/00012", "DELETE").status_code == 200


def test_an_order_that_is_called_refund(service: Service) -> None:
    service.initiate(order="refund")
    assert get(service, "/order/refund").json["data"]["orderId"] == "refund"
    assert get(service, "/order/refund", "POST").status_code == 403


@pytest.mark.parametrize(
    "path", ["/order/..%2Forder%2FA", "/order/A%2F%2FB", "/orders/%2E%2E", "/orders/A%00", "/orders/A%2F"]
)
def test_what_is_no_order_id_is_not_found(service: Service, path: str) -> None:
    answer = get(service, path)
    assert (answer.status_code, answer.json["code"]) == (404, "not_found")


def test_a_match_by_hand(service: Service) -> None:
    confirm(service, BillRefNumber="WHAT")
    [payment] = service.payments()
    expect_order(service, "INV/2026/00012")
    body = {"orderId": "INV/2026/00012", "reason": "he called"}
    answer = service.call("POST", f"/unmatched/{payment.id}/match", body, by="boss", admin=True)
    assert (answer.status_code, answer.json["data"]["orderId"]) == (200, "INV/2026/00012")
