"""What M-Pesa posts to a command's addresses."""

import pytest
import requests

from mpesa_service.commands.sending import tokens_of
from tests.refunds.test_results import last_payout, result
from tests.support import Service


def token(service: Service, use: str) -> str:
    tokens = tokens_of(service.runtime.encryption, "refund", service.refunds()[0].id)
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


@pytest.mark.parametrize("path", ["command/result", "command/status/result"])
def test_an_unreadable_body_is_kept_with_whom_it_concerned(
    service: Service, checkout: str, path: str
) -> None:
    use = "status" if "status" in path else "result"
    post(service, f"{path}/{token(service, use)}", {"Result": {}})
    [*_, row] = service.inbox()
    assert (row.verdict, row.refund_id) == ("unread", service.refunds()[0].id)
    assert row.payment_id == service.row(checkout).id


def test_a_result_without_daraja_s_own_id(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    service.refund(checkout, 60)
    result(service, f"result/{token(service, 'result')}", ConversationID="")
    refund = service.refunds()[0]
    assert (refund.status, refund.conversation_id) == ("succeeded", None)
