"""Customers who pay by C2B and by prompt, and what M-Pesa's own ledger says that they paid."""

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import requests

from tests.battery.sizes import SEED
from tests.battery.stack import Stack

CLIENTS = 8
PAGE = 1_000
PROMPTED, ORDER, PARTS, WRONG, CENTS = "prompted", "order", "parts", "wrong account", "fractional amount"
KINDS = (PROMPTED, ORDER, PARTS, WRONG, CENTS)
SHARES = (1, 6, 2, 1, 1)


@dataclass(frozen=True)
class Sale:
    """One sale. `payments` are what the customer pays, as texts of shillings; `typed` is the account."""

    kind: str
    order: str
    msisdn: str
    typed: str
    amount: int
    payments: tuple[str, ...]


@dataclass(frozen=True)
class Debit:
    """A customer's payment in M-Pesa's ledger."""

    receipt: str
    kind: str
    cents: int
    account: str
    at: datetime


def sales(prefix: str, count: int) -> list[Sale]:
    """Return sales, the same ones for the same seed. Every kind is among the first ones.

    M-Pesa takes 12 characters of an account, so the prefix has four at most.
    """
    chance = random.Random(f"{SEED}:{prefix}")
    kinds = [*KINDS, *chance.choices(KINDS, SHARES, k=max(0, count - len(KINDS)))]
    return [_sale(kind, f"{prefix}{number}", number, chance) for number, kind in enumerate(kinds, start=1)]


def _sale(kind: str, order: str, number: int, chance: random.Random) -> Sale:
    amount = chance.randint(20, 900)
    typed = {WRONG: f"NO{order}", PROMPTED: order}.get(kind, order.lower())
    payments = {
        PARTS: (str(amount // 2), str(amount - amount // 2)),
        CENTS: (f"{amount}.{chance.randint(1, 99):02}",),
    }.get(kind, (str(amount),))
    msisdn = f"25471{ord(order[0]) % 10}{number:06}"
    return Sale(kind, order, msisdn, typed, amount, payments)


class Shop:
    """Registers orders, and lets customers pay. Its calls to the service wait until it answers."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._token = stack.token("shop", "admin")

    def register(self) -> None:
        """Register the C2B addresses."""
        assert self._post("/c2b/register").status_code == 200

    def expect(self, found: Sequence[Sale]) -> None:
        """Register all orders but the prompted ones. Those of a wrong account stay unpaid."""
        self._all([lambda one=one: self._expect(one) for one in found if one.kind != PROMPTED])

    def pay(self, found: Sequence[Sale], seconds: float = 0.0) -> None:
        """Let all customers pay, in `seconds` at least."""
        began = time.monotonic()
        for start in range(0, len(found), CLIENTS):
            self._all([lambda one=one: self._pay(one) for one in found[start : start + CLIENTS]])
            due = began + seconds * min(len(found), start + CLIENTS) / len(found)
            time.sleep(max(0.0, due - time.monotonic()))

    def prompt(self, found: Sequence[Sale]) -> None:
        """Start the prompted payments, which the customers pay."""
        self._all([lambda one=one: self._initiate(one) for one in found if one.kind == PROMPTED])

    def _all(self, acts: Sequence[Callable[[], Any]]) -> None:
        with ThreadPoolExecutor(CLIENTS) as pool:
            for done in [pool.submit(act) for act in acts]:
                done.result()

    def _expect(self, sale: Sale) -> None:
        answer = self._post("/orders", {"orderId": sale.order, "amount": sale.amount})
        assert answer.status_code in {200, 201}, answer.text

    def _initiate(self, sale: Sale) -> None:
        body = {"orderId": sale.order, "amount": sale.amount, "phoneNumber": sale.msisdn}
        answer = self._post("/initiate", body)
        assert answer.status_code in {201, 202}, answer.text

    def _pay(self, sale: Sale) -> None:
        if sale.kind == PROMPTED:
            return
        for amount in sale.payments:
            body = {"msisdn": sale.msisdn, "amount": amount, "billRefNumber": sale.typed}
            assert self._stack.control("/c2b", body)["transId"]

    def _post(self, path: str, body: Any = None) -> requests.Response:
        headers = {"Authorization": f"Bearer {self._token}"}
        url = f"{self._stack.url}/api/mpesa{path}"
        return requests.post(url, json=body or {}, headers=headers, timeout=60)


def debits_of(stack: Stack) -> list[Debit]:
    """Return the customers' payments in M-Pesa's ledger, the oldest first."""
    found: list[Debit] = []
    offset: int | None = 0
    while offset is not None:
        page = stack.control(f"/transactions?limit={PAGE}&offset={offset}")
        found += [_debit(entry) for entry in page["transactions"] if entry["kind"] in {"c2b", "stk"}]
        offset = page["next"]
    return found


def _debit(entry: Any) -> Debit:
    account, at = entry["accountReference"] or "", datetime.fromisoformat(entry["at"])
    return Debit(entry["receipt"], entry["kind"], entry["amountCents"], account, at)
