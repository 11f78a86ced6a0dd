"""The options lenient and any_credential, and refusals that name the broken limit."""

import json
from typing import Any

import pytest

from .receiver import Receiver
from .shop import B2B, B2C_V3, BALANCE, PHONE, PUSH, REGISTER_V2, REVERSAL, SIMULATE, STATUS, Shop

REASON = "X-Simulator-Reason"


def authorized(shop: Shop, path: str, **options: Any) -> Any:
    headers = {"Authorization": f"Bearer {shop.token}"} | options.pop("headers", {})
    return shop.call("POST", path, headers=headers, **options)


def without(body: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name not in names}


def test_both_are_off_by_default(shop: Shop) -> None:
    options = shop.simulator.get("/simulator/options")
    assert (options["lenient"], options["any_credential"]) == (False, False)


CASES: list[tuple[str, str, tuple[str, ...]]] = [
    (
        PUSH,
        "push_body",
        ("TransactionType", "PartyA", "PartyB", "AccountReference", "TransactionDesc"),
    ),
    (B2C_V3, "b2c_body", ("CommandID", "Remarks", "QueueTimeOutURL", "Occassion")),
    (
        B2B,
        "b2b_body",
        (
            "CommandID",
            "SenderIdentifierType",
            "RecieverIdentifierType",
            "AccountReference",
            "Requester",
            "Remarks",
            "QueueTimeOutURL",
        ),
    ),
    (REVERSAL, "reversal_body", ("CommandID", "RecieverIdentifierType", "Remarks", "QueueTimeOutURL")),
    (BALANCE, "balance_body", ("CommandID", "IdentifierType", "Remarks", "QueueTimeOutURL")),
    (SIMULATE, "simulate_body", ("CommandID", "BillRefNumber")),
]


@pytest.mark.parametrize(("path", "body", "names"), CASES)
def test_optional_fields_can_be_missing(
    shop: Shop, receiver: Receiver, path: str, body: str, names: tuple[str, ...]
) -> None:
    sent = without(getattr(shop, body)(), *names)
    assert shop.daraja(path, sent).status_code == 400
    shop.options(lenient=True)
    assert shop.daraja(path, sent).status_code == 200, path
    shop.advance(3)
    for result in receiver.results():
        assert str(result["ResultCode"]) in ("0", "R000002")


def test_a_status_query_and_a_registration_can_be_short(shop: Shop) -> None:
    shop.options(lenient=True)
    query = shop.status_body(TransactionID="SG632NMUAB")
    assert shop.daraja(STATUS, without(query, "IdentifierType", "CommandID", "Remarks")).status_code == 200
    urls = {"ShortCode": "174379", "ConfirmationURL": "http://127.0.0.1:1/confirm"}
    assert shop.daraja(REGISTER_V2, urls).status_code == 200
    stored = shop.ledger()["c2bUrls"]["174379"]
    assert (stored["responseType"], stored["validationUrl"]) == ("Completed", "http://127.0.0.1:1/confirm")


@pytest.mark.parametrize(
    "changes",
    [
        {"Amount": 100.0},
        {"Amount": "100.00"},
        {"Amount": "KES 1,000"},
        {"PhoneNumber": "0712 345 678", "PartyA": "+254712345678"},
        {"AccountReference": "A reference that is too long"},
        {"TransactionDesc": "two\nlines that are too long"},
        {"BusinessShortCode": " 174379 "},
        {"CallBackURL": None, "callbackurl": "http://127.0.0.1:1/x"},
    ],
)
def test_other_spellings(shop: Shop, changes: dict[str, Any]) -> None:
    assert shop.push(**changes).status_code == 400
    shop.options(lenient=True)
    assert shop.push(**changes).status_code == 200
    shop.advance(3)
    [prompt] = shop.simulator.get("/simulator/prompts")["prompts"]
    assert (prompt["state"], prompt["msisdn"]) == ("paid", PHONE)
    assert prompt["amount"] in (100, 1000)


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_other_content_types(shop: Shop, content_type: str) -> None:
    sent = json.dumps(shop.push_body())
    headers = {"Content-Type": content_type}
    assert authorized(shop, PUSH, data=sent, headers=headers).status_code == 400
    shop.options(lenient=True)
    assert authorized(shop, PUSH, data=sent, headers=headers).status_code == 200


def test_a_script_finds_a_request_that_was_completed(shop: Shop) -> None:
    shop.options(lenient=True)
    shop.script(msisdn=PHONE, outcome="wrong_pin")
    assert authorized(shop, PUSH, data=shop.push_body(PhoneNumber="0712345678")).status_code == 200
    shop.advance(3)
    assert shop.simulator.get("/simulator/prompts")["prompts"][0]["resultCode"] == 2001


def test_a_form(shop: Shop) -> None:
    shop.options(lenient=True)
    assert authorized(shop, PUSH, data=shop.push_body()).status_code == 200


