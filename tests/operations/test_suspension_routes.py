"""Suspensions: listed and ended over the API and on the command line."""

import json
import logging
from typing import Any

import pytest

from mpesa_service.core import suspensions
from tests.support import Service


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """A service on SQLite. Other tests check the effect of suspensions on both databases."""
    return sqlite_url


def suspend(service: Service, *names: str) -> None:
    with service.runtime.database.begin() as session:
        for name in names:
            suspensions.suspend(session, name, "result 2001", service.clock())


def call(service: Service, method: str, path: str, *, admin: bool = True) -> Any:
    return service.call(method, f"/suspensions{path}", by="boss", admin=admin)


def ended(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str, str]]:
    """Return the ended suspensions of the log, with actor and reason."""
    found = [vars(record) for record in caplog.records if record.name == "mpesa_service.audit"]
    return [(line["suspension"], line["actor"], line["reason"]) for line in found]


def test_all_are_listed(service: Service) -> None:
    assert call(service, "GET", "").json["data"] == []
    suspend(service, suspensions.REFUNDS, suspensions.LOW_BALANCE)
    answer = call(service, "GET", "")
    assert (answer.status_code, answer.json["message"]) == (200, "2 suspensions")
    assert answer.json["data"][1] == {
        "name": "refunds",
        "reason": "result 2001",
        "since": "2026-11-22T12:00:00.000+03:00",
    }


def test_an_admin_ends_them_and_is_named(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    suspend(service, suspensions.PAYOUTS, suspensions.OUT_OF_MONEY, suspensions.REFUNDS)
    with caplog.at_level(logging.INFO, "mpesa_service.audit"):
        answer = call(service, "POST", "/payouts/resume")
    assert (answer.status_code, answer.json["message"]) == (200, "Payouts are resumed.")
    names = [one["name"] for one in answer.json["data"]]
    assert names == ["payouts", "payouts: out of money"]
    assert ended(caplog) == [(name, "boss", "result 2001") for name in names]
    assert [one["name"] for one in call(service, "GET", "").json["data"]] == ["refunds"]
    again = call(service, "POST", "/payouts/resume")
    assert (again.status_code, again.json["message"]) == (200, "Payouts were not suspended.")
    assert again.json["data"] == []


def test_there_are_two_things_to_resume(service: Service) -> None:
    assert call(service, "POST", "/payments/resume").status_code == 404
    assert call(service, "POST", "/payouts/resume", admin=False).status_code == 403


def test_the_answer_names_what_still_stops_inquiries(service: Service) -> None:
    suspend(service, suspensions.REFUNDS, suspensions.PAYOUTS, suspensions.UNKNOWN_CODE_STATUS)
    for first in ("Inquiries are resumed.", "Inquiries were not suspended."):
        message = call(service, "POST", "/inquiries/resume").json["message"]
        assert message == f"{first} {suspensions.STILL_STOPPED}"
    assert call(service, "POST", "/refunds/resume").json["message"] == "Refunds are resumed."
    assert call(service, "POST", "/inquiries/resume").json["message"] == "Inquiries were not suspended."


@pytest.mark.parametrize("name", [suspensions.REFUNDS, suspensions.PAYOUTS])
def test_on_the_command_line(service: Service, caplog: pytest.LogCaptureFixture, name: str) -> None:
    def run(*words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", "suspensions", "resume", name, *words])

    suspend(service, name)
    assert "Missing option '--by'" in run().output
    with caplog.at_level(logging.INFO, "mpesa_service.audit"):
        assert f"{name.capitalize()} are resumed.\n" in run("--by", "amina").stdout
    assert ended(caplog) == [(name, "operator:amina", "result 2001")]
    assert run("--by", "amina").stdout == f"{name.capitalize()} were not suspended.\n"
    suspend(service, name)
    output = run("--by", "amina", "--json").stdout
    [found] = json.loads(output[output.index("[") :])
    assert (found["name"], found["reason"]) == (name, "result 2001")
