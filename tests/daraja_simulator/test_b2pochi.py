"""B2Pochi: B2C v3 with another path and command."""

from .receiver import Receiver
from .shop import POCHI, Shop, parameters


def test_a_pochi_receives_the_money(shop: Shop, receiver: Receiver) -> None:
    answer = shop.pochi()
    assert answer.json()["OriginatorConversationID"] == "refund-1"
    shop.advance(1.1)
    (result,) = receiver.results()
    assert (result["ResultType"], result["ResultCode"]) == (0, 0)
    assert parameters(result)["TransactionReceipt"] == result["TransactionID"]
    ledger = shop.ledger()
    (credit,), (payout,) = ledger["credits"], ledger["payouts"]
    assert (credit["kind"], credit["amount"]) == ("b2pochi", 50)
    assert credit["originatorConversationId"] == "refund-1"
    assert (payout["kind"], payout["commandId"]) == ("b2pochi", "BusinessPayToPochi")
    assert payout["partyB"] == payout["msisdn"] == credit["msisdn"]
    assert ledger["callbacks"][0]["kind"] == "b2c_result"
    assert ledger["requests"]["b2pochi"] == 1


def test_both_apis_share_the_used_ids(shop: Shop) -> None:
    shop.b2c()
    again = shop.pochi()
    assert (again.status_code, again.json()["errorCode"]) == (500, "500.002.1001")
    assert again.json()["errorMessage"] == "Duplicate OriginatorConversationID."
    assert shop.pochi(OriginatorConversationID="two").status_code == 200
    assert shop.b2c(OriginatorConversationID="two").status_code == 500


def test_each_api_has_its_own_commands(shop: Shop) -> None:
    assert "CommandID" in shop.pochi(CommandID="BusinessPayment").text
    assert "CommandID" in shop.b2c(CommandID="BusinessPayToPochi").text
    assert "OriginatorConversationID" in shop.pochi(OriginatorConversationID=None).text


def test_the_error_repeats_an_invalid_token(shop: Shop) -> None:
    answer = shop.call("POST", POCHI, json={}, headers={"Authorization": "Bearer stale"})
    assert (answer.status_code, answer.json()["errorCode"]) == (401, "401.002.01")


def test_outcomes_and_faults(shop: Shop, receiver: Receiver) -> None:
    shop.pochi(PartyB="254712992040")
    shop.script(operation="b2pochi", fault="queue_timeout")
    shop.pochi(OriginatorConversationID="two")
    shop.advance(1.1)
    assert receiver.results()[0]["ResultCode"] == 2040
    assert len(receiver.at("/timeout")) == 1
    assert shop.ledger()["credits"] == []
