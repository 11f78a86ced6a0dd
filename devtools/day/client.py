"""The day's HTTP calls. They retry as a correct client does, with the same idempotency key."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import requests

from devtools.errors import StepFailed
from devtools.running_stack import RunningStack
from devtools.startup import local_session
from devtools.stop_request import StopRequest

Json = dict[str, Any]
Item = TypeVar("Item")

RETRIED = frozenset({409, 429, 500, 502, 503, 504})
TRIES = 6
TIMEOUT = 30.0
LONGEST_PAUSE = 3.0
CONCURRENCY = 8
"""Clients at the same time: as in a busy shop, and fewer than the service's threads."""


class DayClient:
    """Calls for the shop, its operators and its customers. It is safe to use from many threads."""

    def __init__(self, stack: RunningStack, approver_token: str, stop: StopRequest) -> None:
        self._stack = stack
        self._tokens = {"shop": stack.user_token, "operator": stack.admin_token, "approver": approver_token}
        self._stop = stop
        self._sessions = threading.local()

    def for_each(
        self, items: Iterable[Item], action: Callable[[Item], object], done: Callable[[], None]
    ) -> None:
        """Run `action` for every item, several at the same time, and `done` after each. Raises Stopped."""

        def guarded(item: Item) -> None:
            self._stop.check()
            action(item)
            done()

        with ThreadPoolExecutor(CONCURRENCY) as pool:
            for future in [pool.submit(guarded, item) for item in items]:
                future.result()

    def call(
        self,
        who: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        accept: frozenset[int] = frozenset(),
        **more: Any,
    ) -> Json:
        """Call the API until it returns success or a status in `accept`. Raises StepFailed."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}", **more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        failure = ""
        for _ in range(TRIES):
            answer = self._once(method, f"{self._stack.url}/api/mpesa/{path}", headers, body, more)
            if answer is not None and (answer.ok or answer.status_code in accept):
                return _json(answer)
            failure = "no response" if answer is None else f"{answer.status_code} {answer.text[:200]}"
            if answer is not None and answer.status_code not in RETRIED:
                break
            time.sleep(_pause(answer))
        raise StepFailed(f"{method} {path} failed: {failure}")

    def text(self, who: str, path: str) -> str:
        """Return the body of a GET as text."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        answer = self._once("GET", f"{self._stack.url}/api/mpesa/{path}", headers, None, {})
        if answer is None or not answer.ok:
            raise StepFailed(f"GET {path} failed: {'no response' if answer is None else answer.status_code}")
        return answer.text

    def simulator(self, method: str, path: str, body: Any = None) -> Json:
        """Call the simulator's control API."""
        answer = self._once(method, f"{self._stack.simulator_url}/simulator/{path}", {}, body, {})
        if answer is None or answer.status_code != HTTPStatus.OK:
            raise StepFailed(
                f"the simulator's {path} failed: {'no response' if answer is None else answer.text[:200]}"
            )
        return _json(answer)

    def _once(
        self, method: str, url: str, headers: dict[str, str], body: Any, more: Json
    ) -> requests.Response | None:
        if not hasattr(self._sessions, "session"):
            self._sessions.session = local_session()
        try:
            return self._sessions.session.request(  # type: ignore[no-any-return]
                method, url, headers=headers, json=body, timeout=TIMEOUT, **more
            )
        except requests.RequestException:
            return None


def _json(answer: requests.Response) -> Json:
    found: Json = answer.json()
    return found


def _pause(answer: requests.Response | None) -> float:
    wait = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(wait), LONGEST_PAUSE) if wait.isdigit() else 1.0
