"""kill -9 of web workers, of their master and of the job runner at random moments, under load."""

import random
import threading
import time
from typing import Any

import pytest

from tests.battery.load import Outcomes, Shop
from tests.battery.sizes import SEED, figures, sized
from tests.battery.stack import Stack

PAYMENTS = sized(80, 2_000)
KILLS = sized(5, 66)
JOBS_EVERY = 4
"""One kill in so many is the job runner's."""
MASTER_EVERY = 10
"""One in so many is gunicorn's own, at first without its workers."""
MASTERS = sum(n % MASTER_EVERY == 2 and n % JOBS_EVERY != JOBS_EVERY - 1 for n in range(KILLS))


def kill_at_random(stack: Stack, outcomes: Outcomes, done: threading.Event, kills: list[str]) -> None:
    """Kill somebody each time that another share of the payments is through."""
    chance = random.Random(SEED)
    while len(kills) < KILLS and not done.is_set():
        if outcomes.through < len(kills) * PAYMENTS / (KILLS + 1):
            time.sleep(0.02)
        elif len(kills) % JOBS_EVERY == JOBS_EVERY - 1:
            stack.restart_jobs()
            kills.append("jobs")
        elif len(kills) % MASTER_EVERY == 2:
            stack.kill_the_web_master(orphaned=chance.uniform(0, 0.5))
            kills.append("master")
        elif stack.kill_a_web_worker(chance):
            kills.append("web")
        time.sleep(chance.uniform(0.05, 0.4))


@pytest.mark.timeout(sized(240, 1_800))
def test_kill_9_at_random(new_stack: Any) -> None:
    stack: Stack = new_stack(simulator={"pay_after": 0.5, "b2c_after": 0.5})
    outcomes, done, kills = Outcomes(), threading.Event(), list[str]()
    killer = threading.Thread(target=kill_at_random, args=(stack, outcomes, done, kills))
    began = time.monotonic()
    killer.start()
    try:
        shop = Shop(stack, clients=16)
        shop.pay(range(1, PAYMENTS + 1), outcomes)
        shop.refund(sorted(outcomes.payments)[::5], outcomes)
    finally:
        done.set()
        killer.join()
    under_load = time.monotonic() - began
    rounds = stack.settle()
    violations, tally = stack.audit()
    figures(
        "random kill -9",
        payments=PAYMENTS,
        kills=len(kills),
        kills_of_job_runner=kills.count("jobs"),
        kills_of_web_master=kills.count("master"),
        answers=dict(outcomes.answers),
        statuses=stack.statuses(),
        reviews=dict(stack.reasons_for_review()),
        checked=dict(tally.counts),
        violations=len(violations),
        seconds_under_load=round(under_load),
        rounds_to_settle=rounds,
    )
    assert violations == []
    assert len(kills) >= KILLS - 1
    assert kills.count("master") == MASTERS > 0
    assert tally.counts["payments"] >= PAYMENTS
