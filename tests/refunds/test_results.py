"""Results of refunds that are early, late, repeated, forged or wrong."""

import pytest
import requests
from requests import Response

from daraja_simulator.records import Payout
from tests.refunds.support import complete
from tests.support import Service


def result(service: Service, token: str, **changes: object) -> Response:
    """Post a B2C result as M-Pesa does."""
    refund = service.refunds()[-1]
    body = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": refund.originator_conversation_id,
        "ConversationID": refund.conversation_id,
        "TransactionID": "SG632NMUAB",
        "ResultParameters": {
            "ResultParameter": [
                {"Key": "TransactionAmount", "Value": refund.amount},
                {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
            ]
        },
    }
    body.update(changes)
    url = f"{service.url}/api/mpesa/callback/command/{token}"
    return requests.post(url, json={"Result": body}, timeout=5)


def result_token(service: Service) -> str:
    """Return the path of the last refund's own result address, as the simulator received it."""
    return last_payout(service).result_url.split("/callback/command/")[1]


def last_payout(service: Service) -> Payout:
    """Return the simulator's own record of the last payout that it received."""
    return list(service.simulator.state.payouts.values())[-1]


def test_a_result_before_the_answer(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post(
        "/simulator/script", {"for": "b2c", "callback": "before_answer", "outcome": "paid"}
    )
    answer = service.refund(checkout, 100)
    assert answer.json["data"]["status"] == "succeeded"
    assert answer.json["data"]["refundId"] == service.ledger()["credits"][0]["conversationId"]
    assert service.payment(checkout)["status"] == "refunded"


def test_a_time_out_is_not_a_failure(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    refund = service.refunds()[0]
    service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/timeout")
    assert service.payment(checkout)["refunds"][0]["status"] == "unknown"
    assert service.row(checkout).refunding_amount == 100
    [*_, row] = service.inbox()
    assert (row.kind, row.verdict) == ("command_timeout", "applied")


def test_a_time_out_after_the_result_changes_nothing(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    payout = last_payout(service)
    complete(service)
    requests.post(payout.timeout_url, json={}, timeout=5)
    assert service.payment(checkout)["refunds"][0]["status"] == "succeeded"
    assert service.inbox()[-1].verdict == "noted"


def test_a_second_result_changes_nothing(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    for _ in range(3):
        assert result(service, token).json() == {"ResultCode": 0, "ResultDesc": "Success"}
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("partially_refunded", 60)
    assert [row.verdict for row in service.inbox()[-3:]] == ["applied", "duplicate", "duplicate"]


def test_a_result_that_contradicts_the_first_needs_a_person(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    result(service, token)
    result(service, token, ResultCode=1, ResultParameters=None)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.payment(checkout)["refundedAmount"] == 0, "not certain any more"
    assert service.row(checkout).refunding_amount == 60


def test_money_paid_after_a_failure_is_held_again(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    result(service, token, ResultCode=1, ResultParameters=None)
    assert service.row(checkout).refunding_amount == 0
    result(service, token)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.row(checkout).refunding_amount == 60


@pytest.mark.parametrize(
    "changes",
    [
        {"ResultParameters": {"ResultParameter": [{"Key": "TransactionAmount", "Value": 6000}]}},
        {"ResultParameters": {"ResultParameter": [{"Key": "TransactionAmount", "Value": 60.5}]}},
    ],
)
def test_a_result_over_another_amount_needs_a_person(service: Service, changes: dict) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service), **changes)
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "review"
    assert (payment["refundedAmount"], service.row(checkout).refunding_amount) == (0, 60)


def test_an_ambiguous_result_needs_a_person_and_stays_reserved(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service), ResultCode=31337, ResultParameters=None)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.row(checkout).refunding_amount == 60


def test_a_receipt_of_another_refund_needs_a_person(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service))
    service.clock.advance(1)
    service.refund(checkout, 20)
    result(service, result_token(service))
    assert [refund.status for refund in service.refunds()] == ["succeeded", "review"]
    assert service.payment(checkout)["refundedAmount"] == 60


@pytest.mark.parametrize("case", ["no such address", "time-out address", "other ids", "not JSON", "no ids"])
def test_forged_results_change_nothing(service: Service, case: str) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    payout = last_payout(service)
    token = result_token(service)
    forged = {"OriginatorConversationID": "another", "ConversationID": "AG_another"}
    if case == "no such address":
        result(service, "result/" + "x" * 43)
    elif case == "time-out address":
        result(service, "result/" + payout.timeout_url.rsplit("/", 1)[1])
    elif case == "other ids":
        result(service, token, **forged)
    elif case == "not JSON":
        requests.post(payout.result_url, data=b"{", timeout=5)
    else:
        requests.post(payout.result_url, json={"Result": {"ResultCode": 0}}, timeout=5)
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "pending"
    assert payment["refundedAmount"] == 0
    assert service.inbox()[-1].verdict in {"unmatched", "disputed", "unread"}
