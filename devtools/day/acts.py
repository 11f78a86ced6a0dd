"""The day's acts, in order. Each calls the service as its people would, and keeps what it began."""

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeVar

from devtools.day.client import Json, People
from devtools.day.plan import Plan, Sale
from devtools.narration import Narrator
from devtools.problems import StepFailed

Item = TypeVar("Item")
UNANSWERED = frozenset({202})
LEAST_TO_SPLIT = 40
"""Shillings; M-Pesa sends nothing below ten."""


@dataclass
class Begun:
    """What the day has begun, to be looked up when the books are compared."""

    payments: list[str] = field(default_factory=list)
    refunded: list[str] = field(default_factory=list)
    batch: str = ""


class Acts:
    """Plays the plan. Every act raises StepFailed when the service answers as it must not."""

    def __init__(self, plan: Plan, people: People, narrator: Narrator) -> None:
        self._plan = plan
        self._people = people
        self._narrator = narrator
        self.begun = Begun()

    def open_the_shop(self) -> None:
        """Register the shop's C2B addresses, and announce the orders that will be paid from the menu."""
        self._narrator.step("The operator registers the C2B addresses; the shop announces its orders")
        self._people.call("operator", "POST", "c2b/register", {"responseType": "Completed"})
        self._every("orders announced", self._announce, self._plan.expected)

    def pay_wages(self) -> None:
        """Upload the payout file; its maker cannot approve it, a second admin can."""
        wages = self._plan.wages
        self._narrator.step(f"The operator uploads {len(wages)} payouts; a second admin approves them")
        path = f"payouts?reference=WAGES-{self._plan.seed}&description=Wages"
        headers = {"Content-Type": "text/csv"}
        made = self._people.call("operator", "POST", path, headers=headers, data=_csv(self._plan))
        self.begun.batch = made["data"]["_id"]
        self._narrator.fact("status", made["data"]["status"])
        own = self._people.call(
            "operator", "POST", f"payouts/{self.begun.batch}/approve", accept=frozenset({403, 409})
        )
        if own.get("success"):
            raise StepFailed("The one who made the payouts could approve them.")
        self._narrator.fact("own approval", own["message"])
        approved = self._people.call("approver", "POST", f"payouts/{self.begun.batch}/approve")
        self._narrator.fact("status", approved["data"]["status"])

    def sell_by_prompt(self) -> None:
        """Ask every customer of the web shop for the PIN."""
        self._narrator.step(f"{len(self._plan.prompted)} customers are prompted (STK push)")
        self._every("prompts", self._prompt, self._plan.prompted)

    def sell_by_menu(self) -> None:
        """Have customers pay from the phone's own menu; some type a reference that nobody has."""
        sales = [*self._plan.expected, *self._plan.strange]
        self._narrator.step(
            f"{len(sales)} customers pay from the phone's menu (C2B),"
            f" {len(self._plan.strange)} with a reference that fits nothing"
        )
        self._every("menu payments", self._pay_from_menu, sales)

    def give_back(self, paid: Callable[[], list[Json]]) -> None:
        """Refund as many payments as planned, half by B2C and half by reversal, once they are paid."""
        self._narrator.step(f"The operator refunds {self._plan.refunds} payments, by B2C and by reversal")
        refundable = [p for p in paid() if p["status"] == "succeeded" and p["mpesaReceiptNumber"]]
        half = self._plan.refunds // 2
        to_phones = [("b2c", p) for p in refundable if p["channel"] == "stk"][:half]
        taken = {payment["_id"] for _, payment in to_phones}
        others = (("reversal", p) for p in refundable if p["_id"] not in taken and p["orderId"])
        chosen = [*to_phones, *islice(others, self._plan.refunds - half)]
        if len(chosen) < self._plan.refunds:
            raise StepFailed(f"Only {len(chosen)} payments can be refunded, not {self._plan.refunds}.")
        self._every("refunds", self._refund, chosen)

    def find_homes(self) -> None:
        """Match money that fits nothing to an order, send some back, and leave the rest to be seen."""
        listed = self._people.call("operator", "GET", "unmatched?limit=50")["data"]
        found = [item["payment"] for item in listed]
        self._narrator.step(f"{len(found)} payments fit nothing: half are matched, a quarter is sent back")
        half, quarter = len(found) // 2, len(found) // 4
        for number, item in enumerate(found[: half + quarter]):
            if number < half:
                self._match(number, item)
            else:
                reason = {"reason": "nobody knows the payer"}
                self._people.call(
                    "operator", "POST", f"unmatched/{item['_id']}/return", reason, accept=UNANSWERED
                )
                self.begun.refunded.append(item["_id"])

    def _every(self, name: str, act: Callable[[Item], Any], items: Iterable[Item]) -> None:
        todo = list(items)
        with self._narrator.bars(len(todo), name) as show:
            done = iter(range(1, len(todo) + 1))
            self._people.all(act, todo, lambda: show(name, next(done)))

    def _announce(self, sale: Sale) -> None:
        self._people.call("shop", "POST", "orders", {"orderId": sale.order, "amount": sale.amount})

    def _prompt(self, sale: Sale) -> None:
        body = {"orderId": sale.order, "amount": sale.amount, "phoneNumber": sale.msisdn}
        answer = self._people.call("shop", "POST", "initiate", body, key=sale.order, accept=UNANSWERED)
        self.begun.payments.append(answer["data"]["payment"]["_id"])

    def _pay_from_menu(self, sale: Sale) -> None:
        body = {"msisdn": sale.msisdn, "amount": sale.amount, "billRefNumber": sale.reference}
        self._people.simulator("POST", "c2b", body)

    def _refund(self, wish: tuple[str, Json]) -> None:
        method, payment = wish
        body: Json = {"method": method}
        if method == "b2c" and payment["amount"] % 2 and payment["amount"] >= LEAST_TO_SPLIT:
            body["amount"] = payment["amount"] // 2
        key, path = f"refund-{payment['_id']}", f"{payment['_id']}/refund"
        self._people.call("operator", "POST", path, body, key=key, accept=UNANSWERED)
        self.begun.refunded.append(payment["_id"])

    def _match(self, number: int, item: Json) -> None:
        order = {"orderId": f"FOUND{number}", "amount": item["amount"]}
        self._people.call("shop", "POST", "orders", order)
        body = {"orderId": order["orderId"], "reason": "the customer called"}
        self._people.call("operator", "POST", f"unmatched/{item['_id']}/match", body)


def _csv(plan: Plan) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(("type", "phoneNumber", "amount", "remarks"))
    writer.writerows(("b2c", wage.msisdn, wage.amount, "Wages") for wage in plan.wages)
    return text.getvalue().encode()
