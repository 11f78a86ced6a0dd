"""Pulls: lost confirmations are fetched from M-Pesa, and nothing is booked twice."""

import logging
from datetime import timedelta
from typing import Any

import pytest

from mpesa_service.c2b import pull_pages
from mpesa_service.c2b.pull import NOT_BOOKED, pull_when_due
from mpesa_service.c2b.pull_records import list_pulls
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.c2b.pull_runs import NOT_PROVISIONED
from mpesa_service.c2b.registration import register
from mpesa_service.core import daraja_limiter
from mpesa_service.daraja import OutcomeUnknown, Throttled
from mpesa_service.domain.moments import in_nairobi
from mpesa_service.models import OutgoingEvent, Pull
from tests.c2b.pulls import PULLS_ON, at_the_simulators_time, pay, row, run, serve
from tests.c2b.pulls import register as register_for_pulls
from tests.c2b.support import (
    assert_books_are_right,
    confirm,
    expect_order,
    order_row,
)
from tests.support import Service
from tests.webhooks.test_outbox import data_of, outgoing


@pytest.fixture(autouse=True)
def pulls_on(service_env: dict[str, str]) -> None:
    service_env.update(PULLS_ON)


@pytest.fixture
def registered(service: Service) -> Service:
    return register_for_pulls(service)


class TestLostConfirmations:
    def test_one_pull_books_all_once(self, registered: Service) -> None:
        register(registered.runtime, "amina")
        registered.simulator.post("/simulator/options", {"faults": {"c2b.confirmation_lost": 1}})
        for number in range(5):
            expect_order(registered, f"ORDER{number}")
            pay(registered, f"ORDER{number}")
        assert registered.payments() == []
        registered.simulator.post("/simulator/options", {"pull_page_size": 2})
        seen: list[int] = []
        found = run(registered, progress=lambda record: seen.append(record.rows_seen))
        assert (found.status, found.pages, found.rows_seen, found.booked) == ("complete", 3, 5, 5)
        assert seen == [2, 4, 5]
        payments = registered.payments()
        assert {payment.status for payment in payments} == {"succeeded"}
        assert {payment.evidence for payment in payments} == {"pull"}
        assert {payment.order_id for payment in payments} == {f"ORDER{number}" for number in range(5)}
        assert {payment.paid_at_source for payment in payments} == {"pull"}
        assert order_row(registered, "ORDER0").status == "paid"
        again = run(registered)
        assert (again.status, again.rows_seen, again.booked, again.known) == ("complete", 5, 0, 5)
        assert len(registered.payments()) == 5
        assert_books_are_right(registered)

    def test_the_money_of_a_lost_callback_is_its_prompts(self, registered: Service) -> None:
        registered.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
        checkout = registered.pending()
        registered.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        at_the_simulators_time(registered)
        assert run(registered).booked == 1
        assert (registered.row(checkout).status, registered.row(checkout).evidence) == ("succeeded", "pull")

    def test_the_job_pulls_every_15_minutes(self, registered: Service) -> None:
        pay(registered)
        assert [pull_when_due(registered.runtime) for _ in range(2)] == [1, 0]
        registered.clock.advance(901)
        assert pull_when_due(registered.runtime) == 1
        assert [one.requested_by for one in list_pulls(registered.runtime)] == ["service", "service"]
        assert len(registered.payments()) == 1


