"""Every fault, by script and by rate."""

import time
from typing import Any

import pytest
import requests

from daraja_simulator.errors import ControlError
from daraja_simulator.faults import FAULTS, FaultInjector, check_rates

from .receiver import Receiver
from .shop import PHONE, PUSH, Shop


@pytest.mark.parametrize("fault", ["refused_before", "timeout_before"])
def test_a_closed_connection_before_processing(shop: Shop, fault: str) -> None:
    shop.options(stall_seconds=0)
    shop.script(fault=fault)
    with pytest.raises(requests.ConnectionError):
        shop.push()
    assert shop.ledger()["prompts"] == []
    assert shop.push().status_code == 200


def test_answer_lost_after_the_prompt_exists(shop: Shop, receiver: Receiver) -> None:
    shop.script(fault="answer_lost")
    with pytest.raises(requests.ConnectionError):
        shop.push()
    shop.advance(3)
    assert receiver.stk()[0]["ResultCode"] == 0
    assert len(shop.ledger()["debits"]) == 1


def test_a_client_timeout_during_a_stall(shop: Shop) -> None:
    shop.options(stall_seconds=30)
    shop.script(fault="timeout_before")
    headers = {"Authorization": f"Bearer {shop.token}"}
    url = shop.simulator.url + PUSH
    with pytest.raises(requests.ReadTimeout):
        requests.post(url, json=shop.push_body(), headers=headers, timeout=0.2)
    assert shop.ledger()["prompts"] == []


def test_token_refused(shop: Shop) -> None:
    shop.options(faults={"token_refused": 1})
    answer = shop.push()
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "404.001.03")
    assert shop.oauth().status_code == 200


@pytest.mark.parametrize(("style", "status"), [("429", 429), ("500", 500)])
def test_spike_arrest(shop: Shop, style: str, status: int) -> None:
    shop.options(spike_style=style)
    shop.script(fault="spike_arrest")
    answer = shop.push()
    assert answer.status_code == status
    assert "pike" in answer.text
    assert ("fault" in answer.json()) == (style == "429")
    assert shop.ledger()["prompts"] == []


@pytest.mark.parametrize(("fault", "prompts"), [("5xx", 0), ("error_5xx_after", 1)])
def test_5xx(shop: Shop, fault: str, prompts: int) -> None:
    statuses = set()
    for number in range(12):
        shop.script(fault=fault)
        answer = shop.push(phone=f"25471234560{number:02d}"[:12])
        statuses.add(answer.status_code)
        shop.simulator.post("/simulator/clock/advance", {"seconds": 3})
    assert statuses <= {500, 502, 503, 504}
    assert len(statuses) > 1
    assert len(shop.ledger()["prompts"]) == prompts * 12


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("html", "<html>"),
        ("empty", ""),
        ("truncated", '{"Merchant'),
        ("wrong_types", '[{"Merchant'),
        ("huge", '"xxxx'),
    ],
)
def test_corrupt_bodies(shop: Shop, kind: str, start: str) -> None:
    shop.script(garbled=kind)
    answer = shop.push()
    assert answer.status_code == 200
    assert answer.text.startswith(start)
    assert (kind == "empty") == (answer.text == "")
    assert len(shop.ledger()["prompts"]) == 1


def test_the_kind_of_corrupt_body_is_drawn(shop: Shop) -> None:
    shop.options(faults={"stk_query.garbled": 1}, auto="hold")
    checkout = shop.pushed()
    assert len({shop.query(checkout).text[:3] for _ in range(20)}) > 2


def test_slow_processes_the_request_first(shop: Shop) -> None:
    shop.options(slow_seconds=0.2)
    shop.script(fault="slow")
    begun = time.monotonic()
    assert shop.push().status_code == 200
    assert time.monotonic() - begun >= 0.2


def test_a_scripted_response(shop: Shop) -> None:
    page = {"status": 403, "body": "<html>Incapsula</html>"}
    shop.script(answer=page)
    shop.script(answer={"status": 200, "body": {"ResponseCode": "00000000"}, "after": True})
    first, second = shop.push(), shop.push()
    assert (first.status_code, first.text) == (403, "<html>Incapsula</html>")
    assert first.headers["Content-Type"].startswith("text/html")
    assert second.json() == {"ResponseCode": "00000000"}
    assert len(shop.ledger()["prompts"]) == 1


