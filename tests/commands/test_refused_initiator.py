"""Commands while M-Pesa refuses the initiator, and results on the address of status queries."""

import pytest
import requests

from mpesa_service.commands.sending import tokens_of
from mpesa_service.core import suspensions
from tests.commands.support import due_after, lost_answer, request_count
from tests.refunds import reversals
from tests.refunds.support import complete
from tests.support import Service


class TestRefusedInitiator:
    """Credential-class results suspend refunds with one alert, before the API user is locked."""

    def stop(self, service: Service) -> str:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service, resultCode=2001)
        return checkout

    @pytest.mark.parametrize("code", [2001, "TP40153"])
    @pytest.mark.parametrize("method", ["b2c", "reversal"])
    def test_the_refund_has_failed(self, service: Service, code: object, method: str) -> None:
        checkout = service.paid(amount=100)
        service.call("POST", f"/{checkout}/refund", {"method": method}, admin=True)
        (complete if method == "b2c" else reversals.complete)(service, resultCode=code)
        [refund] = service.refunds()
        assert (refund.status, refund.result_code) == ("failed", str(code))
        assert "fault on our side" in str(refund.failure_reason)
        assert service.row(checkout).refunding_amount == 0
        assert service.refund(checkout, 40).json["code"] == "refunds_suspended"

    def test_refunds_stop(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        checkout = self.stop(service)
        answer = service.refund(checkout, 40)
        assert (answer.status_code, answer.json["code"]) == (503, "refunds_suspended")
        assert "2001" in answer.json["message"]
        assert request_count(service, "b2c") == 1

    def test_what_is_due_waits(self, service: Service) -> None:
        first = lost_answer(service)
        assert first
        second = service.paid(order="ORDER2", amount=100, phone="254722000001")
        service.clock.advance(1)
        service.refund(second, 40)
        complete(service, resultCode=8006)
        sent = request_count(service, "b2c")
        assert due_after(service, 60) == 0
        assert request_count(service, "b2c") == sent

    def test_a_person_lets_them_go_on(self, service: Service) -> None:
        checkout = self.stop(service)
        runner, words = (
            service.app.test_cli_runner(),
            ["mpesa", "suspensions", "resume", "refunds", "--by", "amina"],
        )
        assert "are resumed" in runner.invoke(args=words).output
        assert "were not suspended" in runner.invoke(args=words).output
        assert service.refund(checkout, 40).status_code == 200

    def test_one_alert_however_often(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        checkout = service.paid(amount=100)
        for amount in (20, 30):
            service.clock.advance(1)
            service.refund(checkout, amount)
        for number in (0, 1):
            complete(service, number, resultCode=21)
        alerts = [record.args[0] for record in caplog.records if "ALERT" in record.getMessage()]
        assert alerts == ["refunds and payouts"]

    def test_a_status_query_can_report_it_too(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        service.simulator.post("/simulator/script", {"for": "transaction_status", "outcome": "2001"})
        due_after(service, 60)
        assert service.refund(checkout, 40).json["code"] == "refunds_suspended"
        assert service.refunds()[0].status == "pending"


NO_PERMISSION = {
    "status": 200,
    "body": {"ResponseCode": "TP40153", "ResponseDescription": "The initiator is not allowed to do this."},
}


class TestRefusedAtOnce:
    """Daraja may refuse the initiator in its answer, before there is a result."""

    def answer(self, service: Service, operation: str) -> None:
        service.simulator.post("/simulator/script", {"for": operation, "answer": NO_PERMISSION, "times": 9})

    def suspended(self, service: Service) -> bool:
        with service.runtime.database.read() as session:
            names = (suspensions.REFUNDS, suspensions.PAYOUTS)
            return all(suspensions.is_in_force(session, name) for name in names)

    def test_a_refund(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        self.answer(service, "b2c")
        answer = service.refund(checkout, 40)
        assert (answer.status_code, answer.json["code"]) == (502, "provider_refused")
        assert answer.json["message"].startswith("The money was not sent because of a fault on our side")
        [refund] = service.refunds()
        assert (refund.status, refund.result_code, self.suspended(service)) == ("failed", "TP40153", True)

    def test_without_a_description(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        answer = {"status": 500, "body": {"requestId": "1-2-3", "errorCode": "tp40153"}}
        service.simulator.post("/simulator/script", {"for": "b2c", "answer": answer, "times": 9})
        service.refund(checkout, 40)
        reasons = {one.reason for one in suspensions.list_all(service.runtime)}
        assert reasons == {"M-Pesa refuses the initiator (tp40153)"}

    def test_a_refund_that_is_sent_again(self, service: Service) -> None:
        lost_answer(service)
        self.answer(service, "b2c")
        assert due_after(service, 60) == 1
        assert (service.refunds()[0].status, self.suspended(service)) == ("unknown", True)

    def test_a_status_query(self, service: Service) -> None:
        service.refund(service.paid(amount=100), 40)
        self.answer(service, "transaction_status")
        due_after(service, 60)
        assert (service.refunds()[0].status, self.suspended(service)) == ("pending", True)

    def test_an_inquiry(self, service: Service) -> None:
        self.answer(service, "account_balance")
        answer = service.call("POST", "/balance", by="boss", admin=True)
        assert (answer.status_code, answer.json["code"]) == (502, "provider_refused")
        assert "lacks the permission" in answer.json["message"]
        assert self.suspended(service)


class TestStatusAddress:
    def url(self, service: Service, use: str) -> str:
        tokens = tokens_of(service.runtime.encryption, "refund", service.refunds()[0].id)
        return f"{service.url}/api/mpesa/callback/command/status/{use}/{tokens.status}"

    def test_a_time_out_has_no_effect(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        requests.post(self.url(service, "timeout"), json={}, timeout=5)
        assert service.inbox()[-1].verdict == "noted"
        assert service.refunds()[0].status == "pending"

    @pytest.mark.parametrize("use", ["result", "timeout"])
    def test_of_nobody(self, service: Service, use: str) -> None:
        body = {"Result": {"ResultType": 0, "ResultCode": 0, "ResultDesc": "", "ConversationID": "AG_1"}}
        body["Result"]["OriginatorConversationID"] = "x"
        requests.post(
            f"{service.url}/api/mpesa/callback/command/status/{use}/{'0' * 64}", json=body, timeout=5
        )
        assert service.inbox()[-1].verdict == "unmatched"

    def test_unreadable(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        requests.post(self.url(service, "result"), data=b"{", timeout=5)
        assert service.inbox()[-1].verdict == "unread"
