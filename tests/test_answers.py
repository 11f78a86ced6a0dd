"""Real answers of the API have the shape of its OpenAPI document: every property, and no other one."""

from pathlib import Path
from typing import Any

import pytest

from mpesa_service.core import suspensions
from mpesa_service.statements.applying import apply_statement
from tests.c2b.pulls import PULLS_ON, at_the_simulators_time, pay
from tests.c2b.pulls import register as register_for_pulls
from tests.c2b.pulls import run as run_pull
from tests.c2b.support import confirm, expect_order, post_c2b
from tests.payouts.support import PAYBILL, ROW, complete, made, post, script
from tests.payouts.support import pay as pay_out
from tests.refunds.support import complete as complete_refund
from tests.statements.files import as_csv
from tests.statements.support import own
from tests.statements.test_applying import income
from tests.support import Service
from tests.support.openapi import Answers

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


@pytest.fixture(autouse=True)
def pulls_on(service_env: dict[str, str]) -> None:
    service_env.update(PULLS_ON)


@pytest.fixture
def answers(service: Service) -> Answers:
    return Answers(service)


def test_payments(service: Service, answers: Answers) -> None:
    body = {"orderId": "ORDER1", "amount": 100, "phoneNumber": "0712345678", "metadata": {"cart": 1}}
    started = answers.call("POST", "/initiate", body, by="shop", admin=False)
    checkout = started.json["data"]["checkoutRequestId"]
    answers.get(f"/query/{checkout}")
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
    lost = answers.call(
        "POST", "/initiate", {**body, "orderId": "ORDER2", "phoneNumber": "0722000001"}, by="shop"
    )
    assert lost.status_code == 202
    for path in (f"/query/{checkout}", "/order/ORDER1", "/payments", "/payments?limit=1&status=succeeded"):
        assert answers.get(path).status_code == 200
    payment = answers.get(f"/query/{checkout}").json["data"]["_id"]
    answers.get(f"/payments/{payment}/events")


def test_refunds_and_outgoing_money(service: Service, answers: Answers) -> None:
    checkout = service.paid()
    assert answers.call("POST", f"/{checkout}/refund", {"amount": 40}).status_code == 200
    complete_refund(service)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    assert answers.call("POST", f"/{checkout}/refund", {"amount": 20}).status_code == 202
    answers.get(f"/{checkout}/refund")
    payment = answers.get(f"/query/{checkout}").json["data"]
    assert payment["refunds"]
    answers.get(f"/payments/{payment['_id']}/events")
    assert len(answers.get("/outgoing").json["data"]) == 2


def test_payouts(service: Service, answers: Answers) -> None:
    body = {"reference": "PAY-1", "rows": [ROW, PAYBILL]}
    assert answers.call("POST", "/payouts", body, by="amina").status_code == 201
    assert answers.call("POST", "/payouts", body, by="amina").status_code == 200
    big = {"reference": "PAY-2", "rows": [{**PAYBILL, "amount": 60_000}]}
    batch = answers.call("POST", "/payouts", big, by="amina").json["data"]["_id"]
    assert answers.call("POST", f"/payouts/{batch}/approve", by="amina").status_code == 403
    for act in ("approve", "pause", "resume", "stop"):
        assert answers.call("POST", f"/payouts/{batch}/{act}", by="otieno").status_code == 200
    assert answers.call("POST", f"/payouts/{batch}/stop", by="otieno").status_code == 409
    script(service, outcome="31337", times=1)
    pay_out(service)
    complete(service)
    [first] = [one["_id"] for one in answers.get("/payouts").json["data"] if one["reference"] == "PAY-1"]
    answers.get(f"/payouts/{first}")
    rows = answers.get(f"/payouts/{first}/rows").json["data"]
    assert len(rows) == 2
    answers.get("/payouts/review")
    answers.call("POST", "/payouts", {"reference": "PAY-3", "rows": [{"type": "b2c"}]})
    answers.get("/outgoing?kind=payout")
    for one in rows:
        if one["status"] == "review":
            decision = {"action": "fail", "reason": "not on the statement"}
            assert answers.call("POST", f"/payouts/rows/{one['_id']}/resolve", decision).status_code == 200


