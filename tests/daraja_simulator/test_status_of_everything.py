"""Transaction status: every kind of transaction, by receipt and by conversation id."""

from typing import Any

import pytest

from .receiver import Receiver
from .shop import PHONE, STATUS, Shop

CUSTOMER, OURS = f"{PHONE} - CUSTOMER 5678", "174379 - SIMULATED SHOP"


def found(shop: Shop, *ways: dict[str, Any]) -> dict[str, Any]:
    """Query in each of these ways and return the result, which must be the same for all."""
    first, *others = [shop.query_transaction(**way) for way in ways]
    assert others == [first] * len(others)
    return first


def test_a_c2b_payment(shop: Shop) -> None:
    simulated = shop.simulate().json()["OriginatorCoversationID"]
    shop.advance(1.1)
    (payment,) = shop.ledger()["c2b"]
    reported = found(shop, {"TransactionID": payment["transId"]}, {"OriginalConversationID": simulated})
    assert (reported["DebitPartyName"], reported["CreditPartyName"]) == (CUSTOMER, OURS)
    assert (reported["TransactionStatus"], reported["ReceiptNo"]) == ("Completed", payment["transId"])
    assert (reported["Amount"], reported["ReasonType"]) == ("5", "Pay Bill")
    assert (reported["OriginatorConversationID"], reported["ConversationID"]) == (simulated, None)
    c2b = found(shop, {"TransactionID": shop.pay_by_c2b()["transId"]})
    assert (c2b["TransactionStatus"], c2b["OriginatorConversationID"]) == ("Completed", None)


def test_a_rejected_payment_is_no_transaction(shop: Shop, receiver: Receiver) -> None:
    shop.options(c2b_validation=True)
    shop.register(ValidationURL="http://127.0.0.1:1/x", ResponseType="Cancelled")
    simulated = shop.simulate().json()["OriginatorCoversationID"]
    shop.advance(1.1)
    shop.status(OriginalConversationID=simulated)
    shop.advance(1.1)
    assert receiver.results()[0]["ResultCode"] == 2032


def test_a_push_to_a_till(shop: Shop) -> None:
    receipt = shop.paid(TransactionType="CustomerBuyGoodsOnline", PartyB="832909")
    reported = found(shop, {"TransactionID": receipt})
    assert (reported["CreditPartyName"], reported["ReasonType"]) == (
        "832909 - SIMULATED SHOP",
        "Buy Goods Online",
    )


def test_a_reversal_and_what_it_reversed(shop: Shop) -> None:
    original = shop.paid()
    done = shop.reversed_(TransactionID=original)
    reported = found(
        shop,
        {"TransactionID": done["TransactionID"]},
        {"OriginalConversationID": done["ConversationID"]},
        {"OriginalConversationID": done["OriginatorConversationID"]},
    )
    assert (reported["DebitPartyName"], reported["CreditPartyName"]) == (OURS, CUSTOMER)
    assert (reported["TransactionStatus"], reported["ReceiptNo"]) == ("Completed", done["TransactionID"])
    assert (reported["ReasonType"], reported["DebitPartyCharges"]) == ("Transaction Reversal via API", None)
    first = found(shop, {"TransactionID": original})
    assert (first["TransactionStatus"], first["DebitPartyName"]) == ("Completed", CUSTOMER)


def test_the_states_of_a_reversal(shop: Shop) -> None:
    shop.options(reversal_auto="hold")
    key = shop.reversal(TransactionID=shop.paid()).json()["ConversationID"]
    words = [shop.query_transaction(OriginalConversationID=key)["TransactionStatus"]]
    for act in ("timeout", "complete"):
        shop.simulator.post(f"/simulator/commands/{key}/{act}")
        words.append(shop.query_transaction(OriginalConversationID=key)["TransactionStatus"])
    assert words == ["Initiated", "Authorized", "Completed"]
    shop.options(reversal_auto="pay")
    refused = shop.reversed_(TransactionID="SG632NMUAB")
    reported = shop.query_transaction(OriginalConversationID=refused["ConversationID"])
    assert (reported["TransactionStatus"], reported["CreditPartyName"]) == ("Declined", None)
    assert reported["ReceiptNo"] is None
    shop.script(operation="reversal", fault="queue_timeout")
    key = shop.reversal(TransactionID=shop.paid()).json()["ConversationID"]
    shop.advance(2)
    assert shop.query_transaction(OriginalConversationID=key)["TransactionStatus"] == "Expired"


def test_a_transfer(shop: Shop) -> None:
    accepted = shop.b2b().json()
    shop.advance(1.1)
    (transfer,) = shop.ledger()["transfers"]
    reported = found(
        shop,
        {"TransactionID": transfer["receipt"]},
        {"OriginalConversationID": accepted["ConversationID"]},
        {"OriginalConversationID": accepted["OriginatorConversationID"]},
    )
    assert (reported["DebitPartyName"], reported["CreditPartyName"]) == (OURS, "888880 - SIMULATED PARTNER")
    assert (reported["TransactionStatus"], reported["Amount"]) == ("Completed", "190")
    assert reported["DebitPartyCharges"] == "Fee For B2B Payment|KES|0.00"


def test_a_pochi(shop: Shop) -> None:
    shop.pochi()
    shop.advance(1.1)
    receipt = shop.ledger()["credits"][0]["receipt"]
    reported = found(shop, {"TransactionID": receipt}, {"OriginalConversationID": "refund-1"})
    assert (reported["ReasonType"], reported["ReceiptNo"]) == ("Business Payment to Pochi via API", receipt)


@pytest.mark.parametrize("query", [Shop.status, Shop.balance])
def test_a_query_is_no_transaction(shop: Shop, receiver: Receiver, query: Any) -> None:
    way = {"TransactionID": "SG632NMUAB"} if query is Shop.status else {}
    key = query(shop, **way).json()["ConversationID"]
    shop.status(OriginalConversationID=key)
    shop.advance(1.1)
    assert receiver.results()[-1]["ResultCode"] == 2032


def test_a_queue_time_out_of_the_query(shop: Shop, receiver: Receiver) -> None:
    body = shop.status_body(TransactionID=shop.paid())
    shop.options(faults={"queue_timeout": 1})
    shop.daraja(STATUS, body)
    shop.advance(60)
    assert receiver.at("/timeout") == [body]
    assert receiver.results() == []
    assert shop.ledger()["callbacks"][-1]["kind"] == "status_timeout"
    (query,) = shop.ledger()["statusQueries"]
    assert (query["state"], query["answeredAt"], query["resultCode"]) == ("timed_out", None, None)
    key = query["conversationId"]
    done = shop.simulator.post(f"/simulator/commands/{key}/complete")
    assert (done["command"]["state"], receiver.results()[0]["ResultCode"]) == ("completed", 0)
