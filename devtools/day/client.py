"""How the day's people call the service: they try again as an honest client does, under the same key."""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any, TypeVar

import requests

from devtools.place import Ready
from devtools.problems import StepFailed
from devtools.startup import local_session
from devtools.stopping import StopRequest

Json = dict[str, Any]
Item = TypeVar("Item")

AGAIN = frozenset({409, 429, 500, 502, 503, 504})
TRIES = 6
TIMEOUT = 30.0
LONGEST_PAUSE = 3.0
AT_ONCE = 8
"""Clients at a time: a busy shop, and fewer than the service's threads."""


class People:
    """The shop, its operators and the customers; safe to use from many threads."""

    def __init__(self, ready: Ready, approver_token: str, stop: StopRequest) -> None:
        self._ready = ready
        self._tokens = {"shop": ready.user_token, "operator": ready.admin_token, "approver": approver_token}
        self._stop = stop
        self._sessions = threading.local()

    def all(self, act: Callable[[Item], object], items: Iterable[Item], done: Callable[[], None]) -> None:
        """Do something for every item, several at once, and tell `done` after each; stop when asked to."""

        def guarded(item: Item) -> None:
            self._stop.check()
            act(item)
            done()

        with ThreadPoolExecutor(AT_ONCE) as pool:
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
        """Call the API until it answers with success or one of `accept`; raise StepFailed otherwise."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}", **more.pop("headers", {})}
        if key is not None:
            headers["Idempotency-Key"] = key
        said = ""
        for _ in range(TRIES):
            answer = self._once(method, f"{self._ready.url}/api/mpesa/{path}", headers, body, more)
            if answer is not None and (answer.ok or answer.status_code in accept):
                return _json(answer)
            said = "no answer" if answer is None else f"{answer.status_code} {answer.text[:200]}"
            if answer is not None and answer.status_code not in AGAIN:
                break
            time.sleep(_pause(answer))
        raise StepFailed(f"{method} {path} failed: {said}")

    def text(self, who: str, path: str) -> str:
        """Return the body of a GET whatever its kind."""
        headers = {"Authorization": f"Bearer {self._tokens[who]}"}
        answer = self._once("GET", f"{self._ready.url}/api/mpesa/{path}", headers, None, {})
        if answer is None or not answer.ok:
            raise StepFailed(f"GET {path} failed: {'no answer' if answer is None else answer.status_code}")
        return answer.text

    def simulator(self, method: str, path: str, body: Any = None) -> Json:
        """Call the simulator's control API."""
        answer = self._once(method, f"{self._ready.simulator_url}/simulator/{path}", {}, body, {})
        if answer is None or answer.status_code != HTTPStatus.OK:
            raise StepFailed(
                f"the simulator's {path}: {'no answer' if answer is None else answer.text[:200]}"
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
