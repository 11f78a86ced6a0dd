"""C2B URL registration."""

from typing import Any

import pytest

from .shop import REGISTER_V2, Shop

BODY = {
    "ShortCode": 600984,
    "ResponseType": "Completed",
    "ConfirmationURL": "https://shop.example/c2b/confirm",
    "ValidationURL": "https://shop.example/c2b/validate",
}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_registration(shop: Shop, version: str) -> None:
    answer = shop.daraja(f"/mpesa/c2b/{version}/registerurl", BODY)
    assert answer.status_code == 200
    assert list(answer.json()) == [
        "OriginatorCoversationID",
        "ResponseCode",
        "ResponseDescription",
    ]
    assert answer.json()["ResponseCode"] == "0"
    registered = shop.ledger()["c2bUrls"]["600984"]
    assert registered["version"] == version
    assert registered["confirmationUrl"] == BODY["ConfirmationURL"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ShortCode", "x"),
        ("ResponseType", "completed"),
        ("ConfirmationURL", ""),
        ("ValidationURL", 5),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.daraja(REGISTER_V2, BODY | {field: value})
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"


def test_a_second_registration_in_sandbox_and_production(shop: Shop) -> None:
    assert shop.daraja(REGISTER_V2, BODY).status_code == 200
    assert shop.daraja(REGISTER_V2, BODY).status_code == 200
    shop.options(c2b_register_once=True)
    answer = shop.daraja(REGISTER_V2, BODY)
    assert answer.status_code == 500
    assert answer.json()["errorCode"] == "500.003.1001"
    assert answer.json()["errorMessage"] == "Urls are already registered."
