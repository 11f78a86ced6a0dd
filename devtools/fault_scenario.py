"""The demo's second scenario: many payments with lost and doubled callbacks, and a comparison at the end."""

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devtools.comparison import debits_of, first_difference, paid_amounts
from devtools.console_output import ConsoleOutput
from devtools.demo_client import DemoClient, Json
from devtools.errors import StepFailed
from devtools.stop_request import StopRequest

PAID_BAR, FULFILLED_BAR = "paid at M-Pesa", "fulfilled by the order service"
_TIMEOUT = 120.0
"""Seconds for the slowest payment. The worker first queries Daraja 24 to 36 s after the push."""
_POLL_INTERVAL = 0.5
_EXTRA_WAIT = 2.0
"""Seconds in which a duplicate event would still arrive."""


@dataclass(frozen=True, slots=True)
class FaultSettings:
    """The percentages of callbacks that are lost and doubled. `seed` decides which callbacks these are."""

    lost: int
    doubled: int
    payments: int
    seed: int


@dataclass(frozen=True, slots=True)
class Sale:
    """A planned payment: order, customer, amount, delay in seconds, and the fault of its callback."""

    order: str
    msisdn: str
    amount: int
    pay_after: float
    callback: str | None


def sales(settings: FaultSettings) -> list[Sale]:
    """Draw the payments. The same seed draws the same payments."""
    chance = random.Random(settings.seed)
    lost, doubled = (round(settings.payments * share / 100) for share in (settings.lost, settings.doubled))
    faults: list[str | None] = [*["lost"] * lost, *["doubled"] * doubled]
    faults = (faults + [None] * settings.payments)[: settings.payments]
    chance.shuffle(faults)
    return [
        Sale(
            f"ORDER{number:03}",
            f"254722100{number:03}",
            chance.randint(20, 3_000),
            round(chance.uniform(1, 4), 1),
            fault,
        )
        for number, fault in enumerate(faults, start=1)
    ]


class FaultScenario:
    """Acts as a shop with many customers at once. Raises StepFailed unless all three sources agree."""

    def __init__(
        self,
        client: DemoClient,
        output: ConsoleOutput,
        stop: StopRequest,
        settings: FaultSettings,
        check: Callable[[], None],
    ) -> None:
        self._client = client
        self._output = output
        self._stop = stop
        self._settings = settings
        self._check = check
        self._sales = sales(settings)

    def run(self) -> None:
        """Run all steps."""
        self._describe()
        self._pay()
        self._compare()

    def _describe(self) -> None:
        counts = {fault: sum(sale.callback == fault for sale in self._sales) for fault in ("lost", "doubled")}
        seed = self._settings.seed
        self._output.step(f"{len(self._sales)} customers pay while callbacks are lost or doubled")
        self._output.value("callbacks", f"{counts['lost']} lost, {counts['doubled']} doubled")
        self._output.value("seed", f"{seed} (SEED={seed} repeats this run)")
        if counts["lost"]:
            self._output.value("wait", "the worker queries Daraja 30 s after the push of a lost callback")

    def _pay(self) -> None:
        """Start the payments and wait until all orders are fulfilled or the time is over."""
        with self._output.progress(len(self._sales), PAID_BAR, FULFILLED_BAR) as show:
            for sale in self._sales:
                self._stop.check()
                self._start(sale)
            deadline = time.monotonic() + _TIMEOUT
            while self._count_fulfilled(show) < len(self._sales) and time.monotonic() < deadline:
                self._stop.pause(_POLL_INTERVAL)
                self._check()
        self._stop.pause(_EXTRA_WAIT)

    def _start(self, sale: Sale) -> None:
        script: Json = {"for": "stk_push", "msisdn": sale.msisdn, "pay_after": sale.pay_after}
        if sale.callback is not None:
            script["callback"] = sale.callback
        self._client.simulator("POST", "script", script)
        self._client.initiate(sale.order, sale.amount, sale.msisdn)

    def _count_fulfilled(self, show: Callable[[str, int], None]) -> int:
        phones = {sale.msisdn for sale in self._sales}
        debits = self._client.simulator("GET", "ledger")["debits"]
        show(PAID_BAR, len({debit["msisdn"] for debit in debits} & phones))
        fulfilled = len(self._fulfilled(self._client.orders()))
        show(FULFILLED_BAR, fulfilled)
        return fulfilled

    def _fulfilled(self, orders: Mapping[str, Json]) -> dict[str, list[int]]:
        known = {sale.order: orders[sale.order] for sale in self._sales if sale.order in orders}
        return {order: [row["amount"]] for order, row in known.items() if row["status"] == "fulfilled"}

    def _compare(self) -> None:
        self._output.step("M-Pesa's ledger, the service's record and the order service's orders")
        ledger = self._client.simulator("GET", "ledger")
        orders = self._client.orders()
        attempts = {sale.order: self._client.payments_of(sale.order) for sale in self._sales}
        amounts = {
            "M-Pesa's ledger": {sale.order: debits_of(ledger, sale.msisdn) for sale in self._sales},
            "service's record": {order: paid_amounts(payments) for order, payments in attempts.items()},
            "order service": self._fulfilled(orders),
        }
        self._output.totals(amounts)
        evidence = [payment["evidence"] for payments in attempts.values() for payment in payments]
        settled = ", ".join(f"{evidence.count(word)} by {word}" for word in sorted(set(evidence)))
        self._output.value("settled", settled)
        requested = {sale.order: [sale.amount] for sale in self._sales}
        difference = first_difference({"the shop": requested, **amounts})
        if difference is not None:
            raise StepFailed(f"The three sources differ: {difference}")
        self._require_one_event_each(orders)
        self._output.success("All three agree, and each payment was published once.")

    def _require_one_event_each(self, orders: Mapping[str, Json]) -> None:
        counts = {sale.order: orders[sale.order]["events"] for sale in self._sales}
        self._output.value("published", f"{sum(counts.values())} events for {len(counts)} payments")
        wrong = {order: count for order, count in counts.items() if count != 1}
        if wrong:
            order, count = next(iter(wrong.items()))
            raise StepFailed(f"The order service received {count} events of {order}, not one.")
