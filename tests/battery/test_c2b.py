"""Repeated confirmations: copies at once, and a prompt's callback beside its confirmation.

And one decision of two people at once. Each is one payment, published once; one approval.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import func, select

from mpesa_service.models import CallbackInbox, OutgoingEvent, Payment, PaymentEvent, PayoutBatch, PayoutEvent
from tests.battery.processes import wait_for
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack

COPIES = 100
RECEIPTS = sized(1, 20)
"""Of each kind: of an expected order, and of none."""
OF_EACH = sized(6, 150)
BATCHES = sized(6, 100)
CLIENTS = 8
AMOUNT = 100
WAGE = 500

Sale = tuple[str, str]
"""The CheckoutRequestID of a prompt and the receipt of its money."""


class Shop:
    """Sells by C2B and by prompt, and holds M-Pesa's callbacks until the test releases them."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._tokens = {who: stack.token(who, "admin") for who in ("shop", "amina", "otieno", "wanjiku")}
        self._customers = 0
        assert self.post("/c2b/register").ok

    def post(self, path: str, body: Any = None, who: str = "shop") -> requests.Response:
        url, headers = f"{self.stack.url}/api/mpesa{path}", {"Authorization": f"Bearer {self._tokens[who]}"}
        return requests.post(url, json=body or {}, headers=headers, timeout=60)

    def _customer(self, *, expected: bool) -> tuple[str, str]:
        """Return the next one's number, and what he pays for."""
        self._customers += 1
        order = f"ORDER{self._customers}"
        if expected:
            assert self.post("/orders", {"orderId": order, "amount": AMOUNT}).ok
        return f"254710{self._customers:06}", order

    def pay_by_c2b(self, *, expected: bool) -> str:
        """Let a customer pay without a report; return the receipt."""
        phone, order = self._customer(expected=expected)
        self.stack.control("/script", {"for": "c2b", "msisdn": phone, "fault": "confirmation_lost"})
        payment = {"msisdn": phone, "amount": AMOUNT, "billRefNumber": order}
        return str(self.stack.control("/c2b", payment)["transId"])

    def pay_by_prompt(self, *, expected: bool) -> Sale:
        """The same by PIN."""
        phone, order = self._customer(expected=expected)
        faults = ["callback_lost", "confirmation_lost"]
        self.stack.control("/script", {"for": "stk_push", "msisdn": phone, "fault": faults})
        answer = self.post("/initiate", {"orderId": order, "amount": AMOUNT, "phoneNumber": phone})
        checkout = answer.json()["data"]["checkoutRequestId"]
        prompt = self.stack.control(f"/prompts/{checkout}/pin", {"pin": "0000"})["prompt"]
        return checkout, prompt["receipt"]

    def call_back(self, sale: Sale, times: int = 1) -> Counter[int]:
        """Send the prompt's callback, so many times at once; count the answers."""
        return self._send({"checkoutRequestId": sale[0]}, times)

    def confirm(self, receipt: str, times: int = 1) -> Counter[int]:
        """Send the confirmation, so many times at once; count the answers."""
        return self._send({"transId": receipt}, times)

    def _send(self, what: dict[str, str], times: int) -> Counter[int]:
        sent = self.stack.control("/callbacks/resend", {**what, "times": times, "parallel": True})
        return Counter(attempt["status"] for attempt in sent["callbacks"])


def at_once(acts: Sequence[Callable[[], Any]]) -> list[Any]:
    with ThreadPoolExecutor(CLIENTS) as pool:
        return [found.result() for found in [pool.submit(act) for act in acts]]


def callback_first(shop: Shop, sale: Sale) -> None:
    assert shop.call_back(sale) == {200: 1}
    assert shop.confirm(sale[1]) == {200: 1}


def confirmation_first(shop: Shop, sale: Sale) -> None:
    assert shop.confirm(sale[1]) == {200: 1}
    assert shop.call_back(sale) == {200: 1}


def both_at_once(shop: Shop, sale: Sale) -> None:
    """Each of the two doubled."""
    both = (lambda: shop.call_back(sale, 2), lambda: shop.confirm(sale[1], 2))
    assert at_once(both) == [{200: 2}, {200: 2}]