def test_c2b_orders_and_moves(service: Service, answers: Answers) -> None:
    body = {"orderId": "ORDER1", "amount": 100}
    assert answers.call("POST", "/orders", body, by="shop").status_code == 201
    assert answers.call("POST", "/orders", body, by="shop").status_code == 200
    expect_order(service, "ORDER2")
    confirm(service)
    confirm(service, TransID="SLN1000001", BillRefNumber="OTHER")
    confirm(service, TransID="SLN1000002", BillRefNumber="ORDER2", TransAmount="100.50")
    answers.get("/orders/ORDER1")
    [first, _] = service.payments()
    assert answers.get("/review").status_code == 200
    waiting = answers.get("/unmatched").json["data"]
    assert len(waiting) == 2
    move = {"orderId": "ORDER2", "reason": "typed the neighbour's"}
    paid = next(one for one in service.payments() if one.status == "succeeded")
    assert answers.call("POST", f"/{paid.id}/move", move).status_code == 200
    loose = next(one for one in service.payments() if one.status == "review")
    match = {"orderId": "ORDER1", "reason": "it is theirs"}
    assert answers.call("POST", f"/unmatched/{loose.id}/match", match).status_code == 200
    fractional = next(one["_id"] for one in waiting if one["_id"] not in {paid.id, loose.id})
    closed = answers.call("POST", f"/unmatched/{fractional}/close", {"reason": "sent back in the portal"})
    assert closed.status_code == 200
    assert first.id
    answers.get("/c2b/rules")
    rules = {"referenceRule": "known", "amountRule": "any", "whenUnsure": "accept"}
    assert answers.call("PUT", "/c2b/rules", rules).status_code == 200
    answers.call("POST", "/c2b/register", {})
    answers.call("POST", "/orders", {"orderId": "ORDER3", "amount": 5}, by="shop")
    answers.call("DELETE", "/orders/ORDER3", by="shop")


def test_unread_callbacks(service: Service, answers: Answers) -> None:
    for _ in range(2):
        assert post_c2b(service, b'{"TransID": "UK1EXAMPL1"}').status_code == 200
    first, second = (one["_id"] for one in answers.get("/callbacks/unread").json["data"])
    assert answers.call("POST", f"/callbacks/unread/{first}/apply").status_code == 200
    dismissal = {"reason": "a test of ours"}
    assert answers.call("POST", f"/callbacks/unread/{second}/dismiss", dismissal).status_code == 200
    answers.call("POST", "/callbacks/unread/apply")
    assert answers.call("POST", f"/callbacks/unread/{second}/apply").status_code == 409


def test_statements(service: Service, answers: Answers, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "s.csv", own([income()]))
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    client = service.app.test_client()
    with path.open("rb") as file:
        answer = client.post("/api/mpesa/statements", data={"file": (file, "s.csv")}, headers=headers)
    answers.check("POST", "/statements", answer)
    statement = answer.json["data"]["_id"]
    assert answers.call("POST", f"/statements/{statement}/apply", {}).status_code in {200, 202}
    apply_statement(service.runtime, statement)
    for shown in ("/statements", f"/statements/{statement}"):
        assert answers.get(shown).json["data"]
    answers.get("/statements/coverage")
    answers.get("/statements/nothing")


def test_pulls_receipts_and_inquiries(service: Service, answers: Answers) -> None:
    register_for_pulls(service)
    pay(service)
    run_pull(service)
    assert len(answers.get("/pulls").json["data"]) == 1
    receipt = service.payments()[0].receipt
    answers.get(f"/transactions/{receipt}")
    answers.call("POST", f"/receipts/{receipt}/book")
    answers.call("POST", "/receipts/UK1EXAMPL9/book")
    answers.get("/balance")
    answers.call("POST", "/balance")
    at_the_simulators_time(service)
    with service.runtime.database.begin() as session:
        suspensions.suspend(session, suspensions.REFUNDS, "M-Pesa refuses the initiator", service.clock())
    assert len(answers.get("/suspensions").json["data"]) == 1
    answers.call("POST", "/suspensions/refunds/resume")


