"""The demo's second act: many payments, callbacks lost and doubled; in the end three books must agree."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devtools.books import debits_of, first_difference, paid_amounts
from devtools.client import Counterparts, Json
from devtools.narration import Narrator
from devtools.problems import StepFailed
from devtools.stopping import StopRequest

PAID_BAR, FULFILLED_BAR = "paid at M-Pesa", "fulfilled by the order service"
_PATIENCE = 120.0
"""Seconds for the slowest payment; the worker asks Daraja for the first time 24 to 36 s after the push."""
_LOOK = 0.5
_REST = 2.0
"""Seconds in which an event that came too often would still come."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """So many percent of the callbacks are lost, so many come twice; `seed` decides which ones."""

    lost: int
    doubled: int
    payments: int
    seed: int


@dataclass(frozen=True, slots=True)
class Sale:
    """One payment to come: who pays, what, after how many seconds, and what happens to its callback."""

    order: str
    msisdn: str
    amount: int
    pay_after: float
    callback: str | None


def sales(trouble: Trouble) -> list[Sale]:
    """Draw the payments; the same seed draws the same ones."""
    chance = random.Random(trouble.seed)
    lost, doubled = (round(trouble.payments * share / 100) for share in (trouble.lost, trouble.doubled))
    fates: list[str | None] = [*["lost"] * lost, *["doubled"] * doubled]
    fates = (fates + [None] * trouble.payments)[: trouble.payments]
    chance.shuffle(fates)
    return [
        Sale(
            f"ORDER{number:03}",
            f"254722100{number:03}",
            chance.randint(20, 3_000),
            round(chance.uniform(1, 4), 1),
            fate,
        )
        for number, fate in enumerate(fates, start=1)
    ]


class ManyPayments:
    """Plays a shop with many customers at once. Raises StepFailed unless all books agree."""

    def __init__(
        self,
        counterparts: Counterparts,
        narrator: Narrator,
        stop: StopRequest,
        trouble: Trouble,
        check: Callable[[], None],
    ) -> None:
        self._http = counterparts
        self._narrator = narrator
        self._stop = stop
        self._trouble = trouble
        self._check = check
        self._sales = sales(trouble)

    def tell(self) -> None:
        """Go through all steps."""
        self._prepare()
        self._wait()
        self._books_agree()

    def _prepare(self) -> None:
        counts = {fate: sum(sale.callback == fate for sale in self._sales) for fate in ("lost", "doubled")}
        self._narrator.step(f"{len(self._sales)} customers pay, and M-Pesa's callbacks are in trouble")
        self._narrator.fact("callbacks", f"{counts['lost']} are lost, {counts['doubled']} come twice")
        self._narrator.fact("seed", f"{self._trouble.seed} (SEED={self._trouble.seed} plays the same again)")
        if counts["lost"]:
            self._narrator.fact("patience", "of lost ones the worker asks Daraja, 30 s after the push")

    def _wait(self) -> None:
        """Start the payments, and look until the order service has fulfilled all, or has had its time."""
        with self._narrator.bars(len(self._sales), PAID_BAR, FULFILLED_BAR) as show:
            for sale in self._sales:
                self._stop.check()
                self._begin(sale)
            deadline = time.monotonic() + _PATIENCE
            while self._look(show) < len(self._sales) and time.monotonic() < deadline:
                self._stop.pause(_LOOK)
                self._check()
        self._stop.pause(_REST)

    def _begin(self, sale: Sale) -> None:
        script: Json = {"for": "stk_push", "msisdn": sale.msisdn, "pay_after": sale.pay_after}
        if sale.callback is not None:
            script["callback"] = sale.callback
        self._http.simulator("POST", "script", script)
        self._http.initiate(sale.order, sale.amount, sale.msisdn)

    def _look(self, show: Callable[[str, int], None]) -> int:
        phones = {sale.msisdn for sale in self._sales}
        debits = self._http.simulator("GET", "ledger")["debits"]
        show(PAID_BAR, len({debit["msisdn"] for debit in debits} & phones))
        fulfilled = len(self._fulfilled(self._http.orders()))
        show(FULFILLED_BAR, fulfilled)
        return fulfilled

    def _fulfilled(self, orders: Mapping[str, Json]) -> dict[str, list[int]]:
        known = {sale.order: orders[sale.order] for sale in self._sales if sale.order in orders}
        return {order: [row["amount"]] for order, row in known.items() if row["status"] == "fulfilled"}

    def _books_agree(self) -> None:
        self._narrator.step("Three books: M-Pesa's ledger, the service's record, what the order service did")
        ledger = self._http.simulator("GET", "ledger")
        orders = self._http.orders()
        attempts = {sale.order: self._http.payments_of(sale.order) for sale in self._sales}
        books = {
            "M-Pesa's ledger": {sale.order: debits_of(ledger, sale.msisdn) for sale in self._sales},
            "service's record": {order: paid_amounts(payments) for order, payments in attempts.items()},
            "order service": self._fulfilled(orders),
        }
        self._narrator.totals(books)
        evidence = [payment["evidence"] for payments in attempts.values() for payment in payments]
        settled = ", ".join(f"{evidence.count(word)} by {word}" for word in sorted(set(evidence)))
        self._narrator.fact("settled", settled)
        asked_for = {sale.order: [sale.amount] for sale in self._sales}
        difference = first_difference({"the shop": asked_for, **books})
        if difference is not None:
            raise StepFailed(f"The books do not agree: {difference}")
        self._announced_once(orders)
        self._narrator.say("     All three agree, and each payment was announced once.", "bold green")

    def _announced_once(self, orders: Mapping[str, Json]) -> None:
        counts = {sale.order: orders[sale.order]["events"] for sale in self._sales}
        self._narrator.fact("announced", f"{sum(counts.values())} events for {len(counts)} payments")
        wrong = {order: count for order, count in counts.items() if count != 1}
        if wrong:
            order, count = next(iter(wrong.items()))
            raise StepFailed(f"{order} was announced {count} times, not once.")