def test_a_payment_to_a_till_has_no_reference(shop: Shop) -> None:
    shop.options(lenient=True)
    sent = without(shop.simulate_body(CommandID="CustomerBuyGoodsOnline"), "BillRefNumber")
    assert shop.daraja(SIMULATE, sent).status_code == 200


@pytest.mark.parametrize(
    "changes", [{"Amount": 100.5}, {"Amount": "many"}, {"Amount": None}, {"PartyA": "x"}]
)
def test_what_moves_money_must_be_right(shop: Shop, changes: dict[str, Any]) -> None:
    shop.options(lenient=True)
    assert shop.push(**changes).status_code == 400
    assert shop.ledger()["prompts"] == []


def test_a_token_without_a_grant_type(shop: Shop) -> None:
    path = "/oauth/v1/generate"
    assert shop.call("GET", path, auth=("key", "secret")).json()["errorCode"] == "400.008.02"
    shop.options(lenient=True)
    assert shop.call("GET", path, auth=("key", "secret")).json()["access_token"]


def test_any_credential(shop: Shop, receiver: Receiver) -> None:
    shop.options(consumer_key="right", consumer_secret="right", any_credential=True)
    assert shop.oauth("wrong", "wrong").status_code == 200
    path = "/oauth/v1/generate?grant_type=client_credentials"
    assert shop.call("GET", path).status_code == 200
    for number, credential in enumerate(("not base64!", "c2VjcmV0", "")):
        sent = {"SecurityCredential": credential, "InitiatorName": "anyone"}
        answer = shop.b2c(OriginatorConversationID=f"refund-{number}", **sent)
        assert answer.status_code == 200
    shop.advance(2)
    assert [result["ResultCode"] for result in receiver.results()] == [0, 0, 0]


REFUSALS: list[tuple[dict[str, Any], str]] = [
    ({"Amount": 250_001}, "Amount is 250001; the largest amount is 250000"),
    ({"Amount": 0}, "Amount is 0; the least amount is 1"),
    ({"Amount": "10.5"}, "Amount is '10.5'; it must be whole shillings, such as 100"),
    ({"Amount": None}, "Amount is missing; it must have 1 to 64 characters and has 0"),
    (
        {"AccountReference": "ORDER-1234567"},
        "AccountReference is 'ORDER-1234567'; it must have 1 to 12 characters and has 13",
    ),
    ({"TransactionDesc": "a\tb"}, "TransactionDesc is 'a\\tb'; it must be printable"),
    (
        {"PhoneNumber": "255712345678"},
        "PhoneNumber is '255712***678'; it must be 2547XXXXXXXX or 2541XXXXXXXX",
    ),
    (
        {"TransactionType": "PayBill"},
        "TransactionType is 'PayBill'; it must be CustomerPayBillOnline or CustomerBuyGoodsOnline",
    ),
    ({"Timestamp": "20211399000000"}, "Timestamp is '202113***000'; it must be a time as yyyyMMddHHmmss"),
    ({"CallBackURL": "ftp://x"}, "CallBackURL is 'ftp://x'; it must be an http or https address"),
    ({"BusinessShortCode": "600000"}, "BusinessShortCode 600000 is not the shop's shortcode 174379"),
    (
        {"Password": "c2VjcmV0"},
        "Password is not the base64 of shortcode, passkey and this request's Timestamp",
    ),
    ({"PartyA": True}, "PartyA is True; it must be a text or a whole number"),
]


@pytest.mark.parametrize(("changes", "reason"), REFUSALS)
def test_a_refusal_names_the_broken_limit(shop: Shop, changes: dict[str, Any], reason: str) -> None:
    answer = shop.push(**changes)
    assert answer.headers[REASON] == reason
    assert set(answer.json()) == {"requestId", "errorCode", "errorMessage"}
    [refusal] = shop.simulator.get("/simulator/refusals")["refusals"]
    assert (refusal["operation"], refusal["reason"]) == ("stk_push", reason)
    assert refusal["message"] == f"{answer.json()['errorCode']} {answer.json()['errorMessage']}"
    page = shop.call("GET", "/simulator/").text
    assert reason.replace("'", "&#39;") in page


def test_a_refusal_shows_no_secret(shop: Shop) -> None:
    answer = shop.b2c(SecurityCredential="my secret")
    assert answer.headers[REASON] == "SecurityCredential is a value of 9 characters; it must be base64"
    long = shop.b2c(Remarks="x" * 101)
    assert long.headers[REASON].startswith("Remarks is 'xxxx")
    assert long.headers[REASON].endswith("(101 characters); it must have 2 to 100 characters and has 101")


def test_a_refusal_with_one_cause_needs_no_reason(shop: Shop) -> None:
    answer = shop.call("POST", PUSH, json={}, headers={"Authorization": "Bearer x"})
    assert REASON not in answer.headers
    assert shop.simulator.get("/simulator/refusals")["refusals"][0]["reason"] is None
