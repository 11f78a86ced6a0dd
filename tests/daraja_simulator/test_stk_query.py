"""STK query: both pending styles, result codes as texts, and the sandbox's limit."""

import pytest

from .shop import QUERY, Shop


def test_pending_is_4999(shop: Shop) -> None:
    checkout = shop.pushed()
    answer = shop.query(checkout)
    assert answer.status_code == 200
    assert list(answer.json()) == [
        "ResponseCode",
        "ResponseDescription",
        "MerchantRequestID",
        "CheckoutRequestID",
        "ResultCode",
        "ResultDesc",
    ]
    assert answer.json()["ResponseCode"] == "0"
    assert answer.json()["ResultCode"] == "4999"
    assert answer.json()["ResultDesc"] == "The transaction is still under processing"


def test_pending_is_an_error(shop: Shop) -> None:
    shop.options(pending_style="500")
    checkout = shop.pushed()
    answer = shop.query(checkout)
    assert answer.status_code == 500
    assert answer.json() == {
        "requestId": checkout,
        "errorCode": "500.001.1001",
        "errorMessage": "The transaction is being processed",
    }


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "The service request is processed successfully."),
        (1032, "Request cancelled by user"),
        (1037, "DS timeout user cannot be reached."),
        ("SFC_IC0003", "The operator does not exist."),
        (4242, "The transaction failed."),
    ],
)
def test_the_result_code_is_a_text(shop: Shop, code: int | str, text: str) -> None:
    checkout = shop.pushed()
    shop.prompt(checkout, "outcome", resultCode=code)
    body = shop.query(checkout).json()
    assert (body["ResultCode"], body["ResultDesc"]) == (str(code), text)
    assert not {"MpesaReceiptNumber", "Amount", "CallbackMetadata"} & set(body)


def test_unknown_id(shop: Shop) -> None:
    answer = shop.query("ws_CO_1")
    assert answer.status_code == 500
    assert answer.json()["errorMessage"] == "The transaction does not Exist"


def test_fields_are_checked(shop: Shop) -> None:
    answer = shop.query("")
    assert answer.json()["errorMessage"] == "Bad Request - Invalid CheckoutRequestID"
    assert shop.query("x", Password="x").json()["errorMessage"] == "Wrong credentials"
    assert shop.daraja(QUERY, {}).json()["errorMessage"].endswith("Invalid BusinessShortCode")


def test_a_query_that_is_too_early(shop: Shop) -> None:
    shop.options(query_blind_seconds=5, auto="hold")
    checkout = shop.pushed()
    early = shop.query(checkout)
    assert early.status_code == 400
    assert early.json()["errorMessage"] == "Bad Request - Invalid CheckoutRequestID"
    shop.advance(6)
    assert shop.query(checkout).json()["ResultCode"] == "4999"


def test_the_sandboxs_limit(shop: Shop) -> None:
    shop.options(query_limit=True, auto="hold")
    checkout = shop.pushed()
    assert shop.query(checkout).status_code == 200
    limited = shop.query(checkout)
    assert limited.status_code == 429
    assert limited.json() == {
        "fault": {
            "faultstring": "Spike arrest violation. Allowed rate : MessageRate{messagesPerPeriod=5, "
            "periodInMicroseconds=60000000, maxBurstMessageCount=1.0}",
            "detail": {"errorcode": "policies.ratelimit.SpikeArrestViolation"},
        }
    }
    shop.advance(12)
    assert shop.query(checkout).status_code == 200


def test_scripted_results(shop: Shop) -> None:
    checkout = shop.pushed()
    shop.prompt(checkout, "outcome")
    for outcome in ("pending", "1032", "paid"):
        shop.script(operation="stk_query", checkoutRequestId=checkout, outcome=outcome)
    codes = [shop.query(checkout).json()["ResultCode"] for _ in range(4)]
    assert codes == ["4999", "1032", "0", "0"]


@pytest.mark.parametrize(("code", "reported"), [(0, "1032"), (1, "0")])
def test_a_query_contradicts_the_callback(shop: Shop, code: int, reported: str) -> None:
    shop.options(faults={"stk_query.query_contradicts": 1})
    checkout = shop.pushed()
    assert shop.query(checkout).json()["ResultCode"] == "4999"
    shop.prompt(checkout, "outcome", resultCode=code)
    assert shop.query(checkout).json()["ResultCode"] == reported


def test_a_query_that_does_not_find_the_push(shop: Shop) -> None:
    checkout = shop.pushed()
    shop.script(operation="stk_query", fault="query_forgets")
    assert shop.query(checkout).json()["errorMessage"] == "The transaction does not Exist"
    assert shop.query(checkout).status_code == 200