def test_webhooks(service: Service, answers: Answers) -> None:
    added = answers.call("POST", "/webhooks", {"url": "http://127.0.0.1:9/hooks"})
    assert added.status_code == 201
    endpoint = added.json["data"]["_id"]
    service.paid()
    for path in ("/webhooks", f"/webhooks/{endpoint}", f"/webhooks/{endpoint}/deliveries"):
        assert answers.get(path).status_code == 200
    [delivery] = answers.get(f"/webhooks/{endpoint}/deliveries").json["data"]
    answers.call("PATCH", f"/webhooks/{endpoint}", {"description": "ours"})
    answers.call("POST", f"/webhooks/{endpoint}/rotate")
    answers.call("POST", f"/webhooks/deliveries/{delivery['_id']}/resend")
    period = {"from": "2026-11-22T00:00:00+03:00", "to": "2026-11-23T00:00:00+03:00"}
    answers.call("POST", f"/webhooks/{endpoint}/replay", period)
    answers.call("DELETE", f"/webhooks/{endpoint}")


ERRORS: list[tuple[str, str, Any, dict[str, Any], int]] = [
    ("POST", "/initiate", {"orderId": "ORDER1"}, {}, 400),
    ("POST", "/initiate", {"orderId": "ORDER1", "amount": 10**9, "phoneNumber": "0712345678"}, {}, 400),
    ("GET", "/payments?status=nothing", None, {}, 400),
    ("GET", "/payments", None, {"by": None}, 401),
    ("GET", "/pulls", None, {"by": "shop", "admin": False}, 403),
    ("GET", "/query/nothing", None, {}, 404),
    ("GET", "/payouts/nothing", None, {}, 404),
    ("POST", "/nothing/refund", {}, {}, 404),
    ("POST", "/nothing/move", {"orderId": "ORDER1", "reason": "x"}, {}, 404),
    ("POST", "/payouts", {"reference": "PAY-1", "rows": [{"type": "b2c"}]}, {}, 400),
    ("POST", "/unmatched/nothing/match", {"orderId": "ORDER1"}, {}, 400),
]


@pytest.mark.parametrize(("method", "path", "body", "who", "status"), ERRORS)
def test_errors(
    answers: Answers, method: str, path: str, body: Any, who: dict[str, Any], status: int
) -> None:
    assert answers.call(method, path, body, **who).status_code == status


def test_conflicts(service: Service, answers: Answers) -> None:
    checkout = service.paid()
    body = {"orderId": "ORDER1", "amount": 100, "phoneNumber": "0712345678"}
    assert answers.call("POST", "/initiate", body, by="shop").status_code == 409
    assert answers.call("POST", f"/{checkout}/refund", {"amount": 101}).status_code == 400
    made(service)
    changed = post(service, {"reference": "PAY-1", "rows": [PAYBILL]})
    answers.check("POST", "/payouts", changed)
    assert changed.status_code == 422


class Changed:
    """An answer whose data was changed."""

    def __init__(self, answer: Any, **changes: Any) -> None:
        self.status_code, self.mimetype = answer.status_code, answer.mimetype
        kept = {name: value for name, value in answer.json["data"].items() if name not in changes}
        added = {name: value for name, value in changes.items() if value is not ...}
        self.json = {**answer.json, "data": {**kept, **added}}


@pytest.mark.parametrize("change", [{"evidence": ...}, {"more": 1}, {"amount": "100"}, {"paidAt": "noon"}])
def test_the_comparison_is_strict(service: Service, answers: Answers, change: dict[str, Any]) -> None:
    path = f"/query/{service.paid()}"
    answer = answers.get(path)
    answers.check("GET", path, Changed(answer))
    with pytest.raises(AssertionError, match=next(iter(change))):
        answers.check("GET", path, Changed(answer, **change))