class TestAnswers:
    def test_rows_that_cannot_be_understood_are_kept(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad = {"transactionId": "X", "amount": "much"}
        serve(registered, monkeypatch, {"ResponseCode": "1000", "TotalPages": 1, "Response": [[bad, row(1)]]})
        found = run(registered)
        assert (found.status, found.rows_seen, found.booked, found.unreadable) == ("complete", 2, 1, 1)
        with registered.runtime.database.read() as session:
            kept = session.get_one(Pull, found.id).unreadable_encrypted
        assert "much" in registered.runtime.encryption.decrypt(kept or b"")

    def test_a_page_that_repeats_itself_ends_the_walk(self, registered: Service) -> None:
        for _ in range(3):
            pay(registered)
        registered.simulator.post("/simulator/options", {"pull_page_size": 1, "pull_repeats_page": True})
        found = run(registered)
        assert (found.status, found.error, found.booked) == ("failed", pull_pages.REPEATED, 1)

    def test_pages_are_bounded(self, registered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pull_pages, "MAX_PAGES", 2)
        offsets = serve(
            registered, monkeypatch, *({"ResponseCode": "1000", "Response": [row(n)]} for n in range(2))
        )
        assert run(registered).error == pull_pages.ENDLESS
        assert offsets == [0, 1]

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (OutcomeUnknown("no answer", operation="pull_query"), "M-Pesa's answer did not arrive."),
            (Throttled("busy", operation="pull_query", retry_after=120), "M-Pesa refused the request."),
            (Throttled("busy", operation="pull_query"), "M-Pesa refused the request."),
        ],
    )
    def test_a_failed_call_is_an_outcome(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
    ) -> None:
        serve(registered, monkeypatch, {"ResponseCode": "1000", "Response": [row(1)]}, error)
        found = run(registered)
        assert (found.status, found.booked) == ("failed", 1)
        assert str(found.error).startswith(words)
        monkeypatch.undo()
        registered.clock.advance(200)
        assert run(registered).window_from == found.window_from + timedelta(seconds=200)

    def test_a_fault_in_one_row_stops_no_other(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        answer = {"ResponseCode": "1000", "TotalPages": 1, "Response": [[row(1), row(2)]]}
        serve(registered, monkeypatch, answer)
        book = pull_pages.book_money

        def fault(runtime: Any, money: Any, evidence: Any) -> Any:
            if money.receipt == "PULL000001":
                raise RuntimeError("a fault of ours")
            return book(runtime, money, evidence)

        monkeypatch.setattr(pull_pages, "book_money", fault)
        found = run(registered)
        assert (found.status, found.error, found.booked) == ("failed", NOT_BOOKED, 1)

    def test_a_row_that_differs_is_counted(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        confirm(registered, TransID="PULL000001", TransAmount="900.00")
        serve(registered, monkeypatch, {"ResponseCode": "1000", "TotalPages": 1, "Response": [[row(1)]]})
        assert run(registered).disputed == 1

    def test_the_rate_limiter_is_waited_for(self, registered: Service) -> None:
        with registered.runtime.database.begin() as session:
            now = registered.clock()
            daraja_limiter.lock(session, daraja_limiter.PULLS, now)
            daraja_limiter.store(session, daraja_limiter.PULLS, now + timedelta(seconds=30))
        assert run(registered).status == "complete"
        with registered.runtime.database.begin() as session:
            daraja_limiter.back_off(session, daraja_limiter.PULLS, registered.clock() + timedelta(hours=1))
        assert run(registered).error == pull_pages.BUSY


def alarms(service: Service) -> list[OutgoingEvent]:
    return [one for one in outgoing(service) if one.type == "pull.suspect"]


class TestNotProvisioned:
    def test_1001_with_confirmations_is_an_alarm(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        confirm(service)
        service.clock.advance(600)
        first = run(service)
        assert (first.status, first.result_code, first.error) == ("suspect", "1001", NOT_PROVISIONED)
        assert not [line for line in caplog.records if line.levelno == logging.ERROR]
        run(service)
        [line] = [line for line in caplog.records if line.levelno == logging.ERROR]
        assert line.message.startswith("ALERT: pull of 174379 finds nothing: M-Pesa reported no row")

    def test_the_alarm_has_one_event(self, service: Service) -> None:
        confirm(service)
        service.clock.advance(600)
        found = [run(service) for _ in range(3)]
        [event] = alarms(service)
        second = found[1]
        assert data_of(event) == {
            "_id": f"pull_{second.id}",
            "sequence": 1,
            "pullId": second.id,
            "shortcode": "174379",
            "from": in_nairobi(second.window_from),
            "to": in_nairobi(second.window_to),
            "resultCode": "1001",
            "reason": NOT_PROVISIONED,
        }

    def test_a_pull_that_fails_between_two_suspect_ones_hides_nothing(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        confirm(service)
        service.clock.advance(600)
        run(service)
        serve(service, monkeypatch, OutcomeUnknown("no answer", operation="pull_query"))
        assert run(service).status == "failed"
        monkeypatch.undo()
        assert run(service).status == "suspect"
        assert len(alarms(service)) == 1

    def test_an_alarm_after_a_good_pull_has_its_own_event(self, service: Service) -> None:
        confirm(service)
        service.clock.advance(600)
        for _ in range(2):
            run(service)
        register_pull(service.runtime, "amina")
        pay(service)
        assert run(service).status == "complete"
        service.simulator.post("/simulator/options", {"pull_provisioned": False})
        confirm(service, TransID="SLN1000077", BillRefNumber="OTHER")
        service.clock.advance(600)
        for _ in range(2):
            assert run(service).status == "suspect"
        assert len(alarms(service)) == 2

    def test_1001_with_a_paid_prompt_is_an_alarm(self, service: Service) -> None:
        at_the_simulators_time(service)
        service.paid()
        at_the_simulators_time(service)
        service.clock.advance(600)
        assert run(service).status == "suspect"

    @pytest.mark.parametrize("none", ["1001", "500", "empty"])
    def test_no_money_is_complete(self, registered: Service, none: str) -> None:
        registered.simulator.post("/simulator/options", {"pull_none": none})
        assert run(registered).status == "complete"
