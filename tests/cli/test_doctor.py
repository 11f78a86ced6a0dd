"""What `mpesa doctor` prints, and its exit status."""

import json
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.cli import doctor as cli_doctor
from mpesa_service.operations.check_results import Health, good, wrong
from tests.support import Service


@pytest.fixture
def results(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    found = [good("first", "fine")]
    monkeypatch.setattr(cli_doctor, "run_checks", lambda _runtime: iter(found))
    return found


@pytest.fixture
def service_env(service_env: dict[str, str], tmp_path: Path) -> dict[str, str]:
    return {**service_env, "CELERY_BROKER_URL": f"filesystem://{tmp_path / 'broker'}"}


def run(service: Service, *words: str) -> Any:
    return service.app.test_cli_runner().invoke(args=["mpesa", "doctor", *words])


def test_what_is_well_ends_with_0(service: Service, results: list[Any]) -> None:
    result = run(service)
    assert result.exit_code == 0
    assert "good     first: fine" in result.stdout
    assert "good     broker: reachable" in result.stdout


def test_what_is_wrong_ends_with_1_and_gives_advice(service: Service, results: list[Any]) -> None:
    results.append(wrong("second", "broken", "Fix it."))
    result = run(service)
    assert result.exit_code == 1
    assert "wrong    second: broken" in result.stdout
    assert "Fix it." in result.stdout


def test_only_errors_are_logged_between_the_results(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    levels = []

    def checks(_: Any) -> Any:
        levels.append(logging.getLogger("mpesa_service").getEffectiveLevel())
        yield good("first", "fine")

    monkeypatch.setattr(cli_doctor, "run_checks", checks)
    before = logging.getLogger("mpesa_service").level
    run(service)
    assert levels == [logging.ERROR]
    assert logging.getLogger("mpesa_service").level == before


def test_for_scripts(service: Service, results: list[Any]) -> None:
    found = json.loads(run(service, "--json").stdout)
    assert found[0] == {"check": "first", "health": "good", "found": "fine", "advice": ""}
    assert [item["check"] for item in found] == ["first", cli_doctor.BROKER, cli_doctor.LIMITER]


def with_settings(service: Service, **changes: Any) -> Service:
    settings = replace(service.runtime.settings, **changes)
    service.app.extensions["mpesa_service"] = replace(service.runtime, settings=settings)
    return service


def test_a_broker_that_is_away(service: Service, results: list[Any]) -> None:
    result = run(with_settings(service, celery_broker_url="redis://127.0.0.1:9/0"), "--json")
    found = json.loads(result.stdout)[1]
    assert (found["check"], found["health"]) == (cli_doctor.BROKER, Health.WRONG)
    assert "CELERY_BROKER_URL" in found["advice"]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("uri", "health"), [("memory://", Health.GOOD), ("redis://127.0.0.1:9/0", Health.WRONG)]
)
def test_the_rate_limit_store(service: Service, results: list[Any], uri: str, health: Health) -> None:
    result = run(with_settings(service, ratelimit_enabled=True, ratelimit_storage_uri=uri), "--json")
    assert json.loads(result.stdout)[2]["health"] == health
    assert result.exit_code == (health is Health.WRONG)


def test_without_rate_limits_there_is_no_store(service: Service, results: list[Any]) -> None:
    result = run(with_settings(service, ratelimit_enabled=False), "--json")
    assert json.loads(result.stdout)[2]["health"] == Health.SKIPPED
