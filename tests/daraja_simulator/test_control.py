"""The control API: options, reset, clock, customers and resent callbacks."""

from typing import Any

import pytest

from daraja_simulator import SimulatorOptions, SimulatorServer

from .receiver import Receiver
from .shop import PHONE, PUSH, Shop


def test_health(shop: Shop) -> None:
    body = shop.simulator.get("/simulator/health")
    assert body["status"] == "ok"
    assert body["now"].endswith("+03:00")


def test_options(shop: Shop) -> None:
    assert shop.simulator.get("/simulator/options")["pay_after"] == 2
    changed = shop.simulator.post(
        "/simulator/options",
        {"pay_after": 0.5, "faults": {"slow": 0.1}, "tills": "1,2", "c2b_validation": "on"},
    )
    assert (changed["pay_after"], changed["faults"], changed["tills"]) == (
        0.5,
        {"slow": 0.1},
        ["1", "2"],
    )


@pytest.mark.parametrize(
    "options",
    [
        {"nonsense": 1},
        {"pay_after": "soon"},
        {"pay_after": -1},
        {"pay_after": "inf"},
        {"seed": 1.5},
        {"seed": True},
        {"auto": "later"},
        {"query_limit": "perhaps"},
        {"passkey": 5},
        {"passkey": None},
        {"faults": ["slow"]},
        {"faults": {"slow": 2}},
        {"faults": {"slow": "x"}},
        {"faults": {"nonsense": 0.1}},
        {"tills": 5},
    ],
)
def test_invalid_options(shop: Shop, options: dict[str, Any]) -> None:
    before = shop.simulator.get("/simulator/options")
    answer = shop.call("POST", "/simulator/options", json=options)
    assert answer.status_code == 400
    assert answer.json()["error"]
    assert shop.simulator.get("/simulator/options") == before


@pytest.mark.parametrize("raw", ["[]", "{", "5"])
def test_bodies_must_be_objects(shop: Shop, raw: str) -> None:
    assert shop.call("POST", "/simulator/options", data=raw).status_code == 400


def test_reset_removes_everything(shop: Shop, receiver: Receiver) -> None:
    shop.options(pay_after=1, faults={"slow": 0})
    shop.script(fault="5xx")
    shop.simulator.post("/simulator/script", {"for": "oauth", "fault": "5xx"})
    shop.call("DELETE", "/simulator/script")
    shop.pushed()
    shop.b2c()
    shop.status(TransactionID="SG632NMUAB")
    options = shop.simulator.post("/simulator/reset", {"pay_after": 3})
    assert (options["pay_after"], options["faults"], options["timers"]) == (3, {}, "manual")
    shop.advance(100)
    assert not receiver.posts
    ledger = shop.ledger()
    parts = ("debits", "credits", "transfers", "callbacks", "prompts", "payouts", "withheld", "shop")
    parts += ("statusQueries", "reversals", "c2b")
    for part in parts:
        assert ledger[part] == []
    assert ledger["requests"] == {}
    assert shop.push().status_code == 404, "tokens are gone, too"


def test_reset_refuses_invalid_options(shop: Shop) -> None:
    shop.pushed()
    assert shop.call("POST", "/simulator/reset", json={"nonsense": 1}).status_code == 400
    assert len(shop.ledger()["prompts"]) == 1


def test_requests_are_counted(shop: Shop) -> None:
    shop.push()
    shop.push()
    shop.query("x")
    assert shop.ledger()["requests"] == {"oauth": 1, "stk_push": 2, "stk_query": 1}


def test_the_clock(shop: Shop) -> None:
    before = shop.simulator.get("/simulator/clock")["now"]
    moved = shop.simulator.post("/simulator/clock/advance", {"seconds": 3600})
    assert moved["now"] > before
    assert moved["ran"] == 0
    for seconds in (-1, "5", None, True, 1e12):
        answer = shop.call("POST", "/simulator/clock/advance", json={"seconds": seconds})
        assert answer.status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"msisdn": "0712345678"},
        {"msisdn": PHONE, "balance": -1},
        {"msisdn": PHONE, "balance": "5"},
        {"msisdn": PHONE, "balance": True},
    ],
)
def test_an_invalid_customer(shop: Shop, body: dict[str, Any]) -> None:
    assert shop.call("POST", "/simulator/customers", json=body).status_code == 400


def test_the_default_customer(shop: Shop) -> None:
    added = shop.simulator.post("/simulator/customers", {"msisdn": PHONE})
    assert added == {"msisdn": PHONE, "pin": "0000", "balance": 10_000_000, "locked": False}


