"""Callbacks as M-Pesa posts them."""

import json
from typing import Any

import requests

from tests.support import PHONE, Service

SUCCESS = {"ResultCode": 0, "ResultDesc": "Success"}


def stk_body(service: Service, checkout: str, **changes: Any) -> dict[str, Any]:
    """Return what M-Pesa posts for a paid prompt, changed."""
    items: dict[str, Any] = {
        "Amount": changes.pop("amount", 100.0),
        "MpesaReceiptNumber": changes.pop("receipt", "NLJ7RT61SV"),
        "TransactionDate": 20261122120000,
        "PhoneNumber": changes.pop("phone", int(PHONE)),
    }
    callback: dict[str, Any] = {
        "MerchantRequestID": service.row(checkout).merchant_request_id,
        "CheckoutRequestID": checkout,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "CallbackMetadata": {"Item": [{"Name": n, "Value": v} for n, v in items.items() if v is not None]},
    }
    callback.update(changes)
    if callback["ResultCode"] != 0:
        del callback["CallbackMetadata"]
    return {"Body": {"stkCallback": callback}}


def post(url: str, body: Any) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = requests.post(url, data=data, headers={"Content-Type": "application/json"}, timeout=5)
    assert (answer.status_code, answer.json()) == (200, SUCCESS)


def plain(service: Service) -> str:
    return f"{service.url}/api/mpesa/callback"


def verdicts(service: Service) -> list[str]:
    return [row.verdict for row in service.inbox()]
