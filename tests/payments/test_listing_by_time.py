"""Payments by M-Pesa's own time: days in Nairobi, and pages that hold each payment once."""

import csv
import io
import itertools
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from mpesa_service.domain.principal import Principal
from mpesa_service.payments import listing
from mpesa_service.payments.listing import Filters, all_payments, count_payments
from mpesa_service.web.fields import NAIROBI
from mpesa_service.web.query_fields import cursor
from tests.support import Service
from tests.support.many import add_payments

SHOP = Principal("shop")
MIDNIGHT = datetime(2026, 11, 29, tzinfo=NAIROBI)
SECOND = timedelta(seconds=1)
TIMES = [
    MIDNIGHT - 2 * SECOND,  # 28 November, 23:59:58: 20:59:58 in UTC
    None,
    MIDNIGHT + 9 * SECOND,
    MIDNIGHT,
    MIDNIGHT,
    None,
    MIDNIGHT - timedelta(days=1),
]
LATEST_FIRST = [2, 4, 3, 0, 6, 5, 1]


@pytest.fixture
def made(service: Service) -> list[str]:
    states = {1: "pending", 5: "failed"}

    def columns(n: int) -> dict[str, Any]:
        return {
            "paid_at": TIMES[n],
            "paid_at_source": TIMES[n] and "confirmation",
            "status": states.get(n, "succeeded"),
        }

    found = add_payments(service.runtime, len(TIMES), columns)
    add_payments(service.runtime, 1, lambda _: {"owner": "kiosk", "paid_at": MIDNIGHT}, start=len(TIMES))
    return found


def found(service: Service, made: list[str], **query: Any) -> list[int]:
    answer = service.call("GET", f"/payments?{urlencode(query)}")
    assert answer.status_code == 200, answer.json
    return [made.index(payment["_id"]) for payment in answer.json["data"]]


def test_a_day_is_a_day_in_nairobi(service: Service, made: list[str]) -> None:
    assert found(service, made, paidFrom="2026-11-28", paidTo="2026-11-28") == [0, 6]
    assert found(service, made, paidFrom="2026-11-29", paidTo="2026-11-29") == [2, 4, 3]
    assert found(service, made, paidFrom="2026-11-28T23:59:58", paidTo="2026-11-29T00:00") == [0]
    assert found(service, made, paidFrom="2026-11-28T20:59:58Z", paidTo="2026-11-28T21:00:00Z") == [0]
    assert found(service, made, paidFrom="2026-11-30") == []
    assert found(service, made, paidTo="2026-11-28", status="failed") == []


def test_the_order(service: Service, made: list[str]) -> None:
    assert found(service, made, sort="paidAt") == LATEST_FIRST
    assert found(service, made, sort="createdAt") == found(service, made) == [6, 5, 4, 3, 2, 1, 0]
    assert found(service, made, sort="createdAt", paidFrom="2026-11-29") == [4, 3, 2]
    assert found(service, made, sort="paidAt", status="succeeded,failed") == [2, 4, 3, 0, 6, 5]
    assert found(service, made, sort="paidAt", status="pending") == [1]
    assert found(service, made, sort="paidAt", **{"from": "2026-11-01T09:03"}) == [4, 3, 6, 5]


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 7])
@pytest.mark.parametrize("more", [{"sort": "paidAt"}, {"paidFrom": "2026-11-28"}], ids=str)
def test_each_payment_is_on_one_page(
    service: Service, made: list[str], limit: int, more: dict[str, str]
) -> None:
    seen: list[int] = []
    after: dict[str, str] = {}
    for number in itertools.count():
        query = urlencode({**more, "limit": limit, **after})
        answer = service.call("GET", f"/payments?{query}").json
        seen += [made.index(payment["_id"]) for payment in answer["data"]]
        if number == 0:  # a later payment does not shift the pages
            add_payments(service.runtime, 1, lambda _: {"paid_at": MIDNIGHT + timedelta(hours=1)}, start=50)
        if answer["next"] is None:
            break
        after = {"after": answer["next"]}
    assert seen == (LATEST_FIRST if "sort" in more else LATEST_FIRST[:5])


def test_a_page_belongs_to_its_order(service: Service, made: list[str]) -> None:
    by_time = service.call("GET", "/payments?sort=paidAt&limit=1").json["next"]
    by_creation = service.call("GET", "/payments?limit=1").json["next"]
    for query in (f"after={by_time}", f"sort=paidAt&after={by_creation}"):
        answer = service.call("GET", f"/payments?{query}")
        assert answer.status_code == 400
        assert "another `sort`" in answer.json["message"]
    assert made


def test_a_forged_page_is_empty_or_the_first(service: Service, made: list[str]) -> None:
    beyond = cursor("f" * 18 + made[0])
    assert len(service.call("GET", f"/payments?sort=paidAt&after={beyond}").json["data"]) == len(made)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_an_export_has_the_same_order(
    service: Service, made: list[str], monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(listing, "BATCH", batch)
    answer = service.call("GET", "/payments/export?sort=paidAt")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    answer.close()
    assert [made.index(row["_id"]) for row in rows] == LATEST_FIRST
    assert rows[3]["paidAt"] == "2026-11-28T23:59:58.000+03:00"
    assert rows[3]["paidAtSource"] == "confirmation"
    assert rows[-1]["paidAt"] == ""


def test_batches_and_counts_of_a_day(service: Service, made: list[str]) -> None:
    day = Filters(paid_since=MIDNIGHT, paid_until=MIDNIGHT + timedelta(days=1))
    batches = list(all_payments(service.runtime, SHOP, day))
    assert [made.index(payment[0]) for batch in batches for payment in batch] == [2, 4, 3]
    assert count_payments(service.runtime, SHOP, day) == 3


def test_the_documented_examples_work_together(service: Service) -> None:
    paths = service.app.test_client().get("/api/openapi.json").json["paths"]
    for path in ("/payments", "/payments/export"):
        [parameters] = [one["get"]["parameters"] for name, one in paths.items() if name.endswith(path)]
        examples = {
            one["name"]: one["schema"]["example"] for one in parameters if "example" in one.get("schema", {})
        }
        assert {"from", "to", "paidFrom", "paidTo"} <= set(examples)
        answer = service.call("GET", f"{path}?{urlencode(examples)}")
        assert answer.status_code == 200, answer.text
        answer.close()
