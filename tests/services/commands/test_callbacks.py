"""What M-Pesa posts to a command's addresses, under their names of today and of before."""

import pytest
import requests

from mpesa_service.services.commands.sending import tokens_of
from tests.services.test_refunds import last_payout, result
from tests.support import Service


def token(service: Service, use: str) -> str:
    tokens = tokens_of(service.runtime.vault, "refund", service.refunds()[0].id)
    return str(getattr(tokens, use))


def post(service: Service, path: str, body: object) -> None:
    answer = requests.post(f"{service.url}/api/mpesa/callback/{path}", json=body, timeout=5)
    assert answer.json() == {"ResultCode": 0, "ResultDesc": "Success"}


@pytest.fixture
def checkout(service: Service) -> str:
    """A payment of 100 with a refund of 60 under way."""
    checkout = service.paid(amount=100)
    assert service.refund(checkout, 60).status_code == 200
    return checkout


def test_every_command_is_sent_with_its_own_addresses(service: Service, checkout: str) -> None:
    base = f"{service.url}/api/mpesa/callback/command"
    payout = last_payout(service)
    assert payout.result_url == f"{base}/result/{token(service, 'result')}"
    assert payout.timeout_url == f"{base}/timeout/{token(service, 'timeout')}"


def test_a_refund_sent_before_the_addresses_changed_is_still_heard(service: Service, checkout: str) -> None:
    post(service, f"b2c/timeout/{token(service, 'timeout')}", {})
    assert service.payment(checkout)["refunds"][0]["status"] == "unknown"
    post(service, f"status/timeout/{token(service, 'status')}", {})
    result(service, f"../b2c/result/{token(service, 'result')}")
    assert service.payment(checkout)["status"] == "partially_refunded"
    rows = service.inbox()[-3:]
    assert [(row.kind, row.verdict) for row in rows] == [
        ("b2c_timeout", "applied"),
        ("status_timeout", "noted"),
        ("b2c_result", "applied"),
    ]
    assert {row.refund_id for row in rows} == {service.refunds()[0].id}


def test_an_answer_on_the_old_status_address(service: Service, checkout: str) -> None:
    told = {"TransactionStatus": "Completed", "ReceiptNo": "SG632NMUAB", "Amount": "60"}
    parameters = [{"Key": key, "Value": value} for key, value in told.items()]
    body = {"ResultType": 0, "ResultCode": 0, "ResultDesc": "", "ConversationID": "AG_query"}
    body["ResultParameters"] = {"ResultParameter": parameters}
    post(service, f"status/result/{token(service, 'status')}", {"Result": body})
    assert service.payment(checkout)["refunds"][0]["mpesaReceiptNumber"] == "SG632NMUAB"
    assert service.inbox()[-1].kind == "status_result"


@pytest.mark.parametrize("path", ["command/result", "command/status/result"])
def test_an_unreadable_body_is_kept_with_whom_it_concerned(
    service: Service, checkout: str, path: str
) -> None:
    use = "status" if "status" in path else "result"
    post(service, f"{path}/{token(service, use)}", {"Result": {}})
    [*_, row] = service.inbox()
    assert (row.verdict, row.refund_id) == ("unreadable", service.refunds()[0].id)
    assert row.payment_id == service.row(checkout).id


def test_a_result_without_daraja_s_own_id(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    service.refund(checkout, 60)
    result(service, f"result/{token(service, 'result')}", ConversationID="")
    refund = service.refunds()[0]
    assert (refund.status, refund.conversation_id) == ("succeeded", None)
