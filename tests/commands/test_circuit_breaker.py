"""Results with an unknown code, from M-Pesa to the list of suspensions."""

import json
from typing import Any

import pytest

from mpesa_service.core import suspensions
from mpesa_service.daraja import command_sentence
from mpesa_service.domain.commands import CommandType
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import Health
from tests.commands.support import due_after
from tests.core.test_circuit_breaker import alerts, count, suspended
from tests.inquiries.test_balances import refresh
from tests.inquiries.test_request import answered, inquiries, request_status
from tests.payouts.support import at_m_pesa, complete, counts, look, made, pay, payouts, script, to_phones
from tests.payouts.test_command import post_result
from tests.refunds import reversals
from tests.refunds.support import complete as complete_refund
from tests.support import Service

CODE = "31337"


def run(service: Service, *words: str) -> str:
    return service.app.test_cli_runner().invoke(args=["mpesa", "suspensions", *words]).stdout


def waiting_one_by_one(service: Service) -> None:
    service.clock.advance(60)
    pay(service)
    service.simulator.post("/simulator/clock/advance", {"seconds": 60})


class TestPayouts:
    @pytest.fixture
    def one_by_one(self, service_env: dict[str, str]) -> None:
        service_env["PAYOUTS_PER_MINUTE"] = "1"

    @pytest.mark.usefixtures("one_by_one")
    def test_a_batch_stops_after_five(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        batch = made(service, *to_phones(20))
        script(service, outcome=CODE, times=99)
        for _ in range(8):
            waiting_one_by_one(service)
        assert counts(service, batch) == {"review": 5, "waiting": 15}
        assert {(row.result_code, row.failure_reason) for row in payouts(service)[:5]} == {
            (
                CODE,
                f"Needs manual review: {command_sentence(CommandType.B2C_PAYOUT, CODE).text}",
            )
        }
        assert suspended(service) == ["payouts: unknown code"]
        assert len(alerts(caplog)) == 1
        assert CODE in look(service, f"/{batch}").json["data"]["suspensionReason"]
        [shown] = json.loads(run(service, "list", "--json"))
        assert (shown["name"], CODE in shown["reason"]) == ("payouts: unknown code", True)
        assert CODE in run(service, "list")
        [listed] = service.call("GET", "/suspensions", by="boss", admin=True).json["data"]
        assert listed == shown
        [found] = doctor.suspended(service.runtime)
        assert (found.health, CODE in found.found) == (Health.WARNING, True)
        assert "mpesa suspensions resume payouts --by NAME" in found.advice

        service.simulator.post("/simulator/reset", {"b2c_auto": "pay"})
        assert "Payouts are resumed." in run(service, "resume", "payouts", "--by", "amina")
        for _ in range(15):
            waiting_one_by_one(service)
        assert counts(service, batch) == {"review": 5, "succeeded": 15}
        assert [one.health for one in doctor.suspended(service.runtime)] == [Health.GOOD]

    def test_those_that_were_sent_end_as_before(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        batch = made(service, *to_phones(20))
        pay(service)
        complete(service, resultCode=int(CODE))
        assert counts(service, batch) == {"review": 6, "waiting": 14}
        assert (suspended(service), len(alerts(caplog))) == (["payouts: unknown code"], 1)
        service.clock.advance(3600)
        assert pay(service) == 0

    def test_the_same_result_again_is_not_another_one(self, service: Service) -> None:
        made(service)
        pay(service)
        for _ in range(6):
            post_result(service, ResultCode=CODE)
        assert (count(service), suspended(service)) == (1, [])

    @pytest.mark.parametrize("between", [0, 2040])
    def test_a_success_or_a_known_code_between(self, service: Service, between: int) -> None:
        made(service, *to_phones(6))
        pay(service)
        for number in range(4):
            post_result(service, number, ResultCode=CODE)
        post_result(service, 4, ResultCode=between)
        post_result(service, 5, ResultCode=CODE)
        assert (count(service), suspended(service)) == (1, [])

    def test_a_late_success_of_one_in_review(self, service: Service) -> None:
        made(service, *to_phones(2))
        pay(service)
        post_result(service, 0, ResultCode=CODE)
        post_result(service, 0, ResultCode=0)
        assert count(service) == 0

    def test_a_result_that_decides_nothing_does_not_count(self, service: Service) -> None:
        batch = made(service)
        pay(service)
        script(service, "transaction_status", outcome=CODE, times=9)
        for _ in range(5):
            due_after(service, 3600)
        assert (counts(service, batch), count(service)) == ({"pending": 1}, 0)

    @pytest.mark.usefixtures("one_by_one")
    @pytest.mark.parametrize(
        ("status", "body"),
        [
            (200, {"ResponseCode": CODE, "ResponseDescription": "New."}),
            (400, {"requestId": "1", "errorCode": "400.999.99", "errorMessage": "New."}),
        ],
    )
    def test_refused_at_once(self, service: Service, status: int, body: dict[str, Any]) -> None:
        batch = made(service, *to_phones(7))
        script(service, answer={"status": status, "body": body}, times=99)
        for _ in range(7):
            waiting_one_by_one(service)
        assert counts(service, batch) == {"failed": 5, "waiting": 2}
        assert suspended(service) == ["payouts: unknown code"]

    @pytest.mark.usefixtures("one_by_one")
    def test_a_known_refusal_between(self, service: Service) -> None:
        made(service, *to_phones(6))
        new = {"ResponseCode": CODE, "ResponseDescription": "New."}
        script(service, answer={"status": 200, "body": new}, times=4)
        for _ in range(4):
            waiting_one_by_one(service)
        assert count(service) == 4
        bad = {"requestId": "1", "errorCode": "400.002.05", "errorMessage": "Invalid Request Payload"}
        script(service, answer={"status": 400, "body": bad})
        waiting_one_by_one(service)
        assert count(service) == 0


class TestRefunds:
    def refused(self, service: Service, method: str, times: int = 5) -> None:
        """Let refunds of this method end with the unknown code."""
        for number in range(times):
            paid = service.paid(order=f"{method}{number}", amount=100, phone=f"25472200{number:04}")
            service.clock.advance(1)
            assert self.refund(service, paid, method).status_code == 200
            (complete_refund if method == "b2c" else reversals.complete)(service, resultCode=int(CODE))
        assert {refund.status for refund in service.refunds()} == {"review"}

    def refund(self, service: Service, paid: str, method: str) -> Any:
        return service.call("POST", f"/{paid}/refund", {"method": method}, by="boss", admin=True)

    @pytest.mark.parametrize(
        ("method", "other", "name"),
        [
            ("b2c", "reversal", "B2C refunds: unknown code"),
            ("reversal", "b2c", "reversals: unknown code"),
        ],
    )
    def test_one_method_is_suspended(self, service: Service, method: str, other: str, name: str) -> None:
        self.refused(service, method)
        assert suspended(service) == [name]
        paid = service.paid(order="NEXT", amount=100, phone="254733000001")
        answer = self.refund(service, paid, method)
        assert (answer.status_code, answer.json["code"]) == (503, "refunds_suspended")
        assert CODE in answer.json["message"]
        assert service.row(paid).refunding_amount == 0
        assert self.refund(service, paid, other).status_code == 200
        assert suspensions.resume(service.runtime, "amina", suspensions.REFUNDS)
        more = service.paid(order="MORE", amount=100, phone="254733000002")
        assert self.refund(service, more, method).status_code == 200


class TestInquiries:
    def test_about_transactions(self, service: Service) -> None:
        script(service, "transaction_status", outcome=CODE, times=9)
        for number in range(5):
            request_status(service, f"UKN{number}ABCDEF")
            answered(service)
        reason = str(inquiries(service)[-1].failure_reason)
        assert reason == "M-Pesa did not answer the query. Its result has a code that is in no table."
        assert suspended(service) == ["status inquiries: unknown code"]
        answer = request_status(service, "UKN9ABCDEF")
        assert (answer.status_code, answer.json["code"]) == (503, "inquiries_suspended")
        assert refresh(service).status_code == 202, "another kind"
        ended = service.call("POST", "/suspensions/inquiries/resume", by="boss", admin=True)
        assert (ended.status_code, ended.json["message"]) == (200, "Inquiries are resumed.")
        assert request_status(service, "UKN9ABCDEF").status_code == 202

    def test_about_balances(self, service: Service) -> None:
        script(service, "account_balance", outcome=CODE, times=9)
        for _ in range(5):
            service.clock.advance(61)
            refresh(service)
            answered(service)
        assert suspended(service) == ["balance inquiries: unknown code"]
        service.clock.advance(61)
        assert refresh(service).json["code"] == "inquiries_suspended"
        assert request_status(service, "UKN9ABCDEF").status_code == 202, "another kind"
        assert "Inquiries are resumed." in run(service, "resume", "inquiries", "--by", "amina")


def test_no_other_request_is_sent_while_it_lasts(service: Service) -> None:
    made(service, *to_phones(20))
    pay(service)
    complete(service, resultCode=int(CODE))
    sent = len(at_m_pesa(service))
    for _ in range(5):
        due_after(service, 600)
        pay(service)
    assert len(at_m_pesa(service)) == sent
