"""Inquiries: sent once, answered on their own address, sent again without an answer."""

from typing import Any

import pytest
import requests
from sqlalchemy import select

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.commands.sending import tokens_of
from mpesa_service.core import suspensions
from mpesa_service.daraja import NotSent, OutcomeUnknown
from mpesa_service.errors import NotFound
from mpesa_service.inquiries.request import find_inquiry, transaction_status, wait_for
from mpesa_service.models import Inquiry
from mpesa_service.verification.payments import verify
from tests.support import PHONE, Service, start_service


def request_status(service: Service, receipt: str, **query: Any) -> Any:
    path = f"/transactions/{receipt}" + "".join(f"?{key}={value}" for key, value in query.items())
    return service.call("GET", path, by="boss", admin=True)


def answered(service: Service) -> None:
    """Let the simulator answer the inquiries."""
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})


def script(service: Service, **how: str) -> None:
    service.simulator.post("/simulator/script", {"for": "transaction_status", **how})


def inquiries(service: Service) -> list[Inquiry]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(Inquiry).order_by(Inquiry.id)))


def receipt_of(service: Service, checkout: str) -> str:
    return str(service.payment(checkout)["mpesaReceiptNumber"])


def post(service: Service, use: str, body: Any) -> str:
    tokens = tokens_of(service.runtime.encryption, "inquiry", inquiries(service)[-1].id)
    token = tokens.timeout if use == "timeout" else tokens.result
    url = f"{service.url}/api/mpesa/callback/command/{use}/{token}"
    assert requests.post(url, json=body, timeout=5).status_code == 200
    return service.inbox()[-1].verdict


