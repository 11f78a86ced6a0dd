"""Transaction status: the checks of the request, the response, and the result."""

import re
from typing import Any

import pytest

from .receiver import Receiver
from .shop import PHONE, Shop, parameters

RECEIPT = "SG632NMUAB"


def test_a_completed_payout(shop: Shop, receiver: Receiver) -> None:
    paid = shop.b2c().json()
    shop.advance(1.1)
    answer = shop.status(OriginalConversationID="refund-1")
    assert answer.status_code == 200
    body = answer.json()
    assert re.fullmatch(r"AG_\d{8}_2010[0-9a-f]{16}", body["ConversationID"])
    assert body["OriginatorConversationID"] not in ("", "refund-1")
    assert (body["ResponseCode"], len(body)) == ("0", 4)
    assert body["ResponseDescription"] == "Accept the service request successfully."
    assert len(receiver.posts) == 1
    shop.advance(1.1)
    assert receiver.posts[1]["path"] == "/status"
    result = receiver.results()[1]
    assert list(result) == [
        *("ResultType", "ResultCode", "ResultDesc", "OriginatorConversationID", "ConversationID"),
        *("TransactionID", "ResultParameters", "ReferenceData"),
    ]
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert result["ResultDesc"] == "The service request is processed successfully."
    assert result["OriginatorConversationID"] == body["OriginatorConversationID"]
    assert result["ConversationID"] == body["ConversationID"]
    assert re.fullmatch(r"[A-Z]{2}[1-9A-V]0000000", result["TransactionID"])
    assert result["ReferenceData"] == {"ReferenceItem": {"Key": "Occasion"}}
    credit = shop.ledger()["credits"][0]
    reported = parameters(result)
    initiated, finalised = reported.pop("InitiatedTime"), reported.pop("FinalisedTime")
    assert len(str(initiated)) == len(str(finalised)) == 14
    assert 20240101000000 < initiated <= finalised
    assert reported == {
        "DebitPartyName": "174379 - SIMULATED SHOP",
        "CreditPartyName": f"{PHONE} - CUSTOMER 5678",
        "OriginatorConversationID": "refund-1",
        "DebitAccountType": "Utility Account",
        "DebitPartyCharges": "Fee For B2C Payment|KES|0.00",
        "TransactionReason": None,
        "ReasonType": "Business Payment to Customer via API",
        "TransactionStatus": "Completed",
        "Amount": "50",
        "ConversationID": paid["ConversationID"],
        "ReceiptNo": credit["receipt"],
    }
    assert {"Key": "TransactionReason"} in result["ResultParameters"]["ResultParameter"]


def test_a_payout_by_either_id_or_its_receipt(shop: Shop) -> None:
    shop.b2c(OriginatorConversationID="refund-0", Amount=40)
    paid = shop.b2c().json()
    shop.advance(2)
    receipt = shop.ledger()["credits"][1]["receipt"]
    ways = [
        {"OriginalConversationID": "refund-1"},
        {"OriginalConversationID": paid["ConversationID"]},
        {"TransactionID": receipt},
        {"TransactionID": receipt, "OriginalConversationID": ""},
    ]
    first, *others = [shop.query_transaction(**way) for way in ways]
    assert (first["Amount"], first["ReceiptNo"]) == ("50", receipt)
    assert others == [first] * 3


def test_a_payment_by_its_receipt(shop: Shop) -> None:
    shop.prompt(shop.pushed(phone="254712345670"), "cancel")
    shop.prompt(shop.pushed(), "outcome")
    debit = shop.ledger()["debits"][0]
    reported = shop.query_transaction(TransactionID=debit["receipt"])
    assert reported["DebitPartyName"] == f"{PHONE} - CUSTOMER 5678"
    assert reported["CreditPartyName"] == "174379 - SIMULATED SHOP"
    assert (reported["TransactionStatus"], reported["Amount"]) == ("Completed", "100")
    assert (reported["ReceiptNo"], reported["ConversationID"]) == (debit["receipt"], None)
    assert reported["OriginatorConversationID"] == shop.ledger()["prompts"][1]["merchantRequestId"]


@pytest.mark.parametrize("way", ["TransactionID", "OriginalConversationID"])
def test_an_unknown_id(shop: Shop, receiver: Receiver, way: str) -> None:
    shop.prompt(shop.pushed(), "cancel")
    shop.options(b2c_auto="hold")
    shop.b2c()
    assert shop.status(**{way: RECEIPT}).status_code == 200
    shop.advance(1.1)
    result = receiver.results()[0]
    assert result["ResultCode"] == 2032
    assert result["ResultDesc"] == "The transaction receipt number does not exist."
    assert "ResultParameters" not in result
    assert "ReferenceData" in result


def test_the_states_of_a_payout(shop: Shop) -> None:
    shop.options(b2c_auto="hold")
    shop.b2c()
    words = [shop.query_transaction(OriginalConversationID="refund-1")]
    shop.simulator.post("/simulator/b2c/refund-1/timeout")
    words.append(shop.query_transaction(OriginalConversationID="refund-1"))
    shop.simulator.post("/simulator/b2c/refund-1/complete")
    words.append(shop.query_transaction(OriginalConversationID="refund-1"))
    assert [reported["TransactionStatus"] for reported in words] == ["Initiated", "Authorized", "Completed"]
    assert [reported["ReceiptNo"] is None for reported in words] == [True, True, False]
    assert [reported["FinalisedTime"] is None for reported in words] == [True, True, False]


