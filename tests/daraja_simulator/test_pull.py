"""Pull Transactions: rows by offset, and one code for "none" and for "not provisioned"."""

from datetime import timedelta
from typing import Any

import pytest

from daraja_simulator.wire import NAIROBI

from .shop import PHONE, SIMULATE, Shop

REGISTER, QUERY = "/pulltransactions/v1/register", "/pulltransactions/v1/query"
BODY = {
    "ShortCode": "174379",
    "RequestType": "Pull",
    "NominatedNumber": PHONE,
    "CallBackURL": "https://shop.example/pull",
}


def pull(shop: Shop, offset: int = 0, hours: float = 1, **changes: Any) -> Any:
    now = shop.simulator.state.now().astimezone(NAIROBI)
    start, end = now - timedelta(hours=hours), now + timedelta(minutes=1)
    body = {
        "ShortCode": "174379",
        "StartDate": start.strftime("%Y-%m-%d %H:%M:%S"),
        "EndDate": end.strftime("%Y-%m-%d %H:%M:%S"),
        "OffSetValue": str(offset),
    }
    return shop.daraja(QUERY, body | changes)


def pay(shop: Shop, amount: str = "168.00", reference: str = "SHOP1") -> None:
    body = {
        "ShortCode": "174379",
        "CommandID": "CustomerPayBillOnline",
        "Amount": amount,
        "Msisdn": PHONE,
        "BillRefNumber": reference,
    }
    assert shop.daraja(SIMULATE, body).status_code == 200
    shop.advance(2)


@pytest.fixture
def registered(shop: Shop) -> Shop:
    assert shop.daraja(REGISTER, BODY).json()["ResponseStatus"] == "1000"
    return shop


def test_a_wrong_token(shop: Shop) -> None:
    answer = shop.call("POST", QUERY, json={}, headers={"Authorization": "Bearer x"})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.001")


def test_a_second_registration_changes_nothing(registered: Shop) -> None:
    assert registered.daraja(REGISTER, BODY).json()["ResponseStatus"] == "1001"


def test_rows_are_a_list_in_a_list(registered: Shop) -> None:
    pay(registered)
    answer = pull(registered).json()
    assert (answer["ResponseCode"], answer["TotalPages"]) == ("1000", 1)
    [[row]] = answer["Response"]
    assert row["trxDate"].endswith("Z")
    assert row | {"transactionId": "", "trxDate": ""} == {
        "transactionId": "",
        "trxDate": "",
        "msisdn": int(PHONE),
        "sender": "CUSTOMER",
        "transactiontype": "c2b-pay-bill-debit",
        "billreference": "SHOP1",
        "amount": "168.00",
        "organizationname": "SIMULATED SHOP",
    }


def test_a_paid_prompt_is_a_row(registered: Shop) -> None:
    registered.pushed()
    registered.advance(5)
    [[row]] = pull(registered).json()["Response"]
    assert (row["billreference"], row["amount"]) == ("ORDER-1", "100.00")


def test_the_offset_counts_rows(registered: Shop) -> None:
    registered.options(pull_page_size=2, pull_style="flat")
    for number in range(3):
        pay(registered, reference=f"SHOP{number}")
    pages = [pull(registered, offset).json() for offset in (0, 2, 3)]
    assert [row["billreference"] for row in pages[0]["Response"]] == ["SHOP0", "SHOP1"]
    assert [row["billreference"] for row in pages[1]["Response"]] == ["SHOP2"]
    assert (pages[0]["TotalPages"], pages[2]["ResponseCode"]) == (2, "1001")
    registered.options(pull_repeats_page=True)
    assert pull(registered, 2).json()["Response"] == pages[0]["Response"]


def test_1001_means_none_and_not_provisioned(shop: Shop) -> None:
    pay(shop)
    not_registered = pull(shop).json()
    shop.daraja(REGISTER, BODY)
    shop.options(pull_provisioned=False)
    not_provisioned = pull(shop).json()
    shop.options(pull_provisioned=True)
    none = pull(shop, ShortCode="600000").json()
    for answer in (not_registered, not_provisioned, none):
        assert answer["ResponseCode"] == "1001"
        assert "RequestID" in answer
        assert "Response" not in answer
    assert pull(shop).json()["ResponseCode"] == "1000"


@pytest.mark.parametrize(("style", "status"), [("500", 500), ("empty", 200)])
def test_other_ways_to_say_none(registered: Shop, style: str, status: int) -> None:
    registered.options(pull_none=style)
    answer = pull(registered)
    assert answer.status_code == status
    assert status == 500 or answer.json()["Response"] == [[]]


def test_payments_of_another_time_are_left_out(registered: Shop) -> None:
    pay(registered)
    registered.advance(3 * 24 * 3600)
    registered._token = None
    assert pull(registered, hours=96).json()["ResponseCode"] == "1001"


@pytest.mark.parametrize(
    "changes",
    [
        {"OffSetValue": "x"},
        {"StartDate": "2026-13-01 00:00:00"},
        {"EndDate": "2020-01-01 00:00:00"},
        {"ShortCode": "x"},
    ],
    ids=str,
)
def test_the_error_names_an_invalid_field(registered: Shop, changes: dict[str, str]) -> None:
    [field] = changes
    assert pull(registered, **changes).json()["errorMessage"] == f"Bad Request - Invalid {field}"