def test_a_lost_callback_can_be_resent(shop: Shop, receiver: Receiver) -> None:
    shop.script(callback="lost")
    checkout = shop.pushed()
    done = shop.prompt(checkout, "pin", pin="0000")
    assert (done["prompt"]["state"], done["callbacks"]) == ("paid", [])
    assert not receiver.posts
    withheld = shop.ledger()["withheld"]
    assert [(item["id"], item["reason"]) for item in withheld] == [(checkout, "lost")]
    shop.simulator.post("/simulator/callbacks/resend", {"checkoutRequestId": checkout})
    assert receiver.stk()[0]["ResultCode"] == 0


def test_callback_doubled(shop: Shop, receiver: Receiver) -> None:
    shop.script(callback="doubled")
    done = shop.prompt(shop.pushed(), "outcome")
    assert sorted(item["attempt"] for item in done["callbacks"]) == [1, 2]
    assert len(receiver.posts) == 2
    assert receiver.posts[0]["body"] == receiver.posts[1]["body"]
    assert len(shop.ledger()["debits"]) == 1


def test_callback_delayed(shop: Shop, receiver: Receiver) -> None:
    shop.options(faults={"stk_push.callback_delayed": 1})
    shop.pushed()
    shop.pushed(phone="254712345670")
    shop.advance(10)
    assert not receiver.posts
    assert [item["reason"] for item in shop.ledger()["withheld"]] == ["delayed", "delayed"]
    assert shop.simulator.post("/simulator/callbacks/flush") == {"delivered": 2}
    assert len(receiver.posts) == 2
    assert shop.ledger()["withheld"] == []
    shop.pushed()
    shop.advance(21)
    assert len(receiver.posts) == 2
    shop.advance(2)
    assert len(receiver.posts) == 3


def test_callback_before_the_response(shop: Shop, receiver: Receiver) -> None:
    shop.script(callback="callback_before_answer", outcome="1032")
    answer = shop.push()
    assert receiver.stk()[0]["CheckoutRequestID"] == answer.json()["CheckoutRequestID"]
    assert receiver.stk()[0]["ResultCode"] == 1032


def test_the_callback_reports_wrong_values(shop: Shop, receiver: Receiver) -> None:
    shop.script(fault=["amount_differs", "phone_differs"])
    shop.script(amount_in_callback=1, phone_in_callback="2547*****678")
    for _ in range(2):
        shop.prompt(shop.pushed(), "outcome")
    reported = [
        {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}
        for callback in receiver.stk()
    ]
    assert [item["Amount"] for item in reported] == [101, 1]
    assert reported[0]["PhoneNumber"] != int(PHONE)
    assert reported[1]["PhoneNumber"] == "2547*****678"
    assert [item["amount"] for item in shop.ledger()["debits"]] == [100, 100]


def test_a_mismatch_planned_for_a_prompt(shop: Shop) -> None:
    shop.options(faults={"stk_push.query_contradicts": 1})
    checkout = shop.pushed()
    shop.prompt(checkout, "outcome")
    assert shop.query(checkout).json()["ResultCode"] == "1032"


def test_a_script_applies_to_the_matching_request(shop: Shop) -> None:
    shop.script(msisdn="254712345670", fault="5xx", times=2)
    assert shop.push().status_code == 200
    assert shop.push(phone="254712345670").status_code >= 500
    assert shop.simulator.get("/simulator/script") == {"waiting": 1}
    assert shop.push(phone="254712345670").status_code >= 500
    assert shop.push(phone="254712345670").status_code == 200


def test_any_operation(shop: Shop) -> None:
    shop.script(operation="*", fault="spike_arrest")
    assert shop.oauth().status_code == 429
    assert shop.oauth().status_code == 200


