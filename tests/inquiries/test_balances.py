"""What the accounts hold: queried on schedule and kept as history, and a low balance suspends payouts."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.commands.sending import tokens_of
from mpesa_service.core import suspensions
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.inquiries.request import query_balance_when_due
from mpesa_service.models import AccountBalance, OutgoingEvent
from tests.inquiries.test_request import answered, inquiries, post
from tests.support import Service, start_service


def refresh(service: Service) -> Any:
    return service.call("POST", "/balance", by="boss", admin=True)


def known(service: Service, query: str = "") -> Any:
    return service.call("GET", f"/balance{query}", by="boss", admin=True).json["data"]


def report_balances(service: Service, balance: str) -> str:
    """Query the balances, and answer with this text as M-Pesa does."""
    service.clock.advance(61)
    assert refresh(service).status_code == 202
    parameters = {"ResultParameter": [{"Key": "AccountBalance", "Value": balance}]}
    body = {"ResultType": "0", "ResultCode": "0", "ResultDesc": "", "ConversationID": "AG_1"}
    return post(service, "result", {"Result": {**body, "ResultParameters": parameters}})


def utility(shillings: float, available: float | None = None) -> str:
    given = shillings if available is None else available
    return f"Utility Account|KES|{shillings:.2f}|{given:.2f}|0.00|0.00"


def why_suspended(service: Service) -> str | None:
    with service.runtime.database.read() as session:
        return suspensions.why_suspended(session, suspensions.PAYOUTS)


def low_balance_events(service: Service) -> list[dict[str, Any]]:
    with service.runtime.database.read() as session:
        rows = session.scalars(select(OutgoingEvent).where(OutgoingEvent.subject_id == "balance"))
        return [json.loads(row.payload)["data"] for row in rows]


def test_all_accounts_are_kept(service: Service) -> None:
    first = refresh(service)
    assert (first.status_code, first.json["data"]["balances"]) == (202, [])
    assert known(service)["inquiry"]["status"] == "pending"
    answered(service)
    data = known(service)
    assert data["inquiry"]["status"] == "answered"
    accounts = {row["account"]: row for row in data["balances"]}
    assert set(accounts) == {
        "Working Account",
        "Float Account",
        "Utility Account",
        "Charges Paid Account",
        "Organization Settlement Account",
    }
    held = service.ledger()["accounts"]["utility"]
    assert accounts["Utility Account"]["available"] == f"{held}.00"
    assert accounts["Utility Account"]["currency"] == "KES"
    again = refresh(service)
    assert (again.status_code, len(inquiries(service))) == (200, 1), "it serves for a minute"


def test_history(service: Service) -> None:
    for shillings in (300.5, 200, 100):
        charges = "Charges Paid Account|KES|-1540.25|-1540.25|0.00|0.00"
        assert report_balances(service, f"{utility(shillings)}&{charges}") == "applied"
    latest = {row["account"]: row["current"] for row in known(service)["balances"]}
    assert latest == {"Utility Account": "100.00", "Charges Paid Account": "-1540.25"}
    rows = [row for row in known(service, "?history=2")["balances"] if row["account"] == "Utility Account"]
    assert [row["current"] for row in rows] == ["100.00", "200.00"]
    assert service.call("GET", "/balance?history=0", by="boss", admin=True).status_code == 400


def test_columns_that_are_missing(service: Service) -> None:
    report_balances(service, "Utility Account|KES|12.00&Utility Account|KES|13.00|||")
    with service.runtime.database.read() as session:
        [row] = session.scalars(select(AccountBalance)).all()
    assert (row.current_cents, row.available_cents) == (1300, 1300)
    assert (row.reserved_cents, row.uncleared_cents) == (0, 0)


def test_an_answer_without_accounts_is_none(service: Service) -> None:
    report_balances(service, "nothing")
    assert inquiries(service)[-1].status == "failed"
    answer = refresh(service)
    assert (answer.status_code, answer.json["message"]) == (200, "M-Pesa's answer says nothing.")


class TestLowBalance:
    @pytest.fixture
    def service_env(self, service_env: dict[str, str]) -> dict[str, str]:
        return {**service_env, "LOW_BALANCE": "1000"}

    def test_suspends_payouts_and_is_published_once_a_fall(self, service: Service) -> None:
        report_balances(service, utility(1000))
        assert (why_suspended(service), low_balance_events(service)) == (None, [])
        report_balances(service, utility(5000, available=999.99))
        assert "999.99 shillings, less than the 1000" in str(why_suspended(service))
        report_balances(service, utility(400))
        [event] = low_balance_events(service)
        assert event == {
            "_id": "balance",
            "sequence": 1,
            "account": "Utility Account",
            "available": "999.99",
            "lowBalance": 1000,
            "currency": "kes",
        }

    def test_is_ended_when_there_is_enough(self, service: Service) -> None:
        report_balances(service, utility(10))
        report_balances(service, utility(1000))
        assert why_suspended(service) is None
        report_balances(service, utility(20))
        assert why_suspended(service) is not None
        assert [event["sequence"] for event in low_balance_events(service)] == [1, 2]

    def test_the_first_one_may_be_low(self, service: Service) -> None:
        report_balances(service, utility(10))
        assert len(low_balance_events(service)) == 1

    def test_refunds_go_on(self, service: Service) -> None:
        report_balances(service, utility(10))
        assert service.refund(service.paid()).status_code == 200

    def test_a_person_may_let_payouts_go_on(self, service: Service) -> None:
        report_balances(service, utility(10))
        assert suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
        report_balances(service, utility(9))
        assert why_suspended(service) is None, "until it falls again"

    def test_a_refused_initiator_outlasts_it(self, service: Service) -> None:
        report_balances(service, utility(10))
        with service.runtime.database.begin() as session:
            suspensions.suspend(session, suspensions.PAYOUTS, "M-Pesa refuses the initiator", service.clock())
        report_balances(service, utility(5000))
        assert why_suspended(service) == "M-Pesa refuses the initiator"

    def test_other_accounts_do_not_count(self, service: Service) -> None:
        report_balances(service, "Working Account|KES|1.00|1.00|0.00|0.00")
        assert why_suspended(service) is None


def test_without_a_limit_nothing_is_low(service: Service) -> None:
    report_balances(service, utility(0))
    assert (why_suspended(service), low_balance_events(service)) == (None, [])


class TestSchedule:
    @pytest.fixture
    def service_env(self, service_env: dict[str, str]) -> dict[str, str]:
        return {**service_env, "BALANCE_EVERY": "30"}

    def test_every_half_hour(self, service: Service) -> None:
        queried = []
        for _ in range(4):
            queried.append(query_balance_when_due(service.runtime))
            answered(service)
            service.clock.advance(600)
        assert queried == [1, 0, 0, 1]
        assert [row.requested_by for row in inquiries(service)] == ["service", "service"]

    def test_not_while_the_initiator_is_refused(self, service: Service) -> None:
        with service.runtime.database.begin() as session:
            suspensions.suspend_initiator(session, "refused", service.clock())
        assert query_balance_when_due(service.runtime) == 0

    def test_never_without_one(self, service_env: dict, listening, simulator, clock, sqlite_url) -> None:
        env = {**service_env, "DATABASE_URL": sqlite_url, "MPESA_ENVIRONMENT": "sandbox"}
        env.update(MPESA_CONSUMER_KEY="k", MPESA_CONSUMER_SECRET="s", MPESA_SHORTCODE="174379")
        env.update(MPESA_PASSKEY="bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919")
        service = start_service(listening, simulator, clock, env)
        assert query_balance_when_due(service.runtime) == 0
        service.runtime.database.dispose()


def test_zero_is_never(service: Service) -> None:
    assert query_balance_when_due(service.runtime) == 0


class TestCommandLine:
    def run(self, service: Service, *words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", "balance", *words])

    def test_queries_and_shows(self, service: Service) -> None:
        assert "Run the command again" in self.run(service).output
        answered(service)
        result = self.run(service, "--wait")
        assert (result.exit_code, "Utility" in result.output) == (0, True)
        [paying] = [line for line in result.output.splitlines() if "Utility Account" in line]
        cells = [cell.strip() for cell in paying.strip("│").split("│")]
        assert cells[1:] == ["100,000,000.00", "100,000,000.00", "0.00", "0.00", "2026-11-22 12:00:00"]

    def test_for_scripts(self, service: Service) -> None:
        self.run(service)
        answered(service)
        found = json.loads(self.run(service, "--json").output)
        assert len(found["balances"]) == 5


@pytest.mark.parametrize("use", ["result", "timeout"])
def test_no_query_is_about_a_query(service: Service, use: str) -> None:
    """A caller who posts to an inquiry's status address must have calculated it."""
    refresh(service)
    token = tokens_of(service.runtime.encryption, "inquiry", inquiries(service)[0].id).status
    low_balance_events = {"TransactionStatus": "Completed", "ReceiptNo": "SG632NMUAB", "Amount": "60"}
    parameters = [{"Key": key, "Value": value} for key, value in low_balance_events.items()]
    body = {"ResultType": 0, "ResultCode": 0, "ResultDesc": "", "ConversationID": "AG_query"}
    body["ResultParameters"] = {"ResultParameter": parameters}
    path = f"/api/mpesa/callback/command/status/{use}/{token}"
    service.app.test_client().post(path, json={"Result": body})
    [row] = inquiries(service)
    assert (row.status, service.inbox()[-1].verdict) == ("pending", "noted")
    assert not InquiryCommand(None, row).receipt_taken("SG632NMUAB")
