"""Shops that pay and refund, bounded in number and time; they retry as an honest client does."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from tests.battery.sizes import SEED
from tests.battery.stack import Stack

TRIES = 8
AGAIN = {409, 429, 500, 502, 503, 504}


@dataclass
class Outcomes:
    """The clients' final answers, and how many of them are done."""

    answers: Counter[str] = field(default_factory=Counter)
    payments: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, answer: str, payment_id: str | None = None) -> None:
        with self._lock:
            self.answers[answer] += 1
            if payment_id:
                self.payments.append(payment_id)

    @property
    def through(self) -> int:
        return self.answers.total()


class Shop:
    """Clients of one stack. The same number is the same order, phone and idempotency key."""

    def __init__(self, stack: Stack, clients: int) -> None:
        self._stack, self._clients = stack, clients
        self._tokens = (stack.token("shop"), stack.token("boss", "admin"))

    def pay(self, numbers: Sequence[int], outcomes: Outcomes) -> None:
        """Start a payment for each number."""
        self._all(lambda number: self._pay(number, outcomes), numbers)

    def refund(self, payments: Sequence[str], outcomes: Outcomes) -> None:
        """Pay back a part of each payment that can be refunded."""
        self._all(lambda payment: self._refund(payment, outcomes), payments)

    def _all(self, act: Callable[[Any], None], items: Sequence[Any]) -> None:
        with ThreadPoolExecutor(self._clients) as pool:
            for done in pool.map(act, items):
                assert done is None

    def _pay(self, number: int, outcomes: Outcomes) -> None:
        amount = random.Random(f"{SEED}:{number}").randint(20, 999)
        body = {"orderId": f"ORDER{number}", "amount": amount, "phoneNumber": f"254710{number:06}"}
        answer = self._post("/initiate", body, f"pay-{number}", self._tokens[0])
        data = answer.json().get("data", {}) if answer is not None and answer.status_code < 300 else {}
        outcomes.note(self._word(answer), data.get("payment", {}).get("_id"))

    def _refund(self, payment: str, outcomes: Outcomes) -> None:
        answer = self._post(f"/{payment}/refund", {"amount": 15}, f"refund-{payment}", self._tokens[1])
        outcomes.note(self._word(answer))

    def _word(self, answer: requests.Response | None) -> str:
        return "no answer" if answer is None else str(answer.status_code)

    def _post(self, path: str, body: Any, key: str, token: str) -> requests.Response | None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
        answer = None
        for attempt in range(TRIES):
            try:
                answer = requests.post(
                    f"{self._stack.url}/api/mpesa{path}", json=body, headers=headers, timeout=30
                )
            except requests.RequestException:
                answer = None
            final = answer is not None and self._is_final(answer)
            if final:
                break
            time.sleep(0.1 * 2 ** min(attempt, 4))
        return answer

    def _is_final(self, answer: requests.Response) -> bool:
        if answer.status_code not in AGAIN:
            return True
        code = answer.json().get("code")
        return code in {"provider_refused", "not_refundable", "nothing_to_refund", "order_paid"}
