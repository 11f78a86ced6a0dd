"""The operators' commands for outgoing events."""

import json
from typing import Any

import pytest

from mpesa_service.webhooks.deliver import deliver_due
from tests.support import Service
from tests.support.receivers import answering, receiver

URL = "http://127.0.0.1:9/hooks"


def run(service: Service, *words: str, code: int = 0) -> str:
    runner = service.app.test_cli_runner()
    result = runner.invoke(args=["mpesa", "webhooks", *words], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return str(result.output)


def run_json(service: Service, *words: str) -> Any:
    text = run(service, *words, "--json")
    return json.loads(text[min(text.index(mark) for mark in "[{" if mark in text) :])


def test_add_list_rotate_and_disable(service: Service) -> None:
    text = run(service, "add", URL, "--by", "amina", "--type", "payment.succeeded", "--description", "shop")
    assert "whsec_" in text
    [listed] = run_json(service, "list")
    assert listed["createdBy"] == "operator:amina"
    assert (listed["eventTypes"], listed["description"]) == (["payment.succeeded"], "shop")
    assert "secret" not in listed
    rotated = run_json(service, "rotate", listed["_id"], "--by", "amina")
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] not in text
    run_json(service, "add", URL, "--by", "amina")
    assert "is disabled" in run(service, "disable", listed["_id"], "--by", "amina")
    table = run(service, "list")
    assert "no: Disabled by an operator." in table
    assert "all" in table


def test_deliveries_resend_and_replay(service: Service) -> None:
    with receiver(answering(500)) as shop:
        added = run_json(service, "add", shop.url, "--by", "amina")
        service.paid()
        deliver_due(service.runtime)
        table = run(service, "deliveries", added["_id"])
        assert "payment.succeeded" in table
        assert "waiting" in table
        assert "500" in table
        shop.reply = answering(200)
        service.clock.advance(10)
        deliver_due(service.runtime)
        [row] = run_json(service, "deliveries", added["_id"], "--status", "delivered")
        assert f"delivery {row['_id'] + 1}" in run(service, "resend", str(row["_id"]), "--by", "amina")
        deliver_due(service.runtime)
        assert run_json(service, "resend", str(row["_id"]), "--by", "amina")["resend"] == 2
        deliver_due(service.runtime)
        times = ("--from", "2026-11-22", "--to", "2026-11-22T12:00:01", "--by", "amina")
        assert "again: 1." in run(service, "replay", added["_id"], *times)
        deliver_due(service.runtime)
        assert run_json(service, "replay", added["_id"], *times) == {"events": 1}
        deliver_due(service.runtime)
        whole_day = ("--from", "2026-11-22", "--to", "2026-11-22", "--by", "amina")
        assert run_json(service, "replay", added["_id"], *whole_day) == {"events": 1}
        deliver_due(service.runtime)
        assert "delivered" in run(service, "deliveries", added["_id"])


@pytest.mark.parametrize(
    "words",
    [
        ("add", "http://10.0.0.1/", "--by", "amina"),
        ("disable", "nobody", "--by", "amina"),
        ("rotate", "nobody", "--by", "amina"),
        ("deliveries", "nobody"),
        ("resend", "4711", "--by", "amina"),
        ("replay", "nobody", "--from", "2026-11-22", "--to", "2026-11-23", "--by", "amina"),
    ],
    ids=lambda words: words[0],
)
def test_errors_are_printed_as_a_sentence(service: Service, words: tuple[str, ...]) -> None:
    text = run(service, *words, code=1)
    assert "Error: The" in text
    assert "Traceback" not in text


def test_a_time_that_is_none_is_refused(service: Service) -> None:
    result = service.app.test_cli_runner().invoke(
        args=[
            "mpesa",
            "webhooks",
            "replay",
            "x",
            "--from",
            "yesterday",
            "--to",
            "2026-11-22",
            "--by",
            "amina",
        ]
    )
    assert result.exit_code == 2
    assert "Not a date or date-time such as 2026-11-22" in result.output
