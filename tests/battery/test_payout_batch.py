"""A batch of payouts while its senders are shot, results are lost and M-Pesa is at its worst: each once."""

import random
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from mpesa_service.domain.payout_batches import PAYOUT_UNFINISHED
from mpesa_service.models import Payout, PayoutBatch
from tests.battery.processes import wait_for
from tests.battery.sizes import SEED, figures, sized
from tests.battery.stack import Stack

ROWS = sized(30, 1_000)
KILLS = sized(4, 40)
LOST = 0.2
FAULTS = {
    "callback_lost": LOST,
    "callback_doubled": 0.1,
    "callback_before_answer": 0.1,
    "answer_lost": 0.05,
    "error_5xx": 0.05,
    "error_5xx_after": 0.05,
    "refused_before": 0.05,
    "spike_arrest": 0.05,
}
TYPES = ("b2c", "b2c", "b2c", "b2pochi", "paybill", "buy_goods")


def rows() -> list[dict[str, Any]]:
    """Return rows of all types; no two are alike."""
    made: list[dict[str, Any]] = []
    for number in range(ROWS):
        kind = TYPES[number % len(TYPES)]
        to_phone = {"phoneNumber": f"254710{number:06}"}
        to_business = {"businessNumber": str(500_000 + number), "accountReference": f"A{number}"}
        made.append({"type": kind, "amount": 100 + number, **(to_phone if "b2" in kind else to_business)})
    return made


def call(stack: Stack, path: str, who: str, body: Any = None) -> requests.Response:
    """Repeat the request until there is an answer: workers are being killed."""
    headers = {"Authorization": f"Bearer {stack.token(who, 'admin')}"}
    for _ in range(100):
        try:
            answer = requests.post(
                f"{stack.url}/api/mpesa/payouts{path}", json=body, headers=headers, timeout=60
            )
        except requests.RequestException:
            time.sleep(0.2)
            continue
        if answer.status_code < 500:
            return answer
        time.sleep(0.2)
    raise AssertionError("no answer")


def at_once(*acts: Any) -> list[Any]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return [found.result() for found in [pool.submit(act) for act in acts]]


def unsent(stack: Stack) -> int:
    with stack.runtime.database.read() as session:
        return session.scalar(select(func.count()).where(Payout.status == "waiting")) or 0


def kill_at_random(stack: Stack, done: threading.Event, kills: list[str]) -> None:
    """Kill the job runner or a web worker each time that another share of the rows is sent."""
    chance = random.Random(SEED)
    while len(kills) < KILLS and not done.wait(0.05):
        if ROWS - unsent(stack) < len(kills) * ROWS / (KILLS + 1):
            continue
        if len(kills) % 2:
            kills.extend(["web"] * stack.kill_a_web_worker(chance))
        else:
            stack.restart_jobs()
            kills.append("jobs")


@pytest.mark.timeout(sized(300, 2_400))
def test_each_row_is_paid_once_or_known_not_to_be(new_stack: Any) -> None:
    stack: Stack = new_stack(
        simulator={"b2c_after": 0.5, "utility_balance": 100_000_000},
        PAYOUTS_PER_MINUTE="1200",
        PAYOUT_APPROVAL_THRESHOLD="1000",
    )
    stack.control("/options", {"faults": FAULTS})
    body = {"reference": "SALARIES", "rows": rows(), "description": "battery"}
    made = at_once(*(lambda: call(stack, "", "amina", body) for _ in range(3)))
    assert Counter(answer.status_code for answer in made) == {202: 1, 200: 2}
    batch = made[0].json()["data"]["_id"]
    assert call(stack, f"/{batch}/approve", "amina").json()["code"] == "maker_cannot_approve"
    kills, done = list[str](), threading.Event()
    killer = threading.Thread(target=kill_at_random, args=(stack, done, kills))
    killer.start()
    try:
        approvers = ("otieno", "wanjiku")
        approved = at_once(*(lambda who=who: call(stack, f"/{batch}/approve", who) for who in approvers))
        assert sorted(answer.status_code for answer in approved) == [200, 409]
        deadline = time.monotonic() + sized(90, 600)
        while unsent(stack) and time.monotonic() < deadline:
            stack.advance(1)  # the stack's own clock counts the rate limit and the pauses
            time.sleep(0.2)
    finally:
        done.set()
        killer.join()
    rounds = stack.settle()
    wait_for(lambda: batch_status(stack) == "done", "the job to close the batch")
    violations, tally = stack.audit()
    counted = statuses(stack)
    figures(
        "payout batch",
        rows=ROWS,
        kills=len(kills),
        kills_of_job_runner=kills.count("jobs"),
        statuses=counted,
        checked=dict(tally.counts),
        violations=len(violations),
        rounds_to_settle=rounds,
    )
    assert violations == []
    assert len(kills) >= 1
    assert sum(counted.values()) == ROWS
    assert not {str(state) for state in PAYOUT_UNFINISHED} & set(counted)
    with stack.runtime.database.read() as session:
        doubtful = session.scalars(select(Payout.type).where(Payout.status == "review")).all()
    assert set(doubtful) <= {"paybill", "buy_goods"}, "only what cannot be sent again may stay in review"


def batch_status(stack: Stack) -> str:
    with stack.runtime.database.read() as session:
        return session.scalars(select(PayoutBatch.status)).one()


def statuses(stack: Stack) -> dict[str, int]:
    statement = select(Payout.status, func.count().label("number")).group_by(Payout.status)
    with stack.runtime.database.read() as session:
        return {row.status: row.number for row in session.execute(statement)}
