"""The demo's story: one payment, from the request to the last shilling paid back."""

import secrets
import time

from devtools.books import disagreement, ledger_book, service_book
from devtools.client import Counterparts, Json
from devtools.narration import Narrator
from devtools.problems import StepFailed
from devtools.stopping import StopRequest

AMOUNT = 1_000
FIRST_REFUND = 400
TOO_MUCH = AMOUNT - FIRST_REFUND + 1
ANNOUNCED = ("succeeded", "refund", "partially refunded", "refund", "refunded")
_PATIENCE = 5.0
_TOLD_PATIENCE = 30.0
"""The worker that tells may still be starting."""
_LOOK = 0.1


class Story:
    """Plays shop, customer and operator in turn. Every step raises StepFailed when it comes out wrong."""

    def __init__(self, counterparts: Counterparts, narrator: Narrator, stop: StopRequest) -> None:
        self._http = counterparts
        self._narrator = narrator
        self._stop = stop
        self._order = f"DEMO-{secrets.token_hex(3).upper()}"
        # Nobody else's number, and none whose last digits choose an outcome (99 and four more do).
        self._msisdn = (
            f"2547{secrets.randbelow(100):02d}{secrets.randbelow(90):02d}{secrets.randbelow(10_000):04d}"
        )
        self._reference = ""

    def tell(self) -> None:
        """Go through all steps."""
        for step in (
            self._shop_asks,
            self._phone_shows_prompt,
            self._customer_pays,
            self._payment_succeeded,
            self._order_is_fulfilled,
            self._part_is_refunded,
            self._too_much_is_refused,
            self._rest_is_refunded,
            self._order_is_refunded,
            self._books_agree,
        ):
            self._stop.check()
            step()

    def _shop_asks(self) -> None:
        self._narrator.step("The shop asks for a payment: POST /api/mpesa/initiate")
        self._hold("stk_push")
        started = self._http.initiate(self._order, AMOUNT, self._msisdn)
        self._reference = started["checkoutRequestId"]
        payment = started["payment"]
        self._facts(
            order=payment["orderId"],
            amount=_shillings(payment["amount"]),
            phone=payment["phoneNumber"],
            checkout_id=self._reference,
        )
        self._expect_status(payment, "pending")

    def _phone_shows_prompt(self) -> None:
        self._narrator.step("The customer's phone shows the prompt")
        prompt = self._http.simulator("GET", f"prompts/{self._reference}")
        _require("the prompt", prompt["state"], "open")
        self._narrator.handset(
            prompt["msisdn"],
            f"Do you want to pay Ksh{prompt['amount']:,}.00 to {prompt['shortcode']},"
            f" account no. {prompt['accountReference']}?\nEnter M-PESA PIN: ____",
        )

    def _customer_pays(self) -> None:
        self._narrator.step("The customer types the PIN and presses OK")
        answer = self._http.simulator("POST", f"prompts/{self._reference}/pin", {"pin": "0000"})
        _require("the prompt", answer["prompt"]["state"], "paid")
        self._narrator.fact("PIN", "****")
        self._narrator.step("M-Pesa calls back: POST /api/mpesa/callback/<token>")
        if not answer["callbacks"]:
            raise StepFailed("This step failed: M-Pesa sent no callback.")
        self._callback(answer["callbacks"][0])

    def _callback(self, sent: Json) -> None:
        callback = sent["body"]["Body"]["stkCallback"]
        items = {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}
        self._facts(
            result=f"{callback['ResultCode']} {callback['ResultDesc']}",
            amount=_shillings(items["Amount"]),
            receipt=items["MpesaReceiptNumber"],
            answered=f"{sent['status']} {sent['answer']}",
        )
        _require("the answer to the callback", sent["status"], 200)

    def _payment_succeeded(self) -> None:
        self._narrator.step("The shop asks what became of it: GET /api/mpesa/query/<checkout id>")
        payment = self._await_status("succeeded")
        self._facts(receipt=payment["mpesaReceiptNumber"], paid_at=payment["completedAt"])

    def _part_is_refunded(self) -> None:
        self._narrator.step(f"An operator refunds a part, {_shillings(FIRST_REFUND)}")
        self._refund(FIRST_REFUND, "partially_refunded")

    def _too_much_is_refused(self) -> None:
        self._narrator.step(f"More than is left, {_shillings(TOO_MUCH)}, is refused")
        error = self._http.refused_refund(self._reference, TOO_MUCH)
        self._facts(code=error["code"], message=error["message"])
        _require("the refusal", error["code"], "refund_too_large")

    def _rest_is_refunded(self) -> None:
        self._narrator.step(f"The rest is refunded, {_shillings(AMOUNT - FIRST_REFUND)}")
        self._refund(None, "refunded")

    def _order_is_fulfilled(self) -> None:
        self._narrator.step("The order service is told by a signed webhook, and fulfils the order")
        order = self._await_order("fulfilled", 1)
        self._facts(receipt=order["receipt"], amount=_shillings(order["amount"]))

    def _order_is_refunded(self) -> None:
        self._narrator.step("The order service is told of the refunds as well")
        order = self._await_order("refunded", len(ANNOUNCED))
        self._facts(events=f"{order['events']}: {', '.join(ANNOUNCED)}")

    def _await_order(self, wanted: str, events: int) -> Json:
        """Wait until the order service has heard so many different events and says `wanted`."""
        deadline = time.monotonic() + _TOLD_PATIENCE
        order = self._told()
        while (order["status"], order["events"]) != (wanted, events) and time.monotonic() < deadline:
            self._stop.pause(_LOOK)
            order = self._told()
        self._facts(order=self._order)
        self._narrator.fact("status", order["status"], "green" if order["status"] == wanted else "red")
        _require("the order", order["status"], wanted)
        _require("the number of events", order["events"], events)
        return order

    def _told(self) -> Json:
        return self._http.orders().get(self._order, {"status": "not told of", "events": 0})

    def _books_agree(self) -> None:
        self._narrator.step("M-Pesa's ledger beside the service's record")
        payment = self._http.payment(self._reference)
        self._expect_status(payment, "refunded")
        ledger = ledger_book(self._http.simulator("GET", "ledger"), self._msisdn)
        record = service_book(payment)
        self._narrator.books(ledger, record)
        difference = disagreement(ledger, record, payment)
        if difference is not None:
            raise StepFailed(f"The books do not agree: {difference}")
        if ledger.net != 0:
            raise StepFailed(f"All was refunded, and yet {_shillings(ledger.net)} are missing.")
        self._narrator.say("     Both agree, shilling for shilling.", "bold green")

    def _refund(self, amount: int | None, then: str) -> None:
        self._hold("b2c")
        refund = self._http.refund(self._reference, amount)
        self._facts(refund=_shillings(refund["refundAmount"]), now=refund["status"])
        _require("the refund", refund["status"], "pending")
        payouts = self._http.simulator("GET", "b2c")["payouts"]
        ours = next((one for one in payouts if one["conversationId"] == refund["refundId"]), None)
        if ours is None:
            raise StepFailed("The refund did not reach M-Pesa.")
        self._http.simulator("POST", f"b2c/{ours['originatorConversationId']}/complete")
        payment = self._await_status(then)
        receipt = next(one["mpesaReceiptNumber"] for one in payment["refunds"] if one["_id"] == refund["_id"])
        self._facts(
            receipt=receipt, refunded=f"{_shillings(payment['refundedAmount'])} of {_shillings(AMOUNT)}"
        )

    def _hold(self, operation: str) -> None:
        """Keep the simulator from acting by itself on the next request for this number."""
        script: Json = {"for": operation, "msisdn": self._msisdn, "outcome": "hold"}
        self._http.simulator("POST", "script", script)

    def _await_status(self, wanted: str) -> Json:
        deadline = time.monotonic() + _PATIENCE
        payment = self._http.payment(self._reference)
        while payment["status"] != wanted and time.monotonic() < deadline:
            self._stop.pause(_LOOK)
            payment = self._http.payment(self._reference)
        self._expect_status(payment, wanted)
        return payment

    def _expect_status(self, payment: Json, wanted: str) -> None:
        self._narrator.fact("status", payment["status"], "green" if payment["status"] == wanted else "red")
        _require("the payment", payment["status"], wanted)

    def _facts(self, **facts: object) -> None:
        for name, value in facts.items():
            self._narrator.fact(name.replace("_", " "), value)


def _require(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise StepFailed(f"This step failed: {what} should be {wanted}, and is {found}.")


def _shillings(amount: float) -> str:
    return f"KES {amount:,.0f}"
