"""A result that says that another message follows is noted, and settles nothing."""

from typing import Any

import pytest
import requests

from mpesa_service.commands.sending import tokens_of
from mpesa_service.models import Inquiry, PayoutEvent
from tests.payouts.support import act, made, pay, payouts
from tests.refunds.test_results import last_payout, result, result_token
from tests.support import Service

NOT_FINAL = [1, "1", 2, "waiting", True, []]
FINAL = [0, "0", None, ""]


@pytest.fixture
def checkout(service: Service) -> str:
    """A payment of 100 with a refund of 100 that M-Pesa has queued."""
    checkout = service.paid(amount=100)
    assert service.refund(checkout, 100).status_code == 200
    return checkout


@pytest.mark.parametrize("code", [0, 1, 2001, "NEW"])
@pytest.mark.parametrize("kind", NOT_FINAL, ids=repr)
def test_a_refund_stays_pending(service: Service, checkout: str, kind: Any, code: Any) -> None:
    result(service, result_token(service), ResultType=kind, ResultCode=code)
    [refund] = service.refunds()
    assert (refund.status, refund.result_code, service.inbox()[-1].verdict) == ("pending", None, "noted")
    assert service.row(checkout).refunding_amount == 100
    assert service.events(service.row(checkout).id)[-1].cause == "refund_waiting"
    assert service.refund(checkout, 100).status_code == 409
    assert service.call("GET", "/suspensions", by="boss", admin=True).json["data"] == []

    result(service, result_token(service))
    assert service.payment(checkout)["status"] == "refunded"


@pytest.mark.parametrize("kind", FINAL, ids=repr)
def test_a_final_result_counts(service: Service, checkout: str, kind: Any) -> None:
    result(service, result_token(service), ResultType=kind)
    assert service.refunds()[0].status == "succeeded"


def test_after_the_final_result_it_changes_nothing(service: Service, checkout: str) -> None:
    result(service, result_token(service))
    result(service, result_token(service), ResultType=1, ResultCode=1)
    assert (service.refunds()[0].status, service.inbox()[-1].verdict) == ("succeeded", "noted")


def test_an_answer_to_a_query_may_wait_too(service: Service, checkout: str) -> None:
    token = tokens_of(service.runtime.encryption, "refund", service.refunds()[0].id).status
    items = [{"Key": "TransactionStatus", "Value": "Completed"}, {"Key": "Amount", "Value": 100}]
    for kind, status in ((1, "pending"), (0, "succeeded")):
        result(
            service, f"status/result/{token}", ResultType=kind, ResultParameters={"ResultParameter": items}
        )
        assert service.refunds()[0].status == status


def test_a_payout_stays_pending(service: Service) -> None:
    act(service, made(service), "approve", by="juma")
    pay(service)
    [row] = payouts(service)
    body = {"ResultType": 1, "ResultCode": 0, "ConversationID": row.conversation_id}
    requests.post(last_payout(service).result_url, json={"Result": body}, timeout=5)
    assert (payouts(service)[0].status, service.inbox()[-1].verdict) == ("pending", "noted")
    with service.runtime.database.read() as session:
        assert session.query(PayoutEvent).order_by(PayoutEvent.id.desc()).first().cause == "payout_waiting"


def test_an_inquiry_stays_open(service: Service) -> None:
    service.call("POST", "/balance?wait=0", by="boss", admin=True)
    with service.runtime.database.read() as session:
        inquiry = session.query(Inquiry).one()
    token = tokens_of(service.runtime.encryption, "inquiry", inquiry.id).result
    body = {"Result": {"ResultType": 1, "ResultCode": 1, "ConversationID": "AG_1"}}
    requests.post(f"{service.url}/api/mpesa/callback/command/result/{token}", json=body, timeout=5)
    with service.runtime.database.read() as session:
        assert session.query(Inquiry).one().status == "pending"
    assert service.inbox()[-1].verdict == "noted"
