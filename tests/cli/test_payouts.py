"""The operators' commands for payouts."""

import json
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.cli import payouts as cli_payouts
from mpesa_service.core import suspensions
from mpesa_service.domain.payout_files import NUMBERS
from mpesa_service.payouts import views
from mpesa_service.payouts.views import Progress
from tests.payouts.support import ROW, act, batches, made, payouts, post
from tests.support import Service
from tests.web.test_payout_files import NAMES, as_xlsx

CSV = "type,phoneNumber,amount\nb2c,0712345678,100\nb2c,0722000001,200\n"


def run(service: Service, *words: str, code: int = 0, group: str = "payouts") -> str:
    runner = service.app.test_cli_runner()
    result = runner.invoke(args=["mpesa", group, *words], env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return "".join(line for line in str(result.output).splitlines(True) if '"state change"' not in line)


def run_json(service: Service, *words: str, code: int = 0) -> Any:
    return json.loads(run(service, *words, "--json", code=code))


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "salaries.csv"
    path.write_text(CSV)
    return str(path)


def test_create(service: Service, file: str) -> None:
    words = ("create", file, "--reference", "PAY-1", "--description", "Salaries", "--by", "amina")
    text = run(service, *words)
    assert "PAY-1  running: 2 seconds until the rest is sent" in text
    assert [row.amount for row in payouts(service)] == [100, 200]
    [batch] = batches(service)
    assert (batch.created_by, batch.description) == ("operator:amina", "Salaries")
    assert "This batch exists already." in run(service, *words)
    assert run_json(service, *words)["_id"] == batch.id
    assert "Use a new one" in run(service, *words[:4], "--by", "amina", code=1)


def test_create_with_faults_stores_nothing(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "bad.csv"
    path.write_text(CSV + "b2c,07,5\n")
    words = ("create", str(path), "--reference", "PAY-1", "--by", "amina")
    text = run(service, *words, code=1)
    assert "must be 10 to 250000 shillings" in text
    assert "Faults: 2. Nothing was stored." in text
    shown = run_json(service, *words, code=1)
    assert (shown["code"], shown["details"]["total"]) == ("invalid_rows", 2)
    path.write_text("x")
    assert "The first line must contain column names" in run(service, *words, code=1)
    path.write_text(CSV)
    assert "reference: must be 1 to 64" in run(
        service, "create", str(path), "--reference", "a b", "--by", "x", code=2
    )
    assert batches(service) == []


def test_a_warning_about_the_file_is_shown(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "bills.xlsx"
    path.write_bytes(as_xlsx(NAMES, ("paybill", None, "888880", 100, 123)))
    text = run(service, "create", str(path), "--reference", "BILLS", "--by", "amina")
    assert f"Warning: {NUMBERS}" in text
    assert [row.amount for row in payouts(service)] == [100]


def test_approve_by_another_person(service: Service) -> None:
    batch = made(service, {**ROW, "amount": 60_000})
    assert "cannot approve it" in run(service, "approve", batch, "--by", "amina", code=1)
    text = run(service, "approve", batch, "--by", "otieno")
    assert "running" in text
    assert batches(service)[0].approved_by == "operator:otieno"


def test_another_spelling_is_not_another_person(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_text("type,phoneNumber,amount\nb2c,0712345678,60000\n")
    batch = run_json(service, "create", str(path), "--reference", "LARGE", "--by", "Amina")["_id"]
    for name in ("amina", " AMINA ", "operator:amina"):
        assert "cannot approve it" in run(service, "approve", batch, "--by", name, code=1)


def test_pause_resume_stop(service: Service) -> None:
    batch = made(service)
    assert "paused: nothing more will be sent" in run(service, "pause", batch, "--by", "amina")
    assert "running" in run(service, "resume", batch, "--by", "amina")
    assert run_json(service, "stop", batch, "--by", "amina")["rows"]["canceled"]["count"] == 1
    assert "cannot be stopped" in run(service, "stop", batch, "--by", "amina", code=1)
    assert "no such batch" in run(service, "pause", "nothing", "--by", "amina", code=1)


def test_list(service: Service) -> None:
    batch = made(service)
    post(service, {**ROW, "amount": 60_000, "reference": "LARGE"})
    text = run(service, "list")
    assert batch in text
    assert "waiting_approval" in text
    assert [found["reference"] for found in run_json(service, "list", "--status", "running")] == ["PAY-1"]


def test_watch_ends_with_the_batch(service: Service) -> None:
    batch = made(service)
    act(service, batch, "stop")
    text = run(service, "watch", batch)
    assert "stopped: has ended" in text
    assert "canceled" in text
    assert "no such batch" in run(service, "watch", "nothing", code=1)


class Looks:
    """Lets a batch be looked at a number of times, and then something happen."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, happen: Any, after: int) -> None:
        self._happen, self._left = happen, after
        monkeypatch.setattr(cli_payouts, "views", self)

    def __getattr__(self, name: str) -> Any:
        return getattr(views, name)

    def batch_progress(self, runtime: Any, batch: str) -> Progress:
        self._left -= 1
        if self._left == 0:
            self._happen()
        return views.batch_progress(runtime, batch)


def test_watch_shows_every_change(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = made(service)
    Looks(monkeypatch, lambda: act(service, batch, "stop"), 3)
    lines = [json.loads(line) for line in run(service, "watch", batch, "--every", "0", "--json").splitlines()]
    assert [line["status"] for line in lines] == ["running", "stopped"]
    another = made(service, reference="PAY-2")
    Looks(monkeypatch, lambda: act(service, another, "stop"), 3)
    assert "has ended" in run(service, "watch", another, "--every", "0")


def test_stopping_the_watch_stops_nothing_else(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    batch = made(service)
    Looks(monkeypatch, interrupt, 2)
    assert "The batch continues" in run(service, "watch", batch, "--every", "0")
    assert batches(service)[0].status == "running"


def test_result(service: Service, tmp_path: Path) -> None:
    batch = made(service)
    assert "1,b2c,254712***678,,100," in run(service, "result", batch)
    path = tmp_path / "result.csv"
    run(service, "result", batch, "--output", str(path))
    assert path.read_text().startswith("row,type,phoneNumber")
    run(service, "result", batch, "--output", str(path), "--bom")
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrow,type")
    run(service, "result", batch, "--output", str(tmp_path / "result.xlsx"))
    assert (tmp_path / "result.xlsx").read_bytes().startswith(b"PK")
    assert "no such batch" in run(service, "result", "nothing", code=1)


def test_a_suspension_is_shown_and_ended(service: Service, file: str) -> None:
    words = ("resume", "payouts", "--by", "amina")
    assert "Payouts were not suspended." in run(service, *words, group="suspensions")
    with service.runtime.database.begin() as session:
        suspensions.suspend(session, suspensions.PAYOUTS, "no money", service.clock())
    assert "no money" in run(service, "list", group="suspensions")
    [shown] = json.loads(run(service, "list", "--json", group="suspensions"))
    assert (shown["name"], shown["reason"]) == ("payouts", "no money")
    text = run(service, "create", file, "--reference", "PAY-1", "--by", "amina")
    assert "payouts are suspended: no money" in text
    assert "Payouts are resumed." in run(service, *words, group="suspensions")


def test_what_waits_for_another_person_says_so(service: Service, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    path.write_text("type,phoneNumber,amount\nb2c,0712345678,60000\n")
    text = run(service, "create", str(path), "--reference", "LARGE", "--by", "amina")
    assert "waiting_approval: another person must approve it" in text
