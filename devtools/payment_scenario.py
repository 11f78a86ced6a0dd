"""The demo's first scenario: one payment, from the request to the last refund."""

import secrets
import time

from devtools.comparison import disagreement, ledger_movements, record_movements
from devtools.console_output import ConsoleOutput
from devtools.demo_client import DemoClient, Json
from devtools.errors import StepFailed
from devtools.stop_request import StopRequest

AMOUNT = 1_000
FIRST_REFUND = 400
TOO_MUCH = AMOUNT - FIRST_REFUND + 1
EVENTS = ("succeeded", "refund", "partially refunded", "refund", "refunded")
_STATUS_TIMEOUT = 5.0
_WEBHOOK_TIMEOUT = 30.0
"""The worker, which delivers the webhooks, may still be starting."""
_POLL_INTERVAL = 0.1


class PaymentScenario:
    """Acts as shop, customer and operator in turn. Every step raises StepFailed on an unexpected result."""

    def __init__(self, client: DemoClient, output: ConsoleOutput, stop: StopRequest) -> None:
        self._client = client
        self._output = output
        self._stop = stop
        self._order = f"DEMO-{secrets.token_hex(3).upper()}"
        # A new number, whose last six digits do not choose an outcome (those begin with 99).
        self._msisdn = (
            f"2547{secrets.randbelow(100):02d}{secrets.randbelow(90):02d}{secrets.randbelow(10_000):04d}"
        )
        self._reference = ""

    def run(self) -> None:
        """Run all steps."""
        for step in (
            self._initiate,
            self._show_prompt,
            self._enter_pin,
            self._query,
            self._check_fulfilled,
            self._refund_a_part,
            self._refund_too_much,
            self._refund_the_rest,
            self._check_order_refunded,
            self._compare,
        ):
            self._stop.check()
            step()

    def _initiate(self) -> None:
        self._output.step("The shop requests a payment: POST /api/mpesa/initiate")
        self._hold("stk_push")
        started = self._client.initiate(self._order, AMOUNT, self._msisdn)
        self._reference = started["checkoutRequestId"]
        payment = started["payment"]
        self._values(
            order=payment["orderId"],
            amount=_shillings(payment["amount"]),
            phone=payment["phoneNumber"],
            checkout_id=self._reference,
        )
        self._expect_status(payment, "pending")

    def _show_prompt(self) -> None:
        self._output.step("The customer's phone shows the prompt")
        prompt = self._client.simulator("GET", f"prompts/{self._reference}")
        _require("the prompt", prompt["state"], "open")
        self._output.phone_screen(
            prompt["msisdn"],
            f"Do you want to pay Ksh{prompt['amount']:,}.00 to {prompt['shortcode']},"
            f" account no. {prompt['accountReference']}?\nEnter M-PESA PIN: ____",
        )

    def _enter_pin(self) -> None:
        self._output.step("The customer types the PIN and presses OK")
        answer = self._client.simulator("POST", f"prompts/{self._reference}/pin", {"pin": "0000"})
        _require("the prompt", answer["prompt"]["state"], "paid")
        self._output.value("PIN", "****")
        self._output.step("M-Pesa sends the callback: POST /api/mpesa/callback/<token>")
        if not answer["callbacks"]:
            raise StepFailed("This step failed: M-Pesa sent no callback.")
        self._show_callback(answer["callbacks"][0])

    def _show_callback(self, sent: Json) -> None:
        callback = sent["body"]["Body"]["stkCallback"]
        items = {item["Name"]: item.get("Value") for item in callback["CallbackMetadata"]["Item"]}
        self._values(
            result=f"{callback['ResultCode']} {callback['ResultDesc']}",
            amount=_shillings(items["Amount"]),
            receipt=items["MpesaReceiptNumber"],
            response=f"{sent['status']} {sent['answer']}",
        )
        _require("the response to the callback", sent["status"], 200)

    def _query(self) -> None:
        self._output.step("The shop queries the payment: GET /api/mpesa/query/<checkout id>")
        payment = self._await_status("succeeded")
        self._values(receipt=payment["mpesaReceiptNumber"], paid_at=payment["paidAt"])

    def _refund_a_part(self) -> None:
        self._output.step(f"An operator refunds a part, {_shillings(FIRST_REFUND)}")
        self._refund(FIRST_REFUND, "partially_refunded")

    def _refund_too_much(self) -> None:
        self._output.step(f"The API refuses a refund of {_shillings(TOO_MUCH)}, more than the rest")
        error = self._client.refused_refund(self._reference, TOO_MUCH)
        self._values(code=error["code"], message=error["message"])
        _require("the refusal", error["code"], "refund_too_large")

    def _refund_the_rest(self) -> None:
        self._output.step(f"An operator refunds the rest, {_shillings(AMOUNT - FIRST_REFUND)}")
        self._refund(None, "refunded")

    def _check_fulfilled(self) -> None:
        self._output.step("The order service receives a signed webhook and fulfills the order")
        order = self._await_order("fulfilled", 1)
        self._values(receipt=order["receipt"], amount=_shillings(order["amount"]))

    def _check_order_refunded(self) -> None:
        self._output.step("The order service receives the events of the refunds")
        order = self._await_order("refunded", len(EVENTS))
        self._values(events=f"{order['events']}: {', '.join(EVENTS)}")

    def _await_order(self, wanted: str, events: int) -> Json:
        """Wait until the order service has received this number of events and the order has this status."""
        deadline = time.monotonic() + _WEBHOOK_TIMEOUT
        order = self._known_order()
        while (order["status"], order["events"]) != (wanted, events) and time.monotonic() < deadline:
            self._stop.pause(_POLL_INTERVAL)
            order = self._known_order()
        self._values(order=self._order)
        self._output.value("status", order["status"], "green" if order["status"] == wanted else "red")
        _require("the order", order["status"], wanted)
        _require("the number of events", order["events"], events)
        return order

    def _known_order(self) -> Json:
        return self._client.orders().get(self._order, {"status": "missing", "events": 0})

    def _compare(self) -> None:
        self._output.step("M-Pesa's ledger and the service's record")
        payment = self._client.payment(self._reference)
        self._expect_status(payment, "refunded")
        ledger = ledger_movements(self._client.simulator("GET", "ledger"), self._msisdn)
        record = record_movements(payment)
        self._output.movements_by_receipt(ledger, record)
        difference = disagreement(ledger, record, payment)
        if difference is not None:
            raise StepFailed(f"The ledger and the record differ: {difference}")
        if ledger.net != 0:
            raise StepFailed(f"The payment is refunded in full, but {_shillings(ledger.net)} are missing.")
        self._output.success("The ledger and the record agree.")

    def _refund(self, amount: int | None, status: str) -> None:
        self._hold("b2c")
        refund = self._client.refund(self._reference, amount)
        self._values(refund=_shillings(refund["refundAmount"]), at_first=refund["status"])
        _require("the refund", refund["status"], "pending")
        payouts = self._client.simulator("GET", "b2c")["payouts"]
        ours = next((one for one in payouts if one["conversationId"] == refund["refundId"]), None)
        if ours is None:
            raise StepFailed("The refund did not reach M-Pesa.")
        self._client.simulator("POST", f"b2c/{ours['originatorConversationId']}/complete")
        payment = self._await_status(status)
        receipt = next(one["mpesaReceiptNumber"] for one in payment["refunds"] if one["_id"] == refund["_id"])
        self._values(
            receipt=receipt, refunded=f"{_shillings(payment['refundedAmount'])} of {_shillings(AMOUNT)}"
        )

    def _hold(self, operation: str) -> None:
        """Make the simulator wait for instructions after the next request for this number."""
        script: Json = {"for": operation, "msisdn": self._msisdn, "outcome": "hold"}
        self._client.simulator("POST", "script", script)

    def _await_status(self, wanted: str) -> Json:
        deadline = time.monotonic() + _STATUS_TIMEOUT
        payment = self._client.payment(self._reference)
        while payment["status"] != wanted and time.monotonic() < deadline:
            self._stop.pause(_POLL_INTERVAL)
            payment = self._client.payment(self._reference)
        self._expect_status(payment, wanted)
        return payment

    def _expect_status(self, payment: Json, wanted: str) -> None:
        self._output.value("status", payment["status"], "green" if payment["status"] == wanted else "red")
        _require("the payment", payment["status"], wanted)

    def _values(self, **values: object) -> None:
        for name, value in values.items():
            self._output.value(name.replace("_", " "), value)


def _require(what: str, found: object, wanted: object) -> None:
    if found != wanted:
        raise StepFailed(f"This step failed: expected {what} to be {wanted}, but it is {found}.")


def _shillings(amount: float) -> str:
    return f"KES {amount:,.0f}"