@pytest.mark.parametrize(
    ("phone", "word"),
    [
        ("254712992040", "Declined"),
        ("254712997408", "Expired"),
        ("254712997037", "Authorized"),
        ("254712997777", "Initiated"),
        ("254712997000", "Completed"),
    ],
)
def test_a_number_chooses_the_status(shop: Shop, phone: str, word: str) -> None:
    shop.b2c(PartyB=phone)
    shop.advance(1.1)
    assert shop.query_transaction(OriginalConversationID="refund-1")["TransactionStatus"] == word


def test_a_payout_to_an_unknown_customer_is_declined(shop: Shop) -> None:
    shop.options(strict_customers=True)
    shop.b2c()
    shop.advance(1.1)
    reported = shop.query_transaction(OriginalConversationID="refund-1")
    assert (reported["TransactionStatus"], reported["CreditPartyName"]) == ("Declined", PHONE)


def test_a_query_finds_a_lost_result(shop: Shop, receiver: Receiver) -> None:
    shop.script(operation="b2c", callback="lost")
    shop.b2c()
    shop.advance(5)
    assert not receiver.posts
    credit = shop.ledger()["credits"][0]
    reported = shop.query_transaction(OriginalConversationID="refund-1")
    assert (reported["TransactionStatus"], reported["Amount"]) == ("Completed", "50")
    assert (reported["ReceiptNo"], reported["ConversationID"]) == (
        credit["receipt"],
        credit["conversationId"],
    )
    assert len(receiver.posts) == 1


def test_the_result_reports_the_state_at_its_time(shop: Shop, receiver: Receiver) -> None:
    shop.options(status_after=30)
    shop.b2c()
    shop.status(OriginalConversationID="refund-1")
    shop.advance(29)
    assert len(receiver.posts) == 1
    shop.advance(2)
    assert parameters(receiver.results()[1])["TransactionStatus"] == "Completed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("Initiator", None),
        ("SecurityCredential", None),
        ("SecurityCredential", "not base64!"),
        ("CommandID", "TransactionStatus"),
        ("TransactionID", None),
        ("TransactionID", "x" * 129),
        ("OriginalConversationID", "refund-1"),
        ("PartyA", "x"),
        ("IdentifierType", None),
        ("IdentifierType", "1"),
        ("IdentifierType", "11"),
        ("ResultURL", "nowhere"),
        ("QueueTimeOutURL", None),
        ("Remarks", None),
        ("Remarks", "x" * 101),
        ("Occasion", "x" * 101),
    ],
)
def test_the_error_names_an_invalid_field(shop: Shop, field: str, value: Any) -> None:
    answer = shop.status(**({"TransactionID": RECEIPT} | {field: value}))
    assert answer.status_code == 400
    assert answer.json()["errorCode"] == "400.002.02"
    assert answer.json()["errorMessage"] == f"Bad Request - Invalid {field}"
    assert shop.ledger()["statusQueries"] == []


def test_optional_fields_and_numbers(shop: Shop) -> None:
    assert shop.status(TransactionID=RECEIPT, Occasion=None, IdentifierType=4).status_code == 200


def test_shortcodes(shop: Shop) -> None:
    assert shop.status(TransactionID=RECEIPT, PartyA="600997").status_code == 200
    refused = shop.status(TransactionID=RECEIPT, PartyA="700000")
    assert refused.json()["errorMessage"] == "Merchant does not exist"


@pytest.mark.parametrize("change", [{"secret": "wrong"}, {"Initiator": "somebody"}])
def test_the_result_reports_a_wrong_initiator(shop: Shop, receiver: Receiver, change: dict[str, str]) -> None:
    shop.b2c()
    shop.advance(1.1)
    assert shop.status(OriginalConversationID="refund-1", **change).status_code == 200
    shop.advance(1.1)
    result = receiver.results()[1]
    assert (result["ResultCode"], "ResultParameters" in result) == (2001, False)
    assert result["ResultDesc"] == "The initiator information is invalid."


def test_wrong_passwords_lock_payouts_and_queries_alike(shop: Shop, receiver: Receiver) -> None:
    for _ in range(5):
        shop.status(TransactionID=RECEIPT, secret="wrong")
    shop.status(TransactionID=RECEIPT)
    shop.b2c()
    shop.advance(1.1)
    assert sorted(item["ResultCode"] for item in receiver.results()) == [2001] * 5 + [8006] * 2


def test_the_ledger_lists_queries(shop: Shop) -> None:
    body = shop.status(TransactionID=RECEIPT).json()
    (waiting,) = shop.ledger()["statusQueries"]
    assert (waiting["resultCode"], waiting["answeredAt"]) == (None, None)
    shop.advance(1.1)
    ledger = shop.ledger()
    (query,) = ledger["statusQueries"]
    assert query["originatorConversationId"] == body["OriginatorConversationID"]
    assert query["conversationId"] == body["ConversationID"]
    assert (query["receipt"], query["originalConversationId"]) == (RECEIPT, None)
    assert query["resultCode"] == 2032
    assert query["answeredAt"] > query["acceptedAt"]
    (callback,) = ledger["callbacks"]
    assert (callback["kind"], callback["status"]) == ("status_result", 200)
    assert callback["originatorConversationId"] == body["OriginatorConversationID"]
    assert ledger["requests"] == {"oauth": 1, "transaction_status": 1}
