"""Delivers callbacks, and remembers every attempt.

One attempt each, no retries, no redirects followed: an endpoint that answered 500 was not called
again within half an hour. The world's lock is never held while a callback is under way.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import requests

from daraja_simulator.faults import Plan
from daraja_simulator.scheduler import Scheduler
from daraja_simulator.wire import Json, iso

DELAYED = "delayed callbacks"
"""The scheduler's group of callbacks that wait."""

_ANSWER_KEPT = 2000
_KEY_NAMES = {"stk": "checkoutRequestId", "c2b_validation": "transId", "c2b_confirmation": "transId"}


@dataclass(frozen=True, slots=True)
class Letter:
    """A callback that is to be sent, under the plan of its request."""

    kind: str
    """`stk`, `c2b_validation`, `c2b_confirmation`, or a command's, such as `b2c_result`, `b2c_timeout`."""
    key: str
    """The CheckoutRequestID, TransID or OriginatorConversationID of what it is about."""
    url: str
    body: Json
    plan: Plan = field(default_factory=Plan)
    headers: dict[str, str] = field(default_factory=dict)
    faults: str = "callback"
    """The first word of the faults that it is subject to."""

    def has(self, fault: str) -> bool:
        """Tell whether it is `lost`, `doubled` or `delayed`."""
        return self.plan.has(f"{self.faults}_{fault}")


@dataclass(slots=True)
class Attempt:
    """One POST: `status` or `error` is filled in once it is over."""

    letter: Letter
    number: int
    at: datetime
    status: int | None = None
    error: str | None = None
    answer: str | None = None

    def as_json(self) -> Json:
        """Return what the ledger shows."""
        return {
            "kind": self.letter.kind,
            _KEY_NAMES.get(self.letter.kind, "originatorConversationId"): self.letter.key,
            "url": self.letter.url,
            "attempt": self.number,
            "at": iso(self.at),
            "status": self.status,
            "error": self.error,
            "answer": self.answer,
            "body": self.letter.body,
        }


class Courier:
    """Sends letters and keeps the record; `tell` hears of every attempt."""

    def __init__(self, lock: threading.RLock, scheduler: Scheduler, tell: Callable[[str], None]) -> None:
        self._lock = lock
        self._scheduler = scheduler
        self._tell = tell
        self.timeout = 10.0
        self.delay = 20.0
        self.attempts: list[Attempt] = []
        self.letters: dict[str, list[Letter]] = {}
        self.withheld: list[Json] = []
        self._numbers: Counter[str] = Counter()

    def clear(self) -> None:
        """Forget all records; attempts under way end in the old ones."""
        self.attempts, self.letters, self.withheld = [], {}, []
        self._numbers.clear()

    def dispatch(self, letter: Letter) -> list[Attempt]:
        """Send a letter as its plan says; return the attempts that were made before returning."""
        with self._lock:
            self.letters.setdefault(letter.key, []).append(letter)
        if letter.has("lost"):
            self._withhold(letter, "lost")
            return []
        if letter.has("delayed"):
            self._withhold(letter, "delayed")
            self._scheduler.after(self.delay, lambda: self._send_late(letter), DELAYED)
            return []
        return self._send(letter)

    def dispatch_all(self, letters: list[Letter]) -> list[Attempt]:
        """Send letters one after the other, each as its plan says."""
        return [attempt for letter in letters for attempt in self.dispatch(letter)]

    def ask(self, letter: Letter, seconds: float) -> Attempt:
        """Send a letter whose answer counts; one that took longer than this (real seconds) is an error."""
        began = time.monotonic()
        attempt = self._post(letter, seconds)
        if attempt.error is None and time.monotonic() - began > seconds:
            with self._lock:
                attempt.error = f"Late: answered after more than {seconds:g} s"
        return attempt

    def resend(self, key: str, times: int, *, parallel: bool) -> list[Attempt]:
        """Send the last letter of this id again, at once from so many threads or one by one."""
        with self._lock:
            letter = self.letters[key][-1]
        return self._send_many(letter, times) if parallel else [self._post(letter) for _ in range(times)]

    def _withhold(self, letter: Letter, reason: str) -> None:
        with self._lock:
            self.withheld.append(
                {"kind": letter.kind, "id": letter.key, "reason": reason, "body": letter.body}
            )
        self._tell(f"callback {letter.kind} withheld: {reason}")

    def _send_late(self, letter: Letter) -> None:
        with self._lock:
            self.withheld = [
                item
                for item in self.withheld
                if (item["kind"], item["id"], item["reason"]) != (letter.kind, letter.key, "delayed")
            ]
        self._send(letter)

    def _send(self, letter: Letter) -> list[Attempt]:
        if letter.has("doubled"):
            return self._send_many(letter, 2)
        return [self._post(letter)]

    def _send_many(self, letter: Letter, times: int) -> list[Attempt]:
        together = threading.Barrier(times)
        attempts: list[Attempt] = []

        def one() -> None:
            together.wait()
            attempts.append(self._post(letter))

        threads = [threading.Thread(target=one, daemon=True) for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return attempts

    def _post(self, letter: Letter, seconds: float | None = None) -> Attempt:
        with self._lock:
            self._numbers[letter.key] += 1
            attempt = Attempt(letter, self._numbers[letter.key], self._scheduler.now())
            self.attempts.append(attempt)
        headers = {"Content-Type": "application/json;charset=UTF-8"} | letter.headers
        status = error = answer = None
        try:
            with requests.Session() as session:
                session.trust_env = False  # a proxy of the machine must not see a local callback
                response = session.post(
                    letter.url,
                    data=json.dumps(letter.body).encode(),
                    headers=headers,
                    timeout=self.timeout if seconds is None else seconds,
                    allow_redirects=False,
                )
                status, answer = response.status_code, response.text[:_ANSWER_KEPT]
        except (OSError, ValueError) as failure:  # requests' own errors, and hosts that are none
            error = f"{type(failure).__name__}: {failure}"
        with self._lock:
            attempt.status, attempt.error, attempt.answer = status, error, answer
        self._tell(f"callback {letter.kind} attempt {attempt.number} → {status or type_of(error)}")
        return attempt


def type_of(error: str | None) -> str:
    """Return the first word of an error, without the address that it names."""
    return (error or "").partition(":")[0]