class TestTransactionStatus:
    def test_is_queried_and_answered(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        receipt = receipt_of(service, checkout)
        first = request_status(service, receipt.lower())
        data = first.json["data"]
        assert (first.status_code, data["status"], data["transaction"]) == (202, "pending", None)
        answered(service)
        answer = request_status(service, receipt)
        data = answer.json["data"]
        assert (answer.status_code, data["status"]) == (200, "answered")
        shown = data["transaction"]
        assert (shown["status"], shown["amount"], shown["mpesaReceiptNumber"]) == (
            "Completed",
            "100.00",
            receipt,
        )
        assert shown["debitParty"] == f"{PHONE[:6]}***{PHONE[-3:]} - C*** {PHONE[-4:]}"
        assert shown["creditParty"].startswith("174379 - ")
        assert shown["finalisedAt"]
        assert (data["ours"]["kind"], data["ours"]["_id"]) == ("payment", service.row(checkout).id)
        assert len(inquiries(service)) == 1
        assert service.inbox()[-1].inquiry_id == data["_id"]
        assert list(verify(service.runtime)) == []

    def test_what_it_names_is_encrypted(self, service: Service) -> None:
        request_status(service, receipt_of(service, service.paid()))
        answered(service)
        [row] = inquiries(service)
        assert row.answer_encrypted is not None
        assert PHONE.encode() not in row.answer_encrypted
        assert PHONE in service.runtime.encryption.decrypt(row.answer_encrypted)

    def test_serves_for_a_minute(self, service: Service) -> None:
        receipt = receipt_of(service, service.paid())
        request_status(service, receipt)
        request_status(service, receipt)
        assert len(inquiries(service)) == 1, "it is still waited for"
        answered(service)
        service.clock.advance(60)
        assert request_status(service, receipt).status_code == 202
        assert len(inquiries(service)) == 2

    def test_of_a_refund(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        refund = service.refunds()[0]
        service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/complete")
        receipt = service.refunds()[0].receipt
        request_status(service, receipt)
        answered(service)
        assert request_status(service, receipt).json["data"]["ours"]["kind"] == "refund"

    def test_of_a_receipt_that_nobody_knows(self, service: Service) -> None:
        request_status(service, "UKN2ABCDEF")
        answered(service)
        answer = request_status(service, "UKN2ABCDEF")
        data = answer.json["data"]
        assert (answer.status_code, data["status"], data["resultCode"]) == (200, "failed", "2032")
        assert "does not know" in data["failureReason"]
        assert (data["ours"], data["transaction"]) == (None, None)

    @pytest.mark.parametrize("receipt", ["short", "x" * 33, "UKN2-ABCDE"])
    def test_of_what_is_no_receipt(self, service: Service, receipt: str) -> None:
        answer = request_status(service, receipt)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_receipt")

    def test_nothing_but_a_word_is_no_answer(self, service: Service) -> None:
        request_status(service, "UKN2ABCDEF")
        body = {"ResultType": 0, "ResultCode": 0, "ResultDesc": "", "ConversationID": "AG_1"}
        assert post(service, "result", {"Result": body}) == "applied"
        [row] = inquiries(service)
        assert (row.status, row.failure_reason) == ("failed", "M-Pesa's answer says nothing.")
        parameters = {"ResultParameter": [{"Key": "TransactionStatus", "Value": "Completed"}]}
        assert post(service, "result", {"Result": {**body, "ResultParameters": parameters}}) == "duplicate"
        assert inquiries(service)[0].status == "failed"

    def test_an_answer_without_times_and_parties(self, service: Service) -> None:
        request_status(service, "UKN2ABCDEF")
        body = {"ResultType": 0, "ResultCode": 0, "ResultDesc": "", "ConversationID": "AG_1"}
        parameters = {"ResultParameter": [{"Key": "TransactionStatus", "Value": "Cancelled"}]}
        post(service, "result", {"Result": {**body, "ResultParameters": parameters}})
        shown = request_status(service, "UKN2ABCDEF").json["data"]["transaction"]
        assert (shown["status"], shown["debitParty"], shown["amount"], shown["finalisedAt"]) == (
            "Cancelled",
            None,
            None,
            None,
        )


class TestWaiting:
    def test_waits_for_the_answer(self, service: Service) -> None:
        record = transaction_status(service.runtime, "boss", receipt_of(service, service.paid()))
        found = wait_for(service.runtime, record, 5, sleep=lambda _: answered(service))
        assert found.status == "answered"

    def test_the_wait_is_limited(self, service: Service) -> None:
        record = transaction_status(service.runtime, "boss", "UKN2ABCDEF")
        ticks = iter([0.0, 0.0, 1.0, 2.0])
        found = wait_for(service.runtime, record, 2, sleep=lambda _: None, monotonic=lambda: next(ticks))
        assert found.status == "pending"

    def test_over_http(self, service: Service) -> None:
        service.simulator.post(
            "/simulator/script", {"for": "transaction_status", "callback": "before_answer"}
        )
        answer = request_status(service, receipt_of(service, service.paid()), wait=10)
        assert answer.json["data"]["status"] == "answered"
        assert request_status(service, "UKN2ABCDEF", wait=11).status_code == 400

    def test_for_what_is_not_there(self, service: Service) -> None:
        with pytest.raises(NotFound):
            find_inquiry(service.runtime, "none")


class TestSilence:
    def look(self, service: Service, seconds: float) -> int:
        service.clock.advance(seconds)
        return check_due(service.runtime, KINDS)

    def test_is_queried_again(self, service: Service) -> None:
        script(service, callback="lost")
        receipt = receipt_of(service, service.paid())
        request_status(service, receipt)
        answered(service)
        assert self.look(service, 60) == 1
        answered(service)
        assert request_status(service, receipt).json["data"]["status"] == "answered"
        assert len(inquiries(service)) == 1

    def test_an_unanswered_inquiry_too(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_query: object) -> None:
            raise OutcomeUnknown("time-out", operation="transaction_status")

        monkeypatch.setattr(service.runtime.daraja, "transaction_status", fail)
        assert request_status(service, "UKN2ABCDEF").status_code == 202
        monkeypatch.undo()
        self.look(service, 60)
        answered(service)
        assert inquiries(service)[0].result_code == "2032"

    def test_in_the_end_it_has_failed(self, service: Service) -> None:
        for _ in range(9):
            script(service, callback="lost")
        request_status(service, "UKN2ABCDEF")
        assert [self.look(service, seconds) for seconds in (60, 240, 600)] == [1, 1, 1]
        [row] = inquiries(service)
        assert (row.status, row.failure_reason) == ("failed", "M-Pesa did not answer the inquiry.")
        assert row.next_check_at is None

    def test_a_time_out_leaves_it_open(self, service: Service) -> None:
        request_status(service, "UKN2ABCDEF")
        assert post(service, "timeout", {}) == "applied"
        assert inquiries(service)[0].status == "pending"

    def test_open_and_never_queried_is_found(self, service: Service) -> None:
        request_status(service, "UKN2ABCDEF")
        with service.runtime.database.begin() as session:
            session.scalars(select(Inquiry)).one().next_check_at = None
        [violation] = verify(service.runtime)
        assert (violation.invariant, violation.subject) == ("inquiries_are_due", inquiries(service)[0].id)


class TestRefused:
    def test_what_was_not_sent_may_be_queried_again_at_once(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_query: object) -> None:
            raise NotSent("connection refused", operation="transaction_status")

        monkeypatch.setattr(service.runtime.daraja, "transaction_status", fail)
        answer = request_status(service, "UKN2ABCDEF")
        assert (answer.status_code, answer.json["code"]) == (503, "provider_unreachable")
        assert inquiries(service)[0].status == "failed"
        monkeypatch.undo()
        assert request_status(service, "UKN2ABCDEF").status_code == 202

    def test_a_refused_initiator_stops_everything(self, service: Service) -> None:
        script(service, outcome="2001")
        request_status(service, "UKN2ABCDEF")
        request_status(service, "UKN3ABCDEF")
        answered(service)
        checkout = service.paid()
        assert service.refund(checkout).json["code"] == "refunds_suspended"
        service.clock.advance(60)
        answer = request_status(service, "UKN4ABCDEF")
        assert (answer.status_code, answer.json["code"]) == (503, "initiator_refused")
        with service.runtime.database.read() as session:
            assert "2001" in str(suspensions.why_suspended(session, suspensions.PAYOUTS))
        assert check_due(service.runtime, KINDS) == 0
        assert suspensions.resume(service.runtime, "amina", suspensions.REFUNDS)
        assert request_status(service, "UKN4ABCDEF").status_code == 202

    def test_without_an_initiator(self, service_env: dict, listening, simulator, clock, sqlite_url) -> None:
        env = {**service_env, "DATABASE_URL": sqlite_url, "MPESA_ENVIRONMENT": "sandbox"}
        env.update(MPESA_CONSUMER_KEY="k", MPESA_CONSUMER_SECRET="s", MPESA_SHORTCODE="174379")
        env.update(MPESA_PASSKEY="bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919")
        service = start_service(listening, simulator, clock, env)
        answer = request_status(service, "UKN2ABCDEF")
        assert (answer.status_code, answer.json["code"]) == (503, "not_set_up")
        service.runtime.database.dispose()


class TestCommandLine:
    def run(self, service: Service, *words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", "status", *words])

    def test_queries_and_shows(self, service: Service) -> None:
        receipt = receipt_of(service, service.paid())
        assert "Run the command again" in self.run(service, receipt).output
        answered(service)
        result = self.run(service, receipt, "--wait")
        assert (result.exit_code, "Completed" in result.output) == (0, True)
        assert PHONE not in result.output

    def test_for_scripts(self, service: Service) -> None:
        self.run(service, "UKN2ABCDEF")
        answered(service)
        result = self.run(service, "UKN2ABCDEF", "--json")
        assert (result.exit_code, '"resultCode": "2032"' in result.output) == (1, True)

    @pytest.mark.parametrize("receipt", ["bad", "", "UKN2-ABCDEF", "A" * 33, "UKN2ABCDÉF"])
    def test_queries_only_what_may_be_a_receipt(self, service: Service, receipt: str) -> None:
        result = self.run(service, receipt)
        assert (result.exit_code, "6 to 32 letters and digits" in result.output) == (1, True)
        assert inquiries(service) == []

    def test_says_what_is_refused(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_query: object) -> None:
            raise NotSent("connection refused", operation="transaction_status")

        monkeypatch.setattr(service.runtime.daraja, "transaction_status", fail)
        result = self.run(service, "UKN2ABCDEF")
        assert (result.exit_code, "cannot be reached" in result.output) == (1, True)
