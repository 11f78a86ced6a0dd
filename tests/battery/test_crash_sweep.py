"""kill -9 before and after every SQL statement, commit and HTTP call of everything that moves money."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.models import WebhookDelivery
from mpesa_service.webhooks import endpoints
from tests.battery.sizes import sized
from tests.battery.sweep import Flow, StepRunner, forget_token, leases_end, swept
from tests.payouts.support import batches, made, payouts
from tests.support import Service
from tests.support.receivers import receiver

pytestmark = pytest.mark.timeout(sized(240, 1_200))


@pytest.fixture(params=["postgres", "sqlite"])
def environment(request: pytest.FixtureRequest, service_env: dict[str, str]) -> dict[str, str]:
    url = request.getfixturevalue(f"{request.param}_url")
    return {
        **service_env,
        "DATABASE_URL": url,
        "LOG_LEVEL": "ERROR",
        "MPESA_QUERIES_PER_MINUTE": "600000",
        "PAYOUTS_PER_MINUTE": "600000",
    }


def phone(number: int) -> str:
    return f"254710{number:06}"


def keyed(service: Service, path: str, body: Any, key: str, *roles: str) -> dict[str, Any]:
    headers = {
        "Authorization": f"Bearer {service.token('shop', *roles)}",
        "Idempotency-Key": key,
        "Content-Type": "application/json",
    }
    return {"path": f"/api/mpesa{path}", "body": json.dumps(body), "headers": headers}


def again(service: Service, step: dict[str, Any]) -> None:
    """The client retries with its key; it may have to wait, and never starts a second one."""
    answer = service.app.test_client().post(step["path"], data=step["body"], headers=step["headers"])
    assert answer.status_code in {200, 201, 202, 409}, answer.json


def test_initiate(service: Service, runner: StepRunner) -> None:
    service.simulator.post("/simulator/options", {"auto": "pay"})

    def step(number: int) -> dict[str, Any]:
        body = {"orderId": f"ORDER{number}", "amount": 100, "phoneNumber": phone(number)}
        return keyed(service, "/initiate", body, f"key-{number}")

    def prepare(number: int) -> dict[str, Any]:
        forget_token(service)
        return step(number)

    passes = ("INSERT payments", "UPDATE payments", "POST /mpesa/stkpush/v1/processrequest")
    flow = Flow("initiate", prepare, 20, passes, lambda number: again(service, step(number)))
    swept(service, runner, flow)


def test_apply_callback(service: Service, runner: StepRunner) -> None:
    """M-Pesa calls once: a callback that was not answered 200 is lost."""

    def prepare(number: int) -> dict[str, Any]:
        about = {"for": "stk_push", "msisdn": phone(number), "callback": "lost"}
        service.simulator.post("/simulator/script", about)
        checkout = service.pending(f"ORDER{number}", phone=phone(number))
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        [body] = [w["body"] for w in service.ledger()["withheld"] if w["id"] == checkout]
        path = service.callback_url(checkout).removeprefix(service.url)
        return {"path": path, "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}

    swept(service, runner, Flow("apply callback", prepare, 4, ("SELECT payments", "UPDATE payments")))


def test_refund(service: Service, runner: StepRunner) -> None:
    checkouts: dict[int, str] = {}

    def step(number: int) -> dict[str, Any]:
        return keyed(service, f"/{checkouts[number]}/refund", {"amount": 60}, f"key-{number}", "admin")

    def prepare(number: int) -> dict[str, Any]:
        checkouts[number] = service.paid(f"ORDER{number}", phone=phone(number))
        return step(number)

    passes = ("INSERT refunds", "UPDATE refunds", "POST /mpesa/b2c/v3/paymentrequest")
    flow = Flow("refund", prepare, 36, passes, lambda number: again(service, step(number)))
    swept(service, runner, flow)
    paid_back = [credit["amount"] for credit in service.ledger()["credits"]]
    assert set(paid_back) == {60}


def test_apply_refund_result(service: Service, runner: StepRunner) -> None:
    service.simulator.post("/simulator/options", {"faults": {"b2c.callback_lost": 1}})

    def prepare(number: int) -> dict[str, Any]:
        checkout = service.paid(f"ORDER{number}", phone=phone(number))
        assert service.refund(checkout, 60).status_code == 200
        service.simulator.post("/simulator/clock/advance", {"seconds": 2})
        payout = list(service.simulator.state.payouts.values())[-1]
        [body] = [
            w["body"] for w in service.ledger()["withheld"] if w["id"] == payout.originator_conversation_id
        ]
        path = payout.result_url.removeprefix(service.url)
        return {"path": path, "body": json.dumps(body), "headers": {"Content-Type": "application/json"}}

    swept(service, runner, Flow("apply refund result", prepare, 28, ("UPDATE refunds", "COMMIT")))
    assert {refund.status for refund in service.refunds()} == {"succeeded"}


def test_reconcile_payments(service: Service, runner: StepRunner) -> None:
    def prepare(number: int) -> dict[str, Any]:
        about = {"for": "stk_push", "msisdn": phone(number), "callback": "lost"}
        service.simulator.post("/simulator/script", about)
        checkout = service.pending(f"ORDER{number}", phone=phone(number))
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        service.clock.advance(31)
        return {"job": "reconcile"}

    passes = ("SELECT payments", "UPDATE payments", "POST /mpesa/stkpushquery/v1/query")
    flow = Flow("reconcile payments", prepare, 20, passes, after=lambda: leases_end(service, "reconcile"))
    swept(service, runner, flow)
    assert {payment.status for payment in service.payments()} == {"succeeded"}


def test_reconcile_refunds(service: Service, runner: StepRunner) -> None:
    """Half of the refunds are queried. The other half is sent again, because their first answer was lost."""

    def prepare(number: int) -> dict[str, Any]:
        checkout = service.paid(f"ORDER{number}", phone=phone(number))
        fault = {"fault": "answer_lost"} if number % 4 < 2 else {}
        service.simulator.post("/simulator/script", {"for": "b2c", "callback": "lost", **fault})
        assert service.refund(checkout, 60).status_code in {200, 202}
        service.clock.advance(61)
        return {"job": "commands"}

    passes = ("UPDATE refunds", "COMMIT", "POST /mpesa/b2c/v3/paymentrequest")
    flow = Flow("reconcile refunds", prepare, 40, passes, after=lambda: leases_end(service, "commands"))
    swept(service, runner, flow)
    assert {(refund.status, refund.failure_reason) for refund in service.refunds()} == {("succeeded", None)}


def test_send_payouts(service: Service, runner: StepRunner) -> None:
    """Every other payout goes to a phone, every other one to a till: that is never sent twice."""

    def prepare(number: int) -> dict[str, Any]:
        to_phone = {"type": "b2c", "phoneNumber": phone(number)}
        to_till = {"type": "buy_goods", "businessNumber": f"{500_000 + number}"}
        made(service, {**(to_phone if number % 4 < 2 else to_till), "amount": 60}, reference=f"PAY-{number}")
        return {"job": "payouts"}

    passes = ("UPDATE payouts", "COMMIT", "POST /mpesa/b2c/v3/paymentrequest")
    flow = Flow("send payouts", prepare, 46, passes, after=lambda: leases_end(service, "commands"))
    swept(service, runner, flow)
    ends = {(row.type, row.status) for row in payouts(service)}
    assert ends <= {("b2c", "succeeded"), ("buy_goods", "succeeded"), ("buy_goods", "review")}
    assert {batch.status for batch in batches(service)} == {"done"}


def test_deliver(service: Service, runner: StepRunner) -> None:
    with receiver() as found:
        endpoints.add_endpoint(service.runtime, "operator:amina", found.url, [], "")

        def prepare(number: int) -> dict[str, Any]:
            service.paid(f"ORDER{number}", phone=phone(number))
            return {"job": "deliver"}

        passes = ("UPDATE webhook_deliveries", "COMMIT", "POST of a webhook")
        flow = Flow("deliver", prepare, 18, passes, after=lambda: leases_end(service, "deliver"))
        swept(service, runner, flow)
        with service.runtime.database.read() as session:
            rows = list(session.scalars(select(WebhookDelivery)))
        assert {row.status for row in rows} == {"delivered"}
        assert len({got.id for got in found.got}) == len(rows)
        assert len({(got.id, got.body) for got in found.got}) == len(rows)
