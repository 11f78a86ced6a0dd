"""Delivers callbacks and records every attempt.

Each callback is posted once, without retries and redirects: the sandbox did not post again within half an
hour after a response with status 500. The state's lock is never held during a post.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import requests

from daraja_simulator.faults import FaultPlan
from daraja_simulator.odd_bodies import odd_bytes
from daraja_simulator.scheduler import Scheduler
from daraja_simulator.wire import Json, iso

DELAYED = "delayed callbacks"
"""The scheduler's group of delayed callbacks."""

_MAX_STORED_ANSWER = 2000
_ID_NAMES = {"stk": "checkoutRequestId", "c2b_validation": "transId", "c2b_confirmation": "transId"}


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback to deliver, and the fault plan of its request."""

    kind: str
    """`stk`, `c2b_validation`, `c2b_confirmation`, or that of a command, such as `b2c_result`."""
    key: str
    """The CheckoutRequestID, TransID or OriginatorConversationID."""
    url: str
    body: Json
    plan: FaultPlan = field(default_factory=FaultPlan)
    headers: dict[str, str] = field(default_factory=dict)
    faults: str = "callback"
    """The prefix of the faults that apply to it."""
    odd: str | None = None
    """The kind of its odd bytes, or None. See `odd_bodies`."""

    def has(self, fault: str) -> bool:
        """Return whether it has the fault `lost`, `doubled` or `delayed`."""
        return self.plan.has(f"{self.faults}_{fault}")

    def content(self) -> bytes:
        """Return the bytes to post."""
        return odd_bytes(self.body, self.odd) if self.odd else json.dumps(self.body).encode()


@dataclass(slots=True)
class Attempt:
    """One POST. `status` or `error` is set when it ends."""

    callback: Callback
    number: int
    at: datetime
    status: int | None = None
    error: str | None = None
    answer: str | None = None

    def as_json(self) -> Json:
        """Return the attempt as the ledger shows it."""
        return {
            "kind": self.callback.kind,
            _ID_NAMES.get(self.callback.kind, "originatorConversationId"): self.callback.key,
            "url": self.callback.url,
            "attempt": self.number,
            "at": iso(self.at),
            "status": self.status,
            "error": self.error,
            "answer": self.answer,
            "body": self.callback.body,
            **({"odd": self.callback.odd} if self.callback.odd else {}),
        }


class CallbackDelivery:
    """Posts callbacks and records the attempts. `log` receives a line for each attempt."""

    def __init__(self, lock: threading.RLock, scheduler: Scheduler, log: Callable[[str], None]) -> None:
        self._lock = lock
        self._scheduler = scheduler
        self._log = log
        self.timeout = 10.0
        self.delay = 20.0
        self.attempts: list[Attempt] = []
        self.callbacks: dict[str, list[Callback]] = {}
        self.withheld: list[Json] = []
        self._numbers: Counter[str] = Counter()

    def clear(self) -> None:
        """Remove all records."""
        self.attempts, self.callbacks, self.withheld = [], {}, []
        self._numbers.clear()

    def deliver(self, callback: Callback) -> list[Attempt]:
        """Deliver a callback according to its fault plan. Return the attempts that have ended."""
        with self._lock:
            self.callbacks.setdefault(callback.key, []).append(callback)
        if callback.has("lost"):
            self._withhold(callback, "lost")
            return []
        if callback.has("delayed"):
            self._withhold(callback, "delayed")
            self._scheduler.after(self.delay, lambda: self._send_delayed(callback), DELAYED)
            return []
        return self._send(callback)

    def deliver_all(self, callbacks: list[Callback]) -> list[Attempt]:
        """Deliver callbacks in order, each according to its fault plan."""
        return [attempt for callback in callbacks for attempt in self.deliver(callback)]

    def request(self, callback: Callback, seconds: float) -> Attempt:
        """Post a callback whose response counts. A response after `seconds` (real time) is an error."""
        began = time.monotonic()
        attempt = self._post(callback, seconds)
        if attempt.error is None and time.monotonic() - began > seconds:
            with self._lock:
                attempt.error = f"Late: the response took more than {seconds:g} s"
        return attempt

    def resend(self, key: str, times: int, *, parallel: bool) -> list[Attempt]:
        """Send the last callback of this id again, at the same time or one after the other."""
        with self._lock:
            callback = self.callbacks[key][-1]
        return self._send_many(callback, times) if parallel else [self._post(callback) for _ in range(times)]

    def _withhold(self, callback: Callback, reason: str) -> None:
        with self._lock:
            self.withheld.append(
                {"kind": callback.kind, "id": callback.key, "reason": reason, "body": callback.body}
            )
        self._log(f"callback {callback.kind} withheld: {reason}")

    def _send_delayed(self, callback: Callback) -> None:
        with self._lock:
            self.withheld = [
                item
                for item in self.withheld
                if (item["kind"], item["id"], item["reason"]) != (callback.kind, callback.key, "delayed")
            ]
        self._send(callback)

    def _send(self, callback: Callback) -> list[Attempt]:
        if callback.has("doubled"):
            return self._send_many(callback, 2)
        return [self._post(callback)]

    def _send_many(self, callback: Callback, times: int) -> list[Attempt]:
        barrier = threading.Barrier(times)
        attempts: list[Attempt] = []

        def one() -> None:
            barrier.wait()
            attempts.append(self._post(callback))

        threads = [threading.Thread(target=one, daemon=True) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return attempts

    def _post(self, callback: Callback, seconds: float | None = None) -> Attempt:
        with self._lock:
            self._numbers[callback.key] += 1
            attempt = Attempt(callback, self._numbers[callback.key], self._scheduler.now())
            self.attempts.append(attempt)
        headers = {"Content-Type": "application/json;charset=UTF-8"} | callback.headers
        status = error = answer = None
        try:
            with requests.Session() as session:
                session.trust_env = False  # local callbacks must not go through the machine's proxy
                response = session.post(
                    callback.url,
                    data=callback.content(),
                    headers=headers,
                    timeout=self.timeout if seconds is None else seconds,
                    allow_redirects=False,
                )
                status, answer = response.status_code, response.text[:_MAX_STORED_ANSWER]
        except (OSError, ValueError) as failure:  # errors of requests, and invalid hosts
            error = f"{type(failure).__name__}: {failure}"
        with self._lock:
            attempt.status, attempt.error, attempt.answer = status, error, answer
        self._log(f"callback {callback.kind} attempt {attempt.number} → {status or _error_name(error)}")
        return attempt


def _error_name(error: str | None) -> str:
    """Return the type of an error without its message, which contains the address."""
    return (error or "").partition(":")[0]
