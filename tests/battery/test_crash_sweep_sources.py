"""kill -9 at every point of the second sources: import a statement, apply it, pull, book a receipt."""

import itertools
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from mpesa_service.c2b.pull import pull
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.domain.moments import EAST_AFRICA
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.statements.applying import request_apply
from mpesa_service.statements.importing import read_statement
from tests.battery.sizes import sized
from tests.battery.sweep import Flow, StepRunner, forget_token, leases_end, run_until_idle, swept
from tests.support import PHONE, Service

BOSS = Principal("boss", frozenset({ADMIN}))
BOUNDARY = "battery"
AMOUNT = 50

pytestmark = pytest.mark.timeout(sized(240, 1_800))


@pytest.fixture(params=["postgres", "sqlite"])
def environment(request: pytest.FixtureRequest, service_env: dict[str, str]) -> dict[str, str]:
    url = request.getfixturevalue(f"{request.param}_url")
    return {
        **service_env,
        "DATABASE_URL": url,
        "LOG_LEVEL": "ERROR",
        "MPESA_PULL": "true",
        "MPESA_PULL_PHONE": PHONE,
        "MPESA_QUERIES_PER_MINUTE": "600000",
    }


class Market:
    """Customers pay by C2B, and no confirmation is posted: no address is registered."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._orders = itertools.count(1)
        self._paid_at = service.clock.now

    def pay(self) -> str:
        """Let a customer pay for an order that the shop expects; return the receipt."""
        self.on_time(2)
        self._paid_at = self.service.clock.now
        order = f"ORDER{next(self._orders)}"
        answer = self.service.call("POST", "/orders", {"orderId": order, "amount": AMOUNT})
        assert answer.status_code == 201, answer.json
        body = {"msisdn": PHONE, "amount": AMOUNT, "billRefNumber": order}
        return str(self.service.simulator.post("/simulator/c2b", body)["transId"])

    def on_time(self, seconds: int = 0) -> None:
        """Let time pass; set the service's clock to M-Pesa's, because statements and pulls state M-Pesa's."""
        clock = self.service.simulator.post("/simulator/clock/advance", {"seconds": seconds})
        self.service.clock.now = datetime.fromisoformat(clock["now"])

    def statement(self) -> bytes:
        """Return the statement of the last payment.

        One of the whole day has the lines of all runs, so that each run would pass more points than the last.
        """
        since = {"from": f"{self._paid_at.astimezone(EAST_AFRICA):%Y-%m-%d %H:%M:%S}"}
        url = f"{self.service.simulator.url}/simulator/statement"
        answer = requests.get(url, since, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.content

    def find_the_rest(self) -> None:
        """Find what a killed import or inquiry left: the person who was interrupted looks again."""
        self.on_time()
        assert [one.status for one in pull(self.service.runtime, "operator:boss")] == ["complete"]

    def all_is_paid(self) -> None:
        """Every order got its money, once."""
        payments = self.service.payments()
        assert {row.status for row in payments} == {"succeeded"}
        assert len({row.receipt for row in payments}) == len(payments) == next(self._orders) - 1


@pytest.fixture
def market(service: Service) -> Iterator[Market]:
    found = Market(service)
    found.on_time()
    register_pull(service.runtime, "operator:boss")
    yield found
    found.all_is_paid()


def headers(service: Service, content_type: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {service.token('boss', 'admin')}", "Content-Type": content_type}


def test_import_statement(market: Market, service: Service, runner: StepRunner) -> None:
    """The person who uploads the file uploads it again, in half of the runs."""
    steps: dict[int, dict[str, Any]] = {}

    def prepare(number: int) -> dict[str, Any]:
        market.pay()
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="s.csv"\r\n\r\n'
        body = part + market.statement().decode() + f"\r\n--{BOUNDARY}--\r\n"
        content_type = f"multipart/form-data; boundary={BOUNDARY}"
        steps[number] = {"path": "/api/mpesa/statements", "body": body}
        steps[number]["headers"] = headers(service, content_type)
        return steps[number]

    def again(number: int) -> None:
        step = steps[number]
        answer = service.app.test_client().post(step["path"], data=step["body"], headers=step["headers"])
        assert answer.status_code == 200, answer.json
        request_apply(service.runtime, BOSS, answer.json["data"]["_id"])
        run_until_idle(service, "statements")

    passes = ("INSERT statements", "INSERT statement_lines", "INSERT statement_texts", "COMMIT")
    swept(service, runner, Flow("import statement", prepare, 42, passes, again), market.find_the_rest)


def test_apply_statement(market: Market, service: Service, runner: StepRunner, tmp_path: Path) -> None:
    def prepare(number: int) -> dict[str, Any]:
        market.pay()
        path = tmp_path / f"{number}.csv"
        path.write_bytes(market.statement())
        record = read_statement(service.runtime, BOSS, path, path.name)
        request_apply(service.runtime, BOSS, record.id)
        return {"job": "statements"}

    passes = ("INSERT payments", "UPDATE statement_lines", "UPDATE payments", "UPDATE statements")
    flow = Flow("apply statement", prepare, 56, passes, after=lambda: leases_end(service, "statements", 181))
    swept(service, runner, flow)
    assert {row.evidence for row in service.payments()} == {"statement"}


def test_pull(market: Market, service: Service, runner: StepRunner) -> None:
    def prepare(_number: int) -> dict[str, Any]:
        market.on_time(901)
        market.pay()
        market.on_time(60)
        return {"job": "pull"}

    passes = ("POST /pulltransactions/v1/query", "INSERT payments", "UPDATE pulls")
    flow = Flow("pull", prepare, 44, passes, after=lambda: leases_end(service, "pull", 901))
    swept(service, runner, flow)
    assert {row.evidence for row in service.payments()} == {"pull"}


def test_request_a_receipt(market: Market, service: Service, runner: StepRunner) -> None:
    receipts: dict[int, str] = {}

    def step(number: int) -> dict[str, Any]:
        sent = headers(service, "application/json") | {"Idempotency-Key": f"key-{number}"}
        return {"path": f"/api/mpesa/receipts/{receipts[number]}/book", "body": "{}", "headers": sent}

    def prepare(number: int) -> dict[str, Any]:
        receipts[number] = market.pay()
        forget_token(service)
        return step(number)

    def again(number: int) -> None:
        sent = step(number)
        answer = service.app.test_client().post(sent["path"], data=sent["body"], headers=sent["headers"])
        assert answer.status_code in {200, 202, 409}, answer.json

    passes = ("INSERT inquiries", "UPDATE inquiries", "POST /mpesa/transactionstatus/v1/query")
    swept(service, runner, Flow("request a receipt", prepare, 44, passes, again), market.find_the_rest)


def test_book_a_receipt(market: Market, service: Service, runner: StepRunner) -> None:
    """M-Pesa answers once: what it says is stored before it is booked, and a job books it then."""

    def prepare(_number: int) -> dict[str, Any]:
        receipt = market.pay()
        service.simulator.post("/simulator/script", {"for": "transaction_status", "callback": "lost"})
        answer = service.call("POST", f"/receipts/{receipt}/book", {}, by="boss", admin=True)
        assert answer.status_code == 202, answer.json
        service.simulator.post("/simulator/clock/advance", {"seconds": 2})
        [*_, query] = service.ledger()["statusQueries"]
        [body] = [
            w["body"] for w in service.ledger()["withheld"] if w["id"] == query["originatorConversationId"]
        ]
        path = query["resultUrl"].removeprefix(service.url)
        return {"path": path, "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}

    passes = ("UPDATE inquiries", "INSERT callback_inbox", "INSERT payments")
    swept(service, runner, Flow("book a receipt", prepare, 24, passes), market.find_the_rest)