def test_prompts_are_listed(shop: Shop) -> None:
    checkout = shop.pushed()
    (listed,) = shop.simulator.get("/simulator/prompts")["prompts"]
    assert listed == shop.simulator.get(f"/simulator/prompts/{checkout}")
    assert listed["state"] == "open"
    assert listed["callbackUrl"].endswith("/stk/secret")


def test_result_codes_by_control_api(shop: Shop, receiver: Receiver) -> None:
    for code in (26, "1019", "SFC_IC0003"):
        shop.prompt(shop.pushed(), "outcome", resultCode=code)
    assert [item["ResultCode"] for item in receiver.stk()] == [26, 1019, "SFC_IC0003"]
    path = f"/simulator/prompts/{shop.pushed()}/outcome"
    assert shop.call("POST", path, json={"resultCode": True}).status_code == 400


@pytest.mark.parametrize("parallel", [True, False])
def test_resending_a_callback(shop: Shop, receiver: Receiver, parallel: bool) -> None:
    checkout = shop.pushed()
    shop.prompt(checkout, "outcome")
    again = shop.simulator.post(
        "/simulator/callbacks/resend",
        {"checkoutRequestId": checkout, "times": 10, "parallel": parallel},
    )
    assert sorted(item["attempt"] for item in again["callbacks"]) == list(range(2, 12))
    assert len(receiver.posts) == 11
    assert all(post["body"] == receiver.posts[0]["body"] for post in receiver.posts)
    assert len(shop.ledger()["callbacks"]) == 11


def test_resending_a_result(shop: Shop, receiver: Receiver) -> None:
    shop.b2c()
    shop.advance(2)
    shop.simulator.post("/simulator/callbacks/resend", {"originatorConversationId": "refund-1"})
    assert len(receiver.results()) == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 404),
        ({"checkoutRequestId": "x"}, 404),
        ({"times": 0}, 400),
        ({"times": "x"}, 400),
        ({"times": 501}, 400),
    ],
)
def test_invalid_resends(shop: Shop, body: dict[str, Any], status: int) -> None:
    assert shop.call("POST", "/simulator/callbacks/resend", json=body).status_code == status


def test_a_callback_is_not_retried(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 500
    done = shop.prompt(shop.pushed(), "outcome")
    shop.advance(3600)
    (callback,) = shop.ledger()["callbacks"]
    assert callback == done["callbacks"][0]
    assert (callback["status"], callback["error"], callback["attempt"]) == (500, None, 1)
    assert "Accepted" in callback["answer"]


def test_redirects_are_not_followed(shop: Shop, receiver: Receiver) -> None:
    receiver.status = 302
    done = shop.prompt(shop.pushed(), "outcome")
    assert done["callbacks"][0]["status"] == 302
    assert len(receiver.posts) == 1


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/x", "http://nobody.invalid/x", "http://a..b/x"])
def test_a_callback_to_an_unreachable_url(shop: Shop, url: str) -> None:
    done = shop.prompt(shop.pushed(CallBackURL=url), "outcome")
    assert done["callbacks"][0]["status"] is None
    assert done["callbacks"][0]["error"]


def test_unknown_paths_and_methods(shop: Shop) -> None:
    missing = shop.call("POST", "/mpesa/nothing")
    assert (missing.status_code, missing.json()["errorCode"]) == (404, "404.001.01")
    method = shop.call("GET", PUSH)
    assert (method.status_code, method.json()["errorCode"]) == (405, "405.001")
    own = shop.call("GET", "/simulator/nothing")
    assert (own.status_code, own.json()) == (404, {"error": "Not Found"})


def test_a_body_that_is_too_large(shop: Shop) -> None:
    headers = {"Authorization": f"Bearer {shop.token}", "Content-Type": "application/json"}
    answer = shop.call("POST", PUSH, data="x" * 1_000_001, headers=headers)
    assert answer.json()["errorCode"] == "400.002.05"


def test_customers_pay_in_real_time(receiver: Receiver) -> None:
    with SimulatorServer(SimulatorOptions(pay_after=0.05, b2c_after=0.05)) as simulator:
        shop = Shop(simulator, receiver)
        shop.pushed()
        shop.b2c()
        receiver.wait_for(2)
        assert sorted(post["path"] for post in receiver.posts) == ["/result", "/stk/secret"]
        simulator.post("/simulator/reset")
