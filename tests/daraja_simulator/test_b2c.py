"""B2C: the checks of the request, the response, and the result."""

import base64
import re
from typing import Any

import pytest

from .receiver import Receiver
from .shop import B2C_V1, B2C_V3, PHONE, Shop, encrypted


def complete(shop: Shop, key: str = "refund-1", **body: Any) -> Any:
    return shop.simulator.post(f"/simulator/b2c/{key}/complete", body)


def test_v3_returns_our_id_and_sends_the_result(shop: Shop, receiver: Receiver) -> None:
    answer = shop.b2c()
    assert answer.status_code == 200
    body = answer.json()
    assert body["OriginatorConversationID"] == "refund-1"
    assert re.fullmatch(r"AG_\d{8}_2010[0-9a-f]{16}", body["ConversationID"])
    assert body["ResponseCode"] == "0"
    assert body["ResponseDescription"] == "Accept the service request successfully."
    shop.advance(1.1)
    assert receiver.posts[0]["path"] == "/result"
    result = receiver.results()[0]
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["OriginatorConversationID"] == "refund-1"
    assert result["ConversationID"] == body["ConversationID"]
    values = {item["Key"]: item["Value"] for item in result["ResultParameters"]["ResultParameter"]}
    assert values["TransactionAmount"] == 50
    assert values["TransactionReceipt"] == result["TransactionID"]
    assert values["ReceiverPartyPublicName"] == f"{PHONE} - CUSTOMER 5678"
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4} \d\d:\d\d:\d\d", values["TransactionCompletedDateTime"])
    assert values["B2CRecipientIsRegisteredCustomer"] == "Y"
    assert values["B2CUtilityAccountAvailableFunds"] == 99_999_950.0
    assert result["ReferenceData"]["ReferenceItem"]["Key"] == "QueueTimeoutURL"
    credit = shop.ledger()["credits"][0]
    assert (credit["receipt"], credit["amount"]) == (result["TransactionID"], 50)
    assert (credit["msisdn"], credit["originatorConversationId"]) == (PHONE, "refund-1")
    assert credit["conversationId"] == body["ConversationID"]


def test_v1_generates_the_id(shop: Shop) -> None:
    first, second = (shop.b2c(B2C_V1, OriginatorConversationID=None).json() for _ in range(2))
    assert first["OriginatorConversationID"] != second["OriginatorConversationID"]


def test_v3_refuses_a_used_id(shop: Shop) -> None:
    shop.b2c()
    again = shop.b2c()
    assert again.status_code == 500
    assert again.json()["errorCode"] == "500.002.1001"
    assert again.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    shop.advance(5)
    assert len(shop.ledger()["credits"]) == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("OriginatorConversationID", None),
        ("OriginatorConversationID", "x" * 129),
        ("InitiatorName", None),
        ("SecurityCredential", None),
        ("SecurityCredential", "not base64!"),
        ("CommandID", "Refund"),
        ("Amount", 0),
        ("Amount", 1.5),
        ("PartyA", "x"),
        ("PartyB", "0712345678"),
        ("Remarks", "x"),
        ("Remarks", "x" * 101),
        ("QueueTimeOutURL", None),
        ("ResultURL", "nowhere"),
        ("Occassion", "x" * 101),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.b2c(**{field: value})
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.ledger()["payouts"] == []


def test_shortcodes(shop: Shop) -> None:
    assert shop.b2c(PartyA="600997").status_code == 200
    assert shop.b2c(PartyA="700000").json()["errorMessage"] == "Merchant does not exist"


def test_the_sixth_wrong_password_is_locked(shop: Shop, receiver: Receiver) -> None:
    shop.options(b2c_auto="hold")
    for number in range(6):
        shop.b2c(OriginatorConversationID=f"bad-{number}", secret="wrong")
        complete(shop, f"bad-{number}")
    shop.b2c()
    complete(shop)
    shop.simulator.post("/simulator/initiator/unlock")
    shop.b2c(OriginatorConversationID="good")
    complete(shop, "good")
    codes = [result["ResultCode"] for result in receiver.results()]
    assert codes == [2001] * 5 + [8006, 8006, 0]


@pytest.mark.parametrize(
    "change",
    [
        {"InitiatorName": "somebody"},
        {"SecurityCredential": base64.b64encode(b"too short").decode()},
        {"SecurityCredential": base64.b64encode(bytes(256)).decode()},
    ],
)
def test_initiator_information_is_invalid(shop: Shop, receiver: Receiver, change: dict[str, str]) -> None:
    assert shop.b2c(**change).status_code == 200
    shop.advance(2)
    result = receiver.results()[0]
    assert result["ResultCode"] == 2001
    assert result["ResultDesc"] == "The initiator information is invalid."
    assert "ResultParameters" not in result
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    assert "ReferenceData" in result
    assert shop.ledger()["credits"] == []


