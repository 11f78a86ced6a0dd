"""M-Pesa post_callback two things, or somebody forges the second one. Money that differs goes to a person."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack

OF_EACH = sized(2, 100)
AMOUNT = 100


@dataclass
class PromptDriver:
    """Starts payments one by one and plays customer, M-Pesa, and a forger who knows the address."""

    stack: Stack
    token: str
    number: int = 0

    def begin(self, **script: Any) -> dict[str, Any]:
        """Start a payment; return its prompt as the simulator shows it."""
        self.number += 1
        phone = f"254710{self.number:06}"
        if script:
            self.stack.control("/script", {"for": "stk_push", "msisdn": phone, **script})
        answer = requests.post(
            f"{self.stack.url}/api/mpesa/initiate",
            json={"orderId": f"ORDER{self.number}", "amount": AMOUNT, "phoneNumber": phone},
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        checkout = answer.json()["data"]["checkoutRequestId"]
        return dict(self.stack.control(f"/prompts/{checkout}"))

    def act(self, prompt: dict[str, Any], what: str, **body: Any) -> str | None:
        """Act on the prompt; return its receipt, if it has one."""
        done = self.stack.control(f"/prompts/{prompt['checkoutRequestId']}/{what}", body)
        receipt: str | None = done["prompt"]["receipt"]
        return receipt

    def post_callback(self, prompt: dict[str, Any], code: int, receipt: str = "") -> None:
        """Post a callback to the payment's own address, well made."""
        callback: dict[str, Any] = {
            "MerchantRequestID": prompt["merchantRequestId"],
            "CheckoutRequestID": prompt["checkoutRequestId"],
            "ResultCode": code,
            "ResultDesc": "as posted",
        }
        if code == 0:
            items = {"Amount": AMOUNT, "MpesaReceiptNumber": receipt, "PhoneNumber": int(prompt["msisdn"])}
            callback["CallbackMetadata"] = {"Item": [{"Name": n, "Value": v} for n, v in items.items()]}
        data = json.dumps({"Body": {"stkCallback": callback}})
        assert requests.post(prompt["callbackUrl"], data=data, timeout=30).status_code == 200


def success_then_failure(driver: PromptDriver) -> None:
    prompt = driver.begin()
    driver.act(prompt, "pin", pin="0000")
    driver.post_callback(prompt, 1032)


def failure_then_forged_success(driver: PromptDriver) -> None:
    prompt = driver.begin()
    driver.act(prompt, "cancel")
    driver.post_callback(prompt, 0, f"FORGED{driver.number:04}")


def failure_then_success(driver: PromptDriver) -> None:
    prompt = driver.begin()
    driver.act(prompt, "expire")
    driver.act(prompt, "outcome", late=True)


def another_amount(driver: PromptDriver) -> None:
    driver.act(driver.begin(amount_in_callback=AMOUNT - 1), "pin", pin="0000")


def another_phone(driver: PromptDriver) -> None:
    driver.act(driver.begin(phone_in_callback=254799000000), "pin", pin="0000")


def a_receipt_seen_before(driver: PromptDriver) -> None:
    first, second = driver.begin(), driver.begin(callback="lost")
    receipt = driver.act(first, "pin", pin="0000")
    driver.post_callback(second, 0, str(receipt))
    driver.act(second, "pin", pin="0000")


CASES: dict[Callable[[PromptDriver], None], dict[str, int]] = {
    success_then_failure: {"succeeded": OF_EACH},
    failure_then_forged_success: {"canceled": OF_EACH},
    failure_then_success: {"succeeded": OF_EACH},
    another_amount: {"review": OF_EACH},
    another_phone: {"review": OF_EACH},
    a_receipt_seen_before: {"succeeded": OF_EACH, "review": OF_EACH},
}


@pytest.mark.timeout(sized(240, 1_200))
def test_mismatches(new_stack: Any) -> None:
    stack: Stack = new_stack(simulator={"auto": "hold"})
    driver = PromptDriver(stack, stack.token("shop"))
    expected: dict[str, int] = {}
    for case, ends in CASES.items():
        for _ in range(OF_EACH):
            case(driver)
        for status, count in ends.items():
            expected[status] = expected.get(status, 0) + count
    stack.settle()
    violations, tally = stack.audit()
    figures(
        "mismatches",
        of_each=OF_EACH,
        kinds=[case.__name__ for case in CASES],
        statuses=stack.statuses(),
        reviews=dict(stack.reasons_for_review()),
        checked=dict(tally.counts),
        violations=len(violations),
    )
    assert violations == []
    assert stack.statuses() == expected