ORDERS: tuple[Callable[[Shop, Sale], None], ...] = (callback_first, confirmation_first, both_at_once)


def counts(stack: Stack, column: Any, *conditions: Any) -> dict[str, int]:
    statement = select(column, func.count()).where(*conditions).group_by(column)
    with stack.runtime.database.read() as session:
        return {str(value): number for value, number in session.execute(statement)}


@pytest.mark.timeout(sized(120, 1_200))
def test_money_that_is_reported_again_is_one_payment(new_stack: Any) -> None:
    stack: Stack = new_stack(simulator={"auto": "hold"})
    shop = Shop(stack)
    receipts = [shop.pay_by_c2b(expected=bool(n % 2)) for n in range(2 * RECEIPTS)]
    copies = [shop.confirm(receipt, COPIES) for receipt in receipts]
    sales = [(order, shop.pay_by_prompt(expected=bool(n % 2))) for order in ORDERS for n in range(OF_EACH)]
    at_once([lambda report=report, sale=sale: report(shop, sale) for report, sale in sales])
    stack.settle()
    violations, tally = stack.audit()
    published = counts(stack, OutgoingEvent.type)
    figures(
        "repeated confirmations",
        receipts=len(receipts),
        copies_at_once=COPIES,
        prompts_of_each=OF_EACH,
        kinds=[order.__name__ for order in ORDERS],
        statuses=stack.statuses(),
        verdicts=counts(stack, CallbackInbox.verdict),
        published=published,
        checked=dict(tally.counts),
        violations=len(violations),
    )
    assert violations == []
    assert copies == [{200: COPIES}] * len(receipts)
    assert stack.statuses() == {"succeeded": RECEIPTS + len(sales), "review": RECEIPTS}
    assert published == {
        "payment.succeeded": RECEIPTS + len(sales),
        "payment.review": RECEIPTS,
        "order.paid": RECEIPTS + len(sales) // 2,
    }
    assert counts(stack, PaymentEvent.cause, PaymentEvent.cause.in_(["paid", "unmatched"])) == {
        "paid": RECEIPTS + len(sales),
        "unmatched": RECEIPTS,
    }
    known = counts(stack, Payment.receipt)
    assert known == dict.fromkeys([*receipts, *(receipt for _, (_, receipt) in sales)], 1)


@pytest.mark.timeout(sized(120, 1_200))
def test_two_approvers_at_once_approve_once(new_stack: Any) -> None:
    stack: Stack = new_stack(PAYOUTS_PER_MINUTE="6000", PAYOUT_APPROVAL_THRESHOLD="0")
    shop, answers = Shop(stack), []
    for number in range(BATCHES):
        row = {"type": "b2c", "phoneNumber": f"254720{number:06}", "amount": WAGE}
        made = shop.post("/payouts", {"reference": f"WAGES{number}", "rows": [row]}, "amina").json()["data"]
        path = f"/payouts/{made['_id']}/approve"
        acts = [lambda who=who, path=path: shop.post(path, who=who) for who in ("otieno", "wanjiku", "amina")]
        answers += [str(answer.status_code) for answer in at_once(acts)]
    stack.settle()
    wait_for(lambda: counts(stack, PayoutBatch.status) == {"done": BATCHES}, "the job to close the batches")
    violations, tally = stack.audit()
    published = counts(stack, OutgoingEvent.type)
    figures(
        "two approvers at once",
        batches=BATCHES,
        answers=Counter(answers),
        published=published,
        checked=dict(tally.counts),
        violations=len(violations),
    )
    assert violations == []
    approvals = counts(stack, PayoutEvent.actor, PayoutEvent.cause == "approved")
    assert sum(approvals.values()) == answers.count("200") == BATCHES
    assert set(approvals) <= {"otieno", "wanjiku"}
    assert published == {
        "payout_batch.waiting_approval": BATCHES,
        "approval.waiting": BATCHES,
        "approval.approved": BATCHES,
        "payout.succeeded": BATCHES,
        "payout_batch.done": BATCHES,
    }