def test_scripts_can_be_removed(shop: Shop) -> None:
    shop.script(fault="5xx")
    assert shop.call("DELETE", "/simulator/script").json() == {"waiting": 0}
    assert shop.push().status_code == 200


def test_an_invalid_token_uses_no_script(shop: Shop) -> None:
    shop.script(outcome="1032")
    shop.call("POST", PUSH, json={}, headers={"Authorization": "Bearer stale"})
    assert shop.simulator.get("/simulator/script") == {"waiting": 1}


@pytest.mark.parametrize(
    "script",
    [
        {},
        {"for": "everything"},
        {"for": "stk_push", "fault": "nonsense"},
        {"for": "stk_push", "callback": "eaten"},
        {"for": "stk_push", "garbled": "badly"},
        {"for": "stk_push", "answer": "no"},
        {"for": "stk_push", "answer": {"status": "x"}},
        {"for": "stk_push", "outcome": "perhaps not"},
        {"for": "stk_push", "times": "many"},
        {"for": "stk_push", "pay_after": -1},
        {"for": "stk_push", "phone": PHONE},
    ],
)
def test_an_invalid_script(shop: Shop, script: dict[str, Any]) -> None:
    answer = shop.call("POST", "/simulator/script", json=script)
    assert answer.status_code == 400
    assert answer.json()["error"]


def draws(seed: int, rates: dict[str, float], count: int = 200) -> list[frozenset[str]]:
    box = FaultInjector(seed)
    return [box.plan("stk_push", {}, rates).faults for _ in range(count)]


def test_rates_are_reproducible_and_independent() -> None:
    alone = draws(7, {"slow": 0.3})
    together = draws(7, {"slow": 0.3, "garbled": 0.5, "callback_lost": 0.1})
    assert alone == draws(7, {"slow": 0.3})
    assert alone == [faults & {"slow"} for faults in together]
    assert alone != draws(8, {"slow": 0.3})
    assert 40 <= sum(bool(faults) for faults in alone) <= 80


def test_a_rate_for_one_operation() -> None:
    box = FaultInjector(1)
    rates = {"stk_query.slow": 1.0, "garbled": 1.0, "stk_push.garbled": 0.0}
    assert box.plan("stk_push", {}, rates).faults == frozenset()
    assert box.plan("stk_query", {}, rates).faults == {"slow", "garbled"}


def test_faults_apply_only_to_their_operations() -> None:
    everything = dict.fromkeys(FAULTS, 1.0)
    box = FaultInjector(1)
    assert "callback_lost" not in box.plan("stk_query", {}, everything).faults
    drawn = box.plan("transaction_status", {}, everything).faults
    assert {"callback_lost", "callback_doubled", "answer_lost", "token_refused", "queue_timeout"} < drawn
    assert not drawn & {"late_success", "amount_differs", "query_contradicts", "reversal_spent"}
    spent = box.plan("reversal", {}, everything).faults
    assert {"reversal_spent", "late_success", "queue_timeout", "amount_differs", "callback_lost"} < spent
    confirmed = {"confirmation_lost", "confirmation_doubled", "confirmation_delayed"}
    assert box.plan("c2b", {}, everything).faults == confirmed | {"amount_differs", "odd_bytes"}
    assert confirmed | {"confirmation_first"} < box.plan("stk_push", {}, everything).faults
    assert "token_refused" not in box.plan("oauth", {}, everything).faults
    assert "queue_timeout" not in box.plan("stk_push", {}, everything).faults


@pytest.mark.parametrize("rates", [{"nonsense": 1}, {"oautho.slow": 1}, {"slow": 1.1}])
def test_rates_are_checked(rates: dict[str, float]) -> None:
    with pytest.raises(ControlError):
        check_rates(rates)


def test_another_seed_restarts_the_generators(shop: Shop) -> None:
    state = shop.simulator.state
    shop.options(faults={"slow": 0.5}, slow_seconds=0, seed=5)
    first = [state.fault_plan("oauth", {}).faults for _ in range(20)]
    shop.options(seed=6)
    shop.options(seed=5)
    assert [state.fault_plan("oauth", {}).faults for _ in range(20)] == first
