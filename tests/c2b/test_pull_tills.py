"""Pulls of a till: M-Pesa may answer for the till, for its store number, or for both."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from mpesa_service.c2b.pull import pull, pull_when_due
from mpesa_service.c2b.pull_records import PullRecord, list_pulls
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.c2b.pull_runs import INTERRUPTED
from mpesa_service.daraja import OutcomeUnknown, PullPage, PullQuery, PullRegistered, Refused
from mpesa_service.daraja.pull import read_pull_page
from mpesa_service.daraja.verdicts import DarajaAnswer
from mpesa_service.errors import Conflict, ServiceError
from mpesa_service.operations import pull_check
from mpesa_service.operations.check_results import Health
from mpesa_service.verification.payments import verify
from tests.c2b.pulls import PULLS_ON, at_the_simulators_time, row
from tests.c2b.support import SHORTCODE, assert_books_are_right, confirm, look
from tests.support import PHONE, Service
from tests.webhooks.test_outbox import outgoing

TILL = "5000001"
NONE = {"ResponseCode": "1001", "ResponseMessage": "No records found or Organization Name not available"}


@pytest.fixture(autouse=True)
def a_till(service_env: dict[str, str]) -> None:
    till = {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "MPESA_TILL": TILL}
    service_env.update(PULLS_ON | till)


def pay(service: Service, amount: str = "100.00") -> None:
    """Pay at the till by C2B; there is no confirmation."""
    body = {"msisdn": PHONE, "amount": amount, "shortcode": TILL, "type": "till"}
    service.simulator.post("/simulator/c2b", body)
    at_the_simulators_time(service)


def run(service: Service, **options: Any) -> list[PullRecord]:
    return pull(service.runtime, "amina", sleep=service.clock.advance, **options)


def outcomes(records: list[PullRecord]) -> list[tuple[str, str, int]]:
    return [(one.shortcode, one.status, one.rows_seen) for one in records]


def only_for(monkeypatch: pytest.MonkeyPatch, service: Service, number: str, *rows: Any) -> None:
    """Let Daraja return these rows for one number, and 1001 for the other one."""

    def query(one: PullQuery) -> PullPage:
        found = {"ResponseCode": "1000", "TotalPages": 1, "Response": [list(rows)]}
        answer = found if one.shortcode == number and not one.offset else NONE
        return read_pull_page("pull_query", DarajaAnswer(200, answer))

    monkeypatch.setattr(service.runtime.daraja, "pull_query", query)


class TestTheJob:
    def test_fetches_what_the_till_received(self, service: Service) -> None:
        assert [one.shortcode for one in register_pull(service.runtime, "amina")] == [TILL, SHORTCODE]
        at_the_simulators_time(service)
        pay(service)
        assert pull_when_due(service.runtime) == 1
        assert outcomes(list_pulls(service.runtime)) == [(SHORTCODE, "complete", 0), (TILL, "complete", 1)]
        [payment] = service.payments()
        assert (payment.status, payment.evidence) == ("review", "pull")
        assert [pull_when_due(service.runtime), len(list_pulls(service.runtime))] == [0, 2]
        assert_books_are_right(service)

    def test_fetches_the_money_of_a_prompt_whose_callback_is_lost(self, service: Service) -> None:
        register_pull(service.runtime, "amina")
        at_the_simulators_time(service)
        service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        at_the_simulators_time(service)
        assert pull_when_due(service.runtime) == 1
        look(service)  # its row names no account, so the callback is given time
        assert (service.row(checkout).status, service.row(checkout).evidence) == ("succeeded", "pull")

    def test_each_number_goes_on_where_it_ended(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert pull_when_due(service.runtime) == 1
        first = service.clock()
        service.clock.advance(3600)

        def query(one: PullQuery) -> PullPage:
            if one.shortcode == TILL:
                raise OutcomeUnknown("no answer", operation="pull_query")
            return read_pull_page("pull_query", DarajaAnswer(200, NONE))

        monkeypatch.setattr(service.runtime.daraja, "pull_query", query)
        assert [one.status for one in run(service)] == ["failed", "complete"]
        monkeypatch.undo()
        second = service.clock()
        service.clock.advance(3600)
        assert [one.window_from for one in run(service)] == [
            first - timedelta(minutes=30),
            second - timedelta(minutes=30),
        ]

    def test_a_number_that_another_process_reads_is_left_out(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def killed(_: Any) -> PullPage:
            raise Killed

        monkeypatch.setattr(service.runtime.daraja, "pull_query", killed)
        with pytest.raises(Killed):
            run(service, shortcode=TILL)
        monkeypatch.undo()
        assert outcomes(run(service)) == [(SHORTCODE, "complete", 0)]
        with pytest.raises(Conflict, match="is running"):
            run(service, shortcode=TILL)

    def test_what_was_read_counts_if_the_next_number_cannot_be_read(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def query(one: PullQuery) -> PullPage:
            if one.shortcode == SHORTCODE:
                raise RuntimeError("a fault of ours")
            return read_pull_page("pull_query", DarajaAnswer(200, NONE))

        monkeypatch.setattr(service.runtime.daraja, "pull_query", query)
        with pytest.raises(RuntimeError):
            run(service)
        assert [one.status for one in list_pulls(service.runtime)] == ["failed", "complete"]

    def test_one_that_is_taken_over_meanwhile_stops_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []

        def query(one: PullQuery) -> PullPage:
            asked.append(one.shortcode)
            if asked == [TILL, SHORTCODE]:  # so slow that the till's lease ends
                service.clock.advance(301)
                run(service, shortcode=TILL)
            return read_pull_page("pull_query", DarajaAnswer(200, NONE))

        monkeypatch.setattr(service.runtime.daraja, "pull_query", query)
        assert outcomes(run(service)) == [(SHORTCODE, "complete", 0)]
        found = [(one.shortcode, one.error) for one in list_pulls(service.runtime)]
        assert found == [(TILL, None), (SHORTCODE, None), (TILL, INTERRUPTED)]


class TestAnEmptyAnswer:
    @pytest.mark.parametrize("serving", [TILL, SHORTCODE])
    def test_is_no_alarm_if_the_other_number_shows_the_money(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, serving: str
    ) -> None:
        confirm(service, TransID="PULL000001", BusinessShortCode=TILL, BillRefNumber="")
        confirm(service, TransID="PULL000002", BusinessShortCode=SHORTCODE, BillRefNumber="")
        rows = (row(number, billreference="") for number in (1, 2))
        only_for(monkeypatch, service, serving, *rows)
        service.clock.advance(600)
        for _ in range(2):
            assert {one.status for one in run(service)} == {"complete"}
        assert len(service.payments()) == 2
        assert list(verify(service.runtime)) == []

    def test_is_an_alarm_if_no_number_shows_it(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        at_the_simulators_time(service)
        service.paid()
        at_the_simulators_time(service)
        service.clock.advance(600)
        for _ in range(2):
            assert outcomes(run(service)) == [(TILL, "suspect", 0), (SHORTCODE, "complete", 0)]
        [line] = [line for line in caplog.records if line.levelno == logging.ERROR]
        assert line.message.startswith(f"ALERT: pull of {TILL} finds nothing")
        assert [one.type for one in outgoing(service)].count("pull.suspect") == 1
        found = list(pull_check.pull_transactions(service.runtime))
        assert [one.health for one in found] == [Health.WRONG, Health.GOOD]
        assert found[0].found.startswith(f"{TILL}: the last one is suspect")


class TestRegistration:
    def test_a_refused_number_prevents_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        refused: set[str] = {SHORTCODE}

        def answer(one: Any) -> PullRegistered:
            if one.shortcode in refused:
                raise Refused("Bad Request", operation="pull_register", error_code="400.001")
            return PullRegistered(already=False, description="")

        monkeypatch.setattr(service.runtime.daraja, "pull_register", answer)
        till, store = register_pull(service.runtime, "amina")
        assert (till.shortcode, till.refusal, store.shortcode) == (TILL, None, SHORTCODE)
        assert store.refusal is not None
        command = service.app.test_cli_runner().invoke(args=["mpesa", "pull", "register"])
        assert command.exit_code == 1
        assert f"Registered {TILL}." in command.stdout
        assert f"{SHORTCODE} is not registered: " in command.stderr
        refused.add(TILL)
        with pytest.raises(ServiceError):
            register_pull(service.runtime, "amina")

    def test_one_number(self, service: Service) -> None:
        assert [one.shortcode for one in register_pull(service.runtime, "amina", TILL)] == [TILL]
        with pytest.raises(Conflict, match="not one of this service's"):
            register_pull(service.runtime, "amina", "600000")


def test_the_command_names_each_number(service: Service) -> None:
    command = service.app.test_cli_runner().invoke(args=["mpesa", "pull", "run", "--by", "amina"])
    assert command.exit_code == 0, command.output
    assert [line.split()[:2] for line in command.stdout.splitlines()] == [
        [TILL, "complete:"],
        [SHORTCODE, "complete:"],
    ]
