"""The doctor's results and advice, with a server that answers as Daraja does."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.core import suspensions
from mpesa_service.core.clock import utc_now
from mpesa_service.core.runtime import Runtime, build_runtime
from mpesa_service.daraja import Refused, Throttled, advice
from mpesa_service.daraja.error_codes import error_entry
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import CheckResult, Health
from mpesa_service.operations.pull_check import PULL
from mpesa_service.operations.settings_check import SETTINGS
from tests.support import Service

Answerer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture
def web() -> Iterator[Callable[[Answerer], str]]:
    """Serves the answers that a test gives, on its own port; returns the address."""
    servers: list[HTTPServer] = []

    def serve(answer: Answerer) -> str:
        handler = type(
            "Handler", (BaseHTTPRequestHandler,), {"do_GET": answer, "log_message": lambda *_: None}
        )
        servers.append(HTTPServer(("127.0.0.1", 0), handler))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{servers[-1].server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def answering(status: int, **headers: str) -> Answerer:
    def answer(self: BaseHTTPRequestHandler) -> None:
        self.send_response_only(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    return answer


def at(runtime: Runtime, **changes: Any) -> Runtime:
    """Return a runtime whose settings differ."""
    return replace(runtime, settings=replace(runtime.settings, **changes))


@pytest.fixture
def with_daraja(service: Service) -> Iterator[Callable[..., Runtime]]:
    """Makes runtimes whose Daraja client has other settings."""
    made: list[Runtime] = []

    def make(**changes: Any) -> Runtime:
        made.append(build_runtime(at(service.runtime, **changes).settings, utc_now))
        return made[-1]

    yield make
    for runtime in made:
        runtime.database.dispose()


def only(results: Iterator[CheckResult]) -> CheckResult:
    [found] = list(results)
    return found


def of(runtime: Runtime, check: Any) -> dict[str, CheckResult]:
    return {result.check: result for result in check(runtime)}


def test_a_sound_installation(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "INITIATOR_PATIENCE", 0.0)
    found = {f.check: f.health for f in doctor.run_checks(replace(service.runtime, clock=utc_now))}
    assert found == {
        SETTINGS: Health.GOOD,
        doctor.DATABASE: Health.GOOD,
        doctor.STORED_KEYS: Health.GOOD,
        doctor.KEYS: Health.GOOD,
        doctor.PASSKEY: Health.GOOD,
        doctor.CALLBACK: Health.WARNING,  # it leads here, by http
        PULL: Health.SKIPPED,
        doctor.INITIATOR: Health.WARNING,  # nothing answers by itself here
        doctor.SUSPENSIONS: Health.GOOD,
        "approvals": Health.GOOD,
        doctor.CLOCK: Health.GOOD,
        doctor.WORKER: Health.GOOD,
    }
    assert service.ledger()["requests"].get("stk_push", 0) == 0


class TestDatabase:
    def test_a_schema_that_is_behind(self, service: Service) -> None:
        with service.runtime.database.begin() as session:
            session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        found = only(doctor.database(service.runtime))
        assert found.health is Health.WRONG
        assert "schema is at 0001" in found.found
        assert "mpesa migrate" in found.advice

    def test_one_that_is_away(self, service: Service) -> None:
        runtime = build_runtime(at(service.runtime, database_url="sqlite:////nowhere/x.db").settings)
        assert only(doctor.database(runtime)).health is Health.WRONG
        assert only(doctor.worker(runtime)).health is Health.SKIPPED
        assert {f.health for f in doctor.credentials(runtime)} == {Health.SKIPPED}
        assert only(doctor.initiator(runtime)).health is Health.SKIPPED
        assert only(doctor.suspended(runtime)).health is Health.SKIPPED
        runtime.database.dispose()


class TestCredentials:
    @pytest.mark.parametrize(
        ("options", "changes", "check", "expected_advice"),
        [
            ({"consumer_secret": "other"}, {}, doctor.KEYS, advice.KEYS),
            ({}, {"mpesa_passkey": "0" * 64}, doctor.PASSKEY, advice.PASSKEY),
            ({}, {"mpesa_shortcode": "600000"}, doctor.PASSKEY, advice.SHORTCODE),
        ],
    )
    def test_each_wrong_one_is_named_with_darajas_message(
        self,
        service: Service,
        with_daraja: Any,
        options: dict[str, Any],
        changes: dict[str, Any],
        check: str,
        expected_advice: str,
    ) -> None:
        service.simulator.post("/simulator/options", options)
        found = of(with_daraja(**changes), doctor.credentials)
        assert (found[check].health, found[check].advice) == (Health.WRONG, expected_advice)
        assert found[check].found.startswith("Daraja: ")
        other = found[doctor.PASSKEY if check == doctor.KEYS else doctor.KEYS]
        assert other.health is (Health.SKIPPED if check == doctor.KEYS else Health.GOOD)

    def test_a_token_that_daraja_gives_and_refuses(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"faults": {"token_refused": 1.0}})
        found = of(service.runtime, doctor.credentials)
        assert found[doctor.KEYS].advice == advice.BEARER
        assert found[doctor.PASSKEY].health is Health.SKIPPED

    def test_an_app_without_the_product(self, service: Service) -> None:
        entry = error_entry(401, "401.003.01", "Invalid API call as no apiproduct match found")
        refusal = Refused("401.003.01", operation="stk_query", http_status=401, entry=entry)
        found = list(doctor._credential_results(refusal))
        assert [f.health for f in found] == [Health.WRONG, Health.SKIPPED]
        assert found[0].advice == advice.PRODUCT

    def test_a_refusal_that_nobody_has_explained(self) -> None:
        found = list(doctor._credential_results(Refused("HTTP 418", operation="stk_query", http_status=418)))
        assert (found[0].health, found[0].advice) == (Health.WRONG, doctor.NETWORK_ADVICE)

    def test_a_daraja_that_cannot_be_reached(self, with_daraja: Any) -> None:
        found = of(with_daraja(mpesa_base_url="http://127.0.0.1:9"), doctor.credentials)
        assert (found[doctor.KEYS].health, found[doctor.PASSKEY].health) == (Health.WRONG, Health.SKIPPED)
        assert found[doctor.KEYS].found.startswith("Not sent: ")

    def test_a_daraja_that_is_busy_proves_nothing(self, service: Service) -> None:
        error = Throttled("HTTP 429", operation="stk_query", http_status=429)
        assert [f.health for f in doctor._credential_results(error)] == [Health.WARNING, Health.SKIPPED]

    def test_a_verdict_is_an_answer_to_good_credentials(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(doctor, "UNKNOWN_CHECKOUT_ID", service.paid())
        assert [f.health for f in doctor.credentials(service.runtime)] == [Health.GOOD, Health.GOOD]


class TestInitiator:
    @pytest.fixture(autouse=True)
    def on_time(self, service: Service) -> None:
        """M-Pesa answers queries without a further step of the test."""
        service.simulator.post("/simulator/options", {"timers": "real", "balance_after": 0})

    def test_is_good_once_the_answer_has_arrived(self, service: Service) -> None:
        assert only(doctor.initiator(service.runtime)).health is Health.GOOD

    def test_silence_proves_nothing(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"timers": "manual"})
        assert only(doctor.initiator(service.runtime, 0)).advice == doctor.NO_ANSWER_ADVICE

    @pytest.mark.parametrize(
        "changes", [{"mpesa_initiator_password": "bad"}, {"mpesa_initiator_name": "bob"}], ids=str
    )
    def test_is_queried_again_after_every_change(
        self, service: Service, with_daraja: Any, changes: dict[str, str]
    ) -> None:
        assert only(doctor.initiator(service.runtime)).health is Health.GOOD
        changed = replace(with_daraja(**changes), clock=service.clock)
        service.clock.advance(10)
        found = only(doctor.initiator(changed))
        assert (found.health, found.advice) == (
            Health.WRONG,
            f"{advice.INITIATOR} {doctor.INITIATOR_SETTINGS}",
        )
        assert "2001" in found.found
        service.clock.advance(10)
        found = only(doctor.initiator(service.runtime))
        assert (found.health, found.advice) == (Health.WARNING, doctor.SUSPENDED_ADVICE)
        assert found.found.endswith("; payouts and refunds are still suspended")
        for name in (suspensions.REFUNDS, suspensions.PAYOUTS):
            assert suspensions.resume(service.runtime, "amina", name)
        service.clock.advance(10)
        assert only(doctor.initiator(service.runtime)).health is Health.GOOD

    def test_is_not_queried_again_at_once(self, service: Service) -> None:
        assert only(doctor.initiator(service.runtime)).health is Health.GOOD
        service.clock.advance(9)
        found = only(doctor.initiator(service.runtime))
        assert (found.health, found.advice) == (Health.WARNING, doctor.TOO_SOON_ADVICE)
        assert service.ledger()["requests"]["account_balance"] == 1

    def test_a_certificate_that_is_not_there(self, service: Service, with_daraja: Any) -> None:
        found = only(doctor.initiator(with_daraja(mpesa_certificate_path="/nowhere.pem"), 0))
        assert (found.health, found.advice) == (
            Health.WRONG,
            f"{advice.INITIATOR} {doctor.INITIATOR_SETTINGS}",
        )
        assert found.found.startswith("Not sent: ")
        assert "M-Pesa does not accept" not in found.found

    def test_none_is_no_fault(self, service: Service) -> None:
        assert only(doctor.initiator(at(service.runtime, mpesa_initiator_name=None))).health is Health.SKIPPED


class TestCallbackAddress:
    def test_nobody_there(self, service: Service) -> None:
        runtime = at(service.runtime, mpesa_callback_url="http://127.0.0.1:9/api/mpesa/callback")
        found = only(doctor.callback_address(runtime))
        assert (found.health, found.advice) == (Health.WRONG, doctor.CALLBACK_ADVICE)

    @pytest.mark.parametrize("answer", [answering(200), answering(405), answering(302, Location="/x")])
    def test_somebody_else_there(self, service: Service, web: Any, answer: Answerer) -> None:
        runtime = at(service.runtime, mpesa_callback_url=web(answer))
        assert "not as this service" in only(doctor.callback_address(runtime)).found

    def test_by_https(self, service: Service, requests_mock: Any) -> None:
        url = "https://pay.example.co.ke/api/mpesa/callback"
        requests_mock.get(url, status_code=405, headers={"X-Request-Id": "1"})
        found = only(doctor.callback_address(at(service.runtime, mpesa_callback_url=url)))
        assert found.health is Health.GOOD


class TestClock:
    @pytest.mark.parametrize(
        ("ours", "health"), [(0, Health.GOOD), (29, Health.GOOD), (31, Health.WRONG), (-7_200, Health.WRONG)]
    )
    def test_is_compared_with_darajas(self, service: Service, web: Any, ours: int, health: Health) -> None:
        theirs = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
        runtime = at(service.runtime, mpesa_base_url=web(answering(404, Date=format_datetime(theirs, True))))
        runtime = replace(runtime, clock=lambda: theirs + timedelta(seconds=ours))
        assert only(doctor.clock(runtime)).health is health

    @pytest.mark.parametrize("date", ["", "yesterday", "Tue, 24 Nov 2026 09:00:00 -0000"])
    def test_whatever_date_comes(self, service: Service, web: Any, date: str) -> None:
        runtime = at(service.runtime, mpesa_base_url=web(answering(404, Date=date)))
        runtime = replace(runtime, clock=lambda: datetime(2026, 11, 24, 9, 0, tzinfo=UTC))
        expected = Health.GOOD if date.startswith("Tue") else Health.SKIPPED
        assert only(doctor.clock(runtime)).health is expected


class TestWorker:
    def test_what_is_long_overdue_means_that_nobody_runs_the_jobs(self, service: Service) -> None:
        service.pending()
        assert only(doctor.worker(service.runtime)).health is Health.GOOD
        service.clock.advance(30 + 179)
        assert only(doctor.worker(service.runtime)).health is Health.GOOD
        service.clock.advance(2)
        found = only(doctor.worker(service.runtime))
        assert found.health is Health.WRONG
        assert "(payment) has waited for 3 minutes" in found.found