def test_the_certificate_is_served(shop: Shop) -> None:
    answer = shop.call("GET", "/simulator/certificate")
    assert answer.text == shop.certificate
    assert len(base64.b64decode(encrypted("x", answer.text))) == 256


def test_the_utility_account_has_too_little_money(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/reset", {"utility_balance": 60, "timers": "manual"})
    shop.oauth()
    fresh = Shop(shop.simulator, receiver)
    for number in range(2):
        fresh.b2c(OriginatorConversationID=f"r-{number}")
        complete(fresh, f"r-{number}")
    assert [result["ResultCode"] for result in receiver.results()] == [0, 1]
    assert fresh.ledger()["accounts"]["utility"] == 10


def test_small_payouts_and_unknown_customers(shop: Shop, receiver: Receiver) -> None:
    shop.options(strict_customers=True)
    shop.b2c()
    shop.advance(2)
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 0})
    shop.b2c(OriginatorConversationID="small", Amount=9)
    shop.advance(2)
    assert [result["ResultCode"] for result in receiver.results()] == ["SFC_IC0003", 2]


def test_a_queue_time_out_posts_the_request(shop: Shop, receiver: Receiver) -> None:
    shop.options(b2c_auto="hold")
    body = shop.b2c_body()
    shop.daraja(B2C_V3, body)
    reported = shop.simulator.post("/simulator/b2c/refund-1/timeout")
    assert reported["payout"]["state"] == "timed_out"
    assert reported["callbacks"][0]["kind"] == "b2c_timeout"
    assert receiver.posts[0]["path"] == "/timeout"
    assert receiver.posts[0]["body"] == body
    assert shop.ledger()["credits"] == []
    assert complete(shop)["payout"]["state"] == "completed"
    assert len(shop.ledger()["credits"]) == 1


def test_a_result_can_be_chosen(shop: Shop, receiver: Receiver) -> None:
    shop.options(b2c_auto="hold")
    shop.b2c()
    done = complete(shop, resultCode="R000001")
    assert done["payout"]["resultCode"] == "R000001"
    assert done["callbacks"][0]["status"] == 200
    assert receiver.results()[0]["ResultDesc"] == "The transaction failed."
    conflict = shop.call("POST", "/simulator/b2c/refund-1/complete")
    assert conflict.status_code == 409
    assert shop.call("POST", "/simulator/b2c/refund-1/timeout").status_code == 409
    assert shop.call("POST", "/simulator/b2c/nobody/complete").status_code == 404
    assert shop.simulator.get("/simulator/b2c")["payouts"][0]["state"] == "failed"


@pytest.mark.parametrize(
    ("digits", "code"),
    [("990001", 1), ("992040", 2040), ("999003", "SFC_IC0003"), ("990015", 15), ("991032", 0)],
)
def test_a_number_chooses_the_result(shop: Shop, receiver: Receiver, digits: str, code: int | str) -> None:
    shop.b2c(PartyB=f"254712{digits}")
    shop.advance(2)
    assert receiver.results()[0]["ResultCode"] == code


def test_faults_of_the_result(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="b2c", fault="amount_differs", callback="before_answer")
    assert shop.b2c().status_code == 200
    assert receiver.results()[0]["ResultParameters"]["ResultParameter"][0]["Value"] == 51
    shop.script(operation="b2c", amount_in_callback=7, callback="doubled", pay_after=0)
    shop.b2c(OriginatorConversationID="two")
    shop.advance(0)
    assert [result["ResultParameters"]["ResultParameter"][0]["Value"] for result in receiver.results()] == [
        51,
        7,
        7,
    ]


def test_a_time_out_before_the_result(shop: Shop, receiver: Receiver) -> None:
    shop.b2c(PartyB="254712997037")
    shop.advance(1.5)
    assert [post["path"] for post in receiver.posts] == ["/timeout"]
    shop.advance(6)
    assert [post["path"] for post in receiver.posts] == ["/timeout", "/result"]
    assert receiver.results()[0]["ResultCode"] == 0


def test_a_time_out_without_a_result(shop: Shop, receiver: Receiver) -> None:
    shop.b2c(PartyB="254712997408")
    shop.advance(600)
    assert [post["path"] for post in receiver.posts] == ["/timeout"]
    assert shop.ledger()["credits"] == []


def test_scripted_outcome(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="b2c", originatorConversationId="refund-1", outcome="2001")
    shop.b2c(OriginatorConversationID="other")
    shop.b2c()
    shop.advance(2)
    assert [result["ResultCode"] for result in receiver.results()] == [0, 2001]
