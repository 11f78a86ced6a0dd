"""Results of reversals that are late, lost or wrong."""

from typing import Any

import pytest
import requests

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.commands.sending import tokens_of
from tests.refunds.reversals import complete, reverse, verify_all
from tests.support import Service


@pytest.fixture(autouse=True)
def _by_hand(service: Service) -> None:
    service.simulator.post("/simulator/options", {"reversal_auto": "hold"})


def look(service: Service, seconds: float = 60) -> None:
    service.clock.advance(seconds)
    assert check_due(service.runtime, KINDS) == 1
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})


class TestSentAgain:
    def taken_twice(self, service: Service, **script: str) -> str:
        """Return a payment whose reversal was taken twice: the first answer was lost."""
        checkout = service.paid(amount=100)
        for more in ({"fault": "answer_lost"}, {}):
            service.simulator.post("/simulator/script", {"for": "reversal", **script, **more})
        assert reverse(service, checkout).status_code == 202
        look(service)
        assert len(service.ledger()["reversals"]) == 2
        assert service.refunds()[0].status == "pending"
        return checkout

    @pytest.fixture
    def checkout(self, service: Service) -> str:
        return self.taken_twice(service)

    def events(self, service: Service, checkout: str) -> list[str]:
        return [event.cause for event in service.events(service.row(checkout).id)]

    def test_the_second_try_is_in_the_trail_before_it_is_made(self, service: Service, checkout: str) -> None:
        assert self.events(service, checkout)[-3:] == [
            "refund_unanswered",
            "refund_sent_again",
            "refund_accepted",
        ]

    def test_the_result_of_the_first_is_believed(self, service: Service, checkout: str) -> None:
        """It names ids that we never received, and the receipt that had to be reversed."""
        complete(service, 0)
        assert service.payment(checkout)["status"] == "refunded"
        complete(service, 1)
        assert service.ledger()["reversals"][1]["resultCode"] == "R000001"
        assert service.payment(checkout)["status"] == "refunded", "the second one contains nothing new"
        assert len(service.ledger()["credits"]) == 1
        assert service.payment(checkout)["refunds"][0]["status"] == "succeeded"
        assert [row.verdict for row in service.inbox()[-2:]] == ["applied", "noted"]
        verify_all(service)

    def test_already_reversed_is_no_verdict(self, service: Service, checkout: str) -> None:
        complete(service, 1, resultCode="R000001")
        assert service.refunds()[0].status == "pending"
        assert service.inbox()[-1].verdict == "noted"
        complete(service, 0)
        assert service.payment(checkout)["status"] == "refunded"
        verify_all(service)

    def test_nor_is_what_became_of_the_second_try(self, service: Service) -> None:
        checkout = self.taken_twice(service, callback="lost")
        complete(service, 0)
        complete(service, 1)
        look(service, 300)
        assert service.inbox()[-1].kind == "command_status_result"
        assert "more than once" in service.inbox()[-1].reason
        assert service.refunds()[0].status == "pending"
        for seconds in (900, 3_600, 21_600, 86_400):
            look(service, seconds)
        [refund] = service.payment(checkout)["refunds"]
        assert refund["status"] == "review", "only a person can decide"
        assert service.row(checkout).refunding_amount == 100
        post_result(service, ResultCode="R000001", ResultParameters=None)
        assert service.inbox()[-1].reason == "unclear; a person decides"

    def test_a_clear_refusal_is_one(self, service: Service, checkout: str) -> None:
        complete(service, 1, resultCode=1)
        assert service.payment(checkout)["refunds"][0]["status"] == "failed"


def post_result(service: Service, **changes: Any) -> None:
    refund = service.refunds()[0]
    parameters = {"Amount": 100.0, "OriginalTransactionID": service.payments()[0].receipt}
    parameters.update(changes.pop("parameters", {}))
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "",
        "OriginatorConversationID": "another",
        "ConversationID": "AG_another",
        "TransactionID": "SKE52PAWR9",
        "ResultParameters": {
            "ResultParameter": [{"Key": key, "Value": value} for key, value in parameters.items()]
        },
    }
    body.update(changes)
    token = tokens_of(service.runtime.encryption, "refund", refund.id).result
    url = f"{service.url}/api/mpesa/callback/command/result/{token}"
    assert requests.post(url, json={"Result": body}, timeout=5).status_code == 200


@pytest.mark.parametrize("changes", [{"parameters": {"OriginalTransactionID": "OTHER"}}, {"ResultCode": 1}])
def test_a_result_that_is_about_something_else_is_disputed(service: Service, changes: dict) -> None:
    reverse(service, service.paid(amount=100))
    if "ResultCode" in changes:
        changes = {**changes, "ResultParameters": None}
    post_result(service, **changes)
    assert service.inbox()[-1].verdict == "disputed"
    assert service.refunds()[0].status == "pending"


def test_a_lost_result_is_made_up_for_by_a_query(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "reversal", "callback": "lost"})
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    complete(service)
    look(service)
    payment = service.payment(checkout)
    assert (payment["status"], service.refunds()[0].evidence) == ("refunded", "status")
    assert payment["refunds"][0]["mpesaReceiptNumber"] == service.ledger()["credits"][0]["receipt"]


def test_declined_by_the_answer_to_a_query(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "reversal", "callback": "lost"})
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    complete(service, resultCode=1)
    look(service)
    assert service.payment(checkout)["refunds"][0]["status"] == "failed"


def test_a_time_out_leaves_it_open(service: Service) -> None:
    checkout = service.paid(amount=100)
    reverse(service, checkout)
    conversation = service.ledger()["reversals"][0]["conversationId"]
    service.simulator.post(f"/simulator/commands/{conversation}/timeout")
    assert service.payment(checkout)["refunds"][0]["status"] == "unknown"
    complete(service)
    assert service.payment(checkout)["status"] == "refunded"
