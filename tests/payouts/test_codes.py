"""Payouts that end with codes about the initiator, and the sentences about payouts to businesses."""

import re
from typing import Any

import pytest

from mpesa_service.core import suspensions
from tests.cli.test_unmatched import run
from tests.payouts.support import PAYBILL, ROW, TILL, complete, counts, made, pay, payouts, script, to_phones
from tests.payouts.test_command import post_result, request_count
from tests.payouts.test_send import events
from tests.support import Service

NO_PERMISSION = "TP40153"
TEXT = "The initiator is not allowed to initiate this request."


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the names of the suspensions that were reported to the operator."""
    return [str(record.args[0]) for record in caplog.records if "ALERT" in record.msg]  # type: ignore[index]


def why_suspended(service: Service, name: str = suspensions.PAYOUTS) -> str:
    with service.runtime.database.read() as session:
        return str(suspensions.why_suspended(session, name))


class TestNoPermission:
    """The initiator lacks the permission: the rest of the salaries must not fail one by one."""

    @pytest.fixture(autouse=True)
    def one_by_one(self, service_env: dict[str, str]) -> None:
        service_env["PAYOUTS_PER_MINUTE"] = "1"

    def test_the_batch_stops_at_the_first_such_row(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        batch = made(service, *to_phones(3))
        assert pay(service) == 1
        post_result(service, ResultCode=NO_PERMISSION, ResultDesc=TEXT, TransactionID="RECEIPT003")
        service.clock.advance(120)
        assert pay(service) == 0
        assert counts(service, batch) == {"failed": 1, "waiting": 2}
        row = payouts(service)[0]
        assert (row.result_code, row.result_desc, row.receipt) == (NO_PERMISSION, TEXT, None)
        assert "The money was not sent because of a fault on our side" in str(row.failure_reason)
        assert why_suspended(service) == f"M-Pesa refuses the initiator ({NO_PERMISSION}: {TEXT})"
        assert why_suspended(service, suspensions.REFUNDS) == why_suspended(service)
        assert alerts(caplog) == ["refunds and payouts"]
        assert sorted(events(service)) == ["commands.suspended", "commands.suspended", "payout.failed"]

    def test_the_alert_and_the_list_name_the_next_step(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert "Nothing is suspended." in run(service, "suspensions", "list")
        made(service, *to_phones(1))
        pay(service)
        complete(service, resultCode=NO_PERMISSION)
        [line] = [record.getMessage() for record in caplog.records if "ALERT" in record.msg]
        resume = "mpesa suspensions resume {} --by NAME"
        step = f"Fix the cause, then: {resume.format('refunds')} and {resume.format('payouts')}"
        assert line.endswith(step)
        assert step in run(service, "suspensions", "list")
        run(service, "suspensions", "resume", "refunds", "--by", "amina")
        assert f"then: {resume.format('payouts')}" in run(service, "suspensions", "list")
        assert "Fix the cause" not in run(service, "suspensions", "list", "--json")

    def test_only_the_balance_ends_a_suspension_for_a_low_balance(self, service: Service) -> None:
        with service.runtime.database.begin() as session:
            suspensions.suspend(session, suspensions.LOW_BALANCE, "below the limit", service.clock())
        assert "It ends when the balance is high enough." in run(service, "suspensions", "list")

    def test_the_rest_is_sent_once_it_is_fixed(self, service: Service) -> None:
        batch = made(service, *to_phones(3))
        pay(service)
        complete(service, resultCode=NO_PERMISSION)
        suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
        for _ in range(2):
            service.clock.advance(60)
            pay(service)
        complete(service)
        assert counts(service, batch) == {"failed": 1, "succeeded": 2}

    @pytest.mark.parametrize(
        "answer",
        [
            {"status": 200, "body": {"ResponseCode": NO_PERMISSION, "ResponseDescription": TEXT}},
            {"status": 200, "body": {"ResponseCode": "2001", "ResponseDescription": TEXT}},
            {"status": 403, "body": {"requestId": "1", "errorCode": NO_PERMISSION, "errorMessage": TEXT}},
            {"status": 500, "body": {"requestId": "1", "errorCode": NO_PERMISSION, "errorMessage": TEXT}},
        ],
    )
    def test_refused_at_once(
        self, service: Service, caplog: pytest.LogCaptureFixture, answer: dict[str, Any]
    ) -> None:
        batch = made(service, *to_phones(2))
        script(service, answer=answer, times=2)
        pay(service)
        service.clock.advance(120)
        assert pay(service) == 0
        assert counts(service, batch) == {"failed": 1, "waiting": 1}
        assert "fault on our side" in str(payouts(service)[0].failure_reason)
        assert TEXT in why_suspended(service)
        assert alerts(caplog) == ["refunds and payouts"]
        assert request_count(service, "b2c") == 1


@pytest.mark.parametrize("row", [PAYBILL, TILL], ids=["paybill", "buy_goods"])
@pytest.mark.parametrize("code", ["1", "4", "8", "2040", "SFC_IC0003", NO_PERMISSION])
def test_the_failure_of_a_business_payment_names_no_phone(
    service: Service, row: dict[str, Any], code: str
) -> None:
    made(service, row)
    pay(service)
    complete(service, resultCode=code)
    [payout] = payouts(service)
    assert payout.status == "failed"
    assert not re.search("phone|number|customer|your", str(payout.failure_reason), re.IGNORECASE)


def test_the_failure_of_a_payment_to_a_phone_names_the_phone(service: Service) -> None:
    made(service, ROW)
    pay(service)
    complete(service, resultCode="SFC_IC0003")
    assert "phone number is wrong" in str(payouts(service)[0].failure_reason)
