"""M-Pesa at its worst: every kind of fault at once, and callbacks that are lost, late, reordered, doubled."""

import random
import threading
import time
from typing import Any

import pytest

from tests.battery.load import Outcomes, Shop
from tests.battery.sizes import SEED, figures, sized
from tests.battery.stack import Stack

PAYMENTS = sized(60, 2_000)
STALL, SLOW = 3, 8
READ_TIMEOUT = 1.0

REQUESTS = {
    "refused_before": 0.10,
    "error_5xx": 0.10,
    "timeout_before": 0.10,
    "answer_lost": 0.10,
    "slow": 0.05,
    "garbled": 0.05,
    "spike_arrest": 0.05,
    "token_refused": 0.02,
}
CALLBACKS = {
    "callback_lost": 0.20,
    "callback_delayed": 0.20,
    "callback_before_answer": 0.20,
    "callback_doubled": 0.20,
}


def vary_lateness(stack: Stack, done: threading.Event) -> None:
    """Late is 5 to 600 seconds, another every moment."""
    chance = random.Random(SEED)
    while not done.wait(0.3):
        stack.control("/options", {"callback_delay": chance.randint(5, 600)})


@pytest.mark.timeout(sized(300, 2_400))
def test_every_fault_at_once(new_stack: Any) -> None:
    stack: Stack = new_stack(
        simulator={"pay_after": 1, "stall_seconds": STALL, "slow_seconds": SLOW},
        MPESA_READ_TIMEOUT=str(READ_TIMEOUT),
    )
    stack.control("/options", {"faults": {**REQUESTS, **CALLBACKS}})
    outcomes, refunds, done = Outcomes(), Outcomes(), threading.Event()
    lateness = threading.Thread(target=vary_lateness, args=(stack, done))
    began = time.monotonic()
    lateness.start()
    try:
        shop = Shop(stack, clients=32)
        shop.pay(range(1, PAYMENTS + 1), outcomes)
        shop.refund(sorted(outcomes.payments)[::10], refunds)
    finally:
        done.set()
        lateness.join()
    under_load = time.monotonic() - began
    rounds = stack.settle()
    violations, tally = stack.audit()
    ledger = stack.control("/ledger")
    queries = ledger["requests"].get("stk_query", 0)
    figures(
        "provider faults",
        orders=PAYMENTS,
        answers=dict(outcomes.answers),
        answers_to_refunds=dict(refunds.answers),
        requests=ledger["requests"],
        statuses=stack.statuses(),
        reviews=dict(stack.reasons_for_review()),
        queries_per_payment=round(queries / tally.counts["payments"], 2),
        checked=dict(tally.counts),
        violations=len(violations),
        seconds_under_load=round(under_load),
        seconds_in_all=round(time.monotonic() - began),
        rounds_to_settle=rounds,
    )
    assert violations == []
    assert set(stack.statuses()) <= {"succeeded", "partially_refunded", "failed", "review"}
    assert tally.counts["payments"] >= PAYMENTS
