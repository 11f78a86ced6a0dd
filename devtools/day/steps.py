"""The steps of the day. Each calls the service, and stores the ids of what it started."""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from devtools.console_output import ConsoleOutput
from devtools.day.client import DayClient, Json
from devtools.day.plan import Plan, Sale
from devtools.errors import StepFailed

Item = TypeVar("Item")
UNKNOWN_OUTCOME = frozenset({202})
LEAST_TO_SPLIT = 40
"""Shillings. Both parts of a split refund are then above M-Pesa's minimum of ten."""


@dataclass
class Started:
    """The ids of what the day started, for the comparison at the end."""

    payments: list[str] = field(default_factory=list)
    refunded: list[str] = field(default_factory=list)
    batch: str = ""


class DaySteps:
    """Runs the plan. Every step raises StepFailed on an unexpected response."""

    def __init__(self, plan: Plan, client: DayClient, output: ConsoleOutput) -> None:
        self._plan = plan
        self._client = client
        self._output = output
        self.started = Started()

    def register(self) -> None:
        """Register the shop's C2B addresses, and the expected orders of the C2B payments."""
        self._output.step("The operator registers the C2B addresses; the shop registers expected orders")
        self._client.call("operator", "POST", "c2b/register", {"responseType": "Completed"})
        self._for_each("expected orders", self._expect_order, self._plan.c2b)

    def send_payouts(self) -> None:
        """Upload the payout file. The admin who uploads it cannot approve it; a second admin can."""
        payouts = self._plan.payouts
        self._output.step(f"The operator uploads {len(payouts)} payouts; a second admin approves them")
        path = f"payouts?reference=WAGES-{self._plan.seed}&description=Wages"
        headers = {"Content-Type": "text/csv"}
        made = self._client.call("operator", "POST", path, headers=headers, data=_csv(self._plan))
        self.started.batch = made["data"]["_id"]
        self._output.value("status", made["data"]["status"])
        own = self._client.call(
            "operator", "POST", f"payouts/{self.started.batch}/approve", accept=frozenset({403, 409})
        )
        if own.get("success"):
            raise StepFailed("The admin who uploaded the payouts could approve them.")
        self._output.value("own approval", own["message"])
        approved = self._client.call("approver", "POST", f"payouts/{self.started.batch}/approve")
        self._output.value("status", approved["data"]["status"])

    def take_stk_payments(self) -> None:
        """Start the web shop's payments."""
        self._output.step(f"{len(self._plan.stk)} customers receive a prompt (STK push)")
        self._for_each("prompts", self._initiate, self._plan.stk)

    def take_c2b_payments(self, when: str, sales: Sequence[Sale]) -> None:
        """Make C2B payments. Some of them have a reference that matches no order."""
        unmatched = sum(sale in self._plan.unmatched for sale in sales)
        self._output.step(
            f"{len(sales)} customers pay by C2B in the {when}, {unmatched} of them for no known order"
        )
        self._for_each("C2B payments", self._pay_by_c2b, sales)

    def refund(self, payments: Callable[[], list[Json]]) -> None:
        """Refund as many payments as planned, half by B2C and half by reversal."""
        self._output.step(f"The operator refunds {self._plan.refunds} payments, by B2C and by reversal")
        refundable = [p for p in payments() if p["status"] == "succeeded" and p["mpesaReceiptNumber"]]
        half = self._plan.refunds // 2
        by_b2c = [("b2c", p) for p in refundable if p["channel"] == "stk"][:half]
        taken = {payment["_id"] for _, payment in by_b2c}
        others = (("reversal", p) for p in refundable if p["_id"] not in taken and p["orderId"])
        chosen = [*by_b2c, *islice(others, self._plan.refunds - half)]
        if len(chosen) < self._plan.refunds:
            raise StepFailed(f"Only {len(chosen)} payments can be refunded, not {self._plan.refunds}.")
        self._for_each("refunds", self._refund, chosen)

    def resolve_unmatched(self) -> None:
        """Match half of the unmatched money to orders, return a quarter, and leave the rest."""
        listed = self._client.call("operator", "GET", "unmatched?limit=50")["data"]
        found = [item["payment"] for item in listed]
        self._output.step(
            f"The operator matches half of the {len(found)} unmatched payments and returns a quarter"
        )
        half, quarter = len(found) // 2, len(found) // 4
        for number, item in enumerate(found[: half + quarter]):
            if number < half:
                self._match(number, item)
            else:
                reason = {"reason": "the payer is unknown"}
                self._client.call(
                    "operator", "POST", f"unmatched/{item['_id']}/return", reason, accept=UNKNOWN_OUTCOME
                )
                self.started.refunded.append(item["_id"])

    def _for_each(self, name: str, action: Callable[[Item], Any], items: Iterable[Item]) -> None:
        todo = list(items)
        with self._output.progress(len(todo), name) as show:
            done = iter(range(1, len(todo) + 1))
            self._client.for_each(todo, action, lambda: show(name, next(done)))

    def _expect_order(self, sale: Sale) -> None:
        self._client.call("shop", "POST", "orders", {"orderId": sale.order, "amount": sale.amount})

    def _initiate(self, sale: Sale) -> None:
        body = {"orderId": sale.order, "amount": sale.amount, "phoneNumber": sale.msisdn}
        answer = self._client.call("shop", "POST", "initiate", body, key=sale.order, accept=UNKNOWN_OUTCOME)
        self.started.payments.append(answer["data"]["payment"]["_id"])

    def _pay_by_c2b(self, sale: Sale) -> None:
        body = {"msisdn": sale.msisdn, "amount": sale.amount, "billRefNumber": sale.reference}
        self._client.simulator("POST", "c2b", body)

    def _refund(self, chosen: tuple[str, Json]) -> None:
        method, payment = chosen
        body: Json = {"method": method}
        if method == "b2c" and payment["amount"] % 2 and payment["amount"] >= LEAST_TO_SPLIT:
            body["amount"] = payment["amount"] // 2
        key, path = f"refund-{payment['_id']}", f"{payment['_id']}/refund"
        self._client.call("operator", "POST", path, body, key=key, accept=UNKNOWN_OUTCOME)
        self.started.refunded.append(payment["_id"])

    def _match(self, number: int, item: Json) -> None:
        order = {"orderId": f"FOUND{number}", "amount": item["amount"]}
        self._client.call("shop", "POST", "orders", order)
        body = {"orderId": order["orderId"], "reason": "the customer called"}
        self._client.call("operator", "POST", f"unmatched/{item['_id']}/match", body)


def _csv(plan: Plan) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("type", "phoneNumber", "amount", "remarks"))
    writer.writerows(("b2c", row.msisdn, row.amount, "Wages") for row in plan.payouts)
    return text.getvalue().encode()
