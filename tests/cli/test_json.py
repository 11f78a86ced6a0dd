"""Every operator command that prints a result prints it as JSON for scripts, too."""

import json
from typing import Any

import pytest

from mpesa_service.jobs.table import JOBS
from tests.cli.commands import LEAVES
from tests.cli.test_webhooks import URL
from tests.review.support import to_review
from tests.support import Service

FILES = {("payouts", "result"), ("migrate",), ("serve",), ("worker",)}
"""They write a file in a format of its own, or start a program."""
WHY = ("--by", "amina", "--reason", "on the statement")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the commands do is tested on both databases elsewhere."""
    return sqlite_url


def run_json(service: Service, *words: str, code: int = 0) -> Any:
    result = service.app.test_cli_runner().invoke(args=["mpesa", *words, "--json"])
    assert result.exit_code == code, result.output
    text = "\n".join(line for line in result.stdout.splitlines() if not line.startswith('{"level"'))
    return json.loads(text)


@pytest.mark.parametrize("path", [path for path in LEAVES if path not in FILES], ids=" ".join)
def test_every_command_has_the_option(path: tuple[str, ...]) -> None:
    assert "--json" in {name for parameter in LEAVES[path].params for name in parameter.opts}


def test_token_and_keys(service: Service) -> None:
    token = run_json(service, "token", "--sub", "shop", "--role", "admin")["token"]
    header = {"Authorization": f"Bearer {token}"}
    assert service.app.test_client().get("/api/mpesa/review", headers=header).status_code == 200
    assert len(run_json(service, "keys", "new")["key"]) == 44
    rotated = run_json(service, "keys", "rotate")
    assert rotated["rows"] == 0
    assert {table["unreadable"] for table in rotated["tables"]} == {0}
    assert run_json(service, "callbacks", "retry") == {"callbacks": 0}


def test_jobs(service: Service) -> None:
    assert run_json(service, "jobs", "run-once", "--job", "prune") == {"prune": 0}
    listed = run_json(service, "jobs", "list")
    assert [job["name"] for job in listed] == [job.name for job in JOBS]
    assert listed[0] == {"name": "deliver", "every": 1, "help": JOBS[0].help}


def test_what_a_person_decides(service: Service) -> None:
    first = service.row(to_review(service, service.pending(order="A"))).id
    second = service.row(to_review(service, service.pending(order="B", phone="254722000001"))).id
    third = service.row(to_review(service, service.paid(order="C", phone="254722000002"))).id
    assert run_json(service, "review", "settle", first, *WHY)["status"] == "succeeded"
    assert run_json(service, "review", "fail", second, *WHY)["_id"] == second
    assert run_json(service, "review", "refund", third, *WHY)["refundAmount"] == 100


def test_a_reversal(service: Service) -> None:
    shown = run_json(service, "reverse", service.paid(amount=100), *WHY)
    assert (shown["method"], shown["status"], shown["refundAmount"]) == ("reversal", "pending", 100)


def test_a_reversal_that_is_refused(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/options", {"shortcode": "600000"})
    assert run_json(service, "reverse", checkout, *WHY, code=1)["code"] == "provider_refused"


def test_a_webhook_that_is_disabled(service: Service) -> None:
    added = run_json(service, "webhooks", "add", URL, "--by", "amina")
    shown = run_json(service, "webhooks", "disable", added["_id"], "--by", "amina")
    assert (shown["_id"], shown["enabled"], "secret" in shown) == (added["_id"], False, False)
