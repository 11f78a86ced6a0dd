"""Pulls: their windows, one run at a time, and their set-up."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from mpesa_service.c2b.pull import pull, pull_when_due
from mpesa_service.c2b.pull_records import list_pulls
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.c2b.pull_runs import INTERRUPTED
from mpesa_service.c2b.pull_windows import given_window
from mpesa_service.daraja import NotSent, OutcomeUnknown, PullPage
from mpesa_service.errors import Conflict, InvalidRequest, ProviderRefused, Unavailable
from tests.c2b.pulls import PULLS_ON, pay, run, serve
from tests.c2b.pulls import register as register_for_pulls
from tests.c2b.support import (
    confirmations,
)
from tests.support import Service, TestClock


@pytest.fixture(autouse=True)
def pulls_on(service_env: dict[str, str]) -> None:
    service_env.update(PULLS_ON)


@pytest.fixture
def registered(service: Service) -> Service:
    return register_for_pulls(service)


class TestWindows:
    def test_overlap_and_reach_back_48_hours(self, registered: Service) -> None:
        first = run(registered)
        assert first.window_to - first.window_from == timedelta(hours=48)
        registered.clock.advance(3600)
        second = run(registered)
        assert second.window_from == first.window_to - timedelta(minutes=30)
        assert second.gap_from is None

    def test_a_longer_break_is_a_gap(self, registered: Service, caplog: pytest.LogCaptureFixture) -> None:
        first = run(registered)
        registered.clock.advance(72 * 3600)
        second = run(registered)
        assert second.gap_from == first.window_to
        assert second.window_from == registered.clock() - timedelta(hours=48)
        assert "only a statement proves it" in caplog.text
        assert run(registered).gap_from is None

    def test_a_part_that_an_operator_read_hides_no_break(self, registered: Service) -> None:
        first = run(registered)
        registered.clock.advance(10 * 3600)
        now = registered.clock()
        run(registered, window=given_window(now - timedelta(hours=1), None, now))
        assert run(registered).window_from == first.window_to - timedelta(minutes=30)

    def test_what_an_operator_may_name(self, clock: TestClock) -> None:
        now = clock()
        assert given_window(None, None, now) is None
        window = given_window(None, now + timedelta(hours=1), now)
        assert window is not None
        assert (window.start, window.end) == (now - timedelta(hours=48), now)
        with pytest.raises(InvalidRequest, match="only the last 48 hours"):
            given_window(now - timedelta(hours=50), None, now)
        with pytest.raises(InvalidRequest, match="end after it begins"):
            given_window(now, now, now)


class TestOneAtATime:
    def test_a_second_pull_is_refused_until_the_first_is_over(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Killed(BaseException):
            pass

        def killed(_: Any) -> PullPage:
            raise Killed

        monkeypatch.setattr(registered.runtime.daraja, "pull_query", killed)
        with pytest.raises(Killed):
            run(registered)
        monkeypatch.undo()
        with pytest.raises(Conflict, match="is running"):
            run(registered)
        assert pull_when_due(registered.runtime) == 0
        registered.clock.advance(301)
        assert run(registered).status == "complete"
        assert [one.error for one in list_pulls(registered.runtime)] == [None, INTERRUPTED]

    def test_one_that_was_taken_over_stops(
        self, registered: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        query = registered.runtime.daraja.pull_query
        pay(registered)

        def slow(one: Any) -> PullPage:
            monkeypatch.undo()
            registered.clock.advance(301)
            run(registered)
            return query(one)

        monkeypatch.setattr(registered.runtime.daraja, "pull_query", slow)
        with pytest.raises(Conflict, match="taken over"):
            run(registered)
        assert len(registered.payments()) == 1

    def test_a_person_may_stop_it(self, registered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def stopped(_: Any) -> PullPage:
            raise KeyboardInterrupt

        monkeypatch.setattr(registered.runtime.daraja, "pull_query", stopped)
        with pytest.raises(KeyboardInterrupt):
            run(registered)
        monkeypatch.undo()
        assert run(registered).status == "complete"

    def test_a_fault_ends_the_pull(self, registered: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        serve(registered, monkeypatch, RuntimeError("a fault of ours"))
        with pytest.raises(RuntimeError):
            run(registered)
        assert list_pulls(registered.runtime)[0].error == "raised RuntimeError"


class TestSetUp:
    def test_off(self, service: Service) -> None:
        off = replace(service.runtime.settings, mpesa_pull=False, mpesa_pull_phone=None)
        runtime = replace(service.runtime, settings=off)
        with pytest.raises(Unavailable, match="MPESA_PULL=true and MPESA_PULL_PHONE"):
            pull(runtime, "amina")
        assert pull_when_due(runtime) == 0
        with pytest.raises(Unavailable, match="MPESA_PULL=true and MPESA_PULL_PHONE"):
            register_pull(runtime, "amina")

    def test_only_own_shortcodes(self, service: Service) -> None:
        with pytest.raises(Conflict, match="not one of this service's"):
            run(service, shortcode="600000")

    def test_registration(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        assert [register_pull(service.runtime, "amina")[0].already for _ in range(2)] == [False, True]
        for raised, expected in (
            (OutcomeUnknown("no answer"), Unavailable),
            (NotSent("no connection"), Unavailable),
        ):

            def fail(_: Any, error: Exception = raised) -> None:
                raise error

            monkeypatch.setattr(service.runtime.daraja, "pull_register", fail)
            with pytest.raises((expected, ProviderRefused)):
                register_pull(service.runtime, "amina")

    def test_admins_list_pulls(self, registered: Service) -> None:
        pay(registered)
        run(registered)
        answer = registered.call("GET", "/pulls?limit=5&shortcode=174379", by="boss", admin=True)
        [shown] = answer.json["data"]
        assert (shown["status"], shown["rows"], shown["booked"]) == ("complete", 1, 1)
        assert registered.call("GET", "/pulls").status_code == 403
        assert confirmations(registered)[0].source == "pull"
