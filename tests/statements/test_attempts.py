"""A statement whose application fails is tried a bounded number of times, and then waits for a person."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.errors import Conflict
from mpesa_service.operations.waiting import what_waits
from mpesa_service.statements import applying
from mpesa_service.statements.applying import apply_due, request_apply
from mpesa_service.statements.records import StatementRecord, get_statement
from tests.cli.test_unmatched import run, run_json
from tests.statements.files import portal_row
from tests.statements.support import BOSS, import_rows, own
from tests.support import Service


def requested(service: Service, tmp_path: Path) -> str:
    record = import_rows(service, tmp_path, own([portal_row(paid_in="100.00")]))
    request_apply(service.runtime, BOSS, record.id)
    return record.id


def attempt(service: Service, statement_id: str, count: int = 1) -> StatementRecord:
    """Let the job run so often, with enough time between the attempts."""
    for _ in range(count):
        assert apply_due(service.runtime) == 0
        service.clock.advance(600)
    return get_statement(service.runtime, statement_id)


def broken(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(applying, "raise_evidence", fail)


def test_fails_in_the_end_and_can_be_started_again(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement_id = requested(service, tmp_path)
    with monkeypatch.context() as patch:
        broken(patch, RuntimeError("personal data"))
        record = attempt(service, statement_id, 4)
        assert (record.status, record.failure_reason) == ("applying", "RuntimeError")
        assert list(what_waits(service.runtime)) == []
        record = attempt(service, statement_id)
        assert (record.status, record.failure_reason) == ("failed", "RuntimeError")
        assert attempt(service, statement_id).status == "failed"
        [(subject, found, advice)] = what_waits(service.runtime)
        assert (subject, "could not be applied: RuntimeError" in found) == ("statements", True)
        assert "mpesa statements apply" in advice
        assert "failed: RuntimeError" in run(service, "statements", "show", statement_id)
        [listed] = run_json(service, "statements", "list")
        assert (listed["status"], listed["failureReason"]) == ("failed", "RuntimeError")
    run(service, "statements", "apply", statement_id, "--by", "amina")
    record = get_statement(service.runtime, statement_id)
    assert (record.status, record.failure_reason, len(service.payments())) == ("applied", None, 1)


def test_waits_before_another_attempt_and_says_our_own_reason(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    statement_id = requested(service, tmp_path)
    with monkeypatch.context() as patch:
        broken(patch, Conflict("Something holds it.", code="held"))
        assert attempt(service, statement_id).failure_reason == "Something holds it."
        service.clock.advance(-600)
    assert apply_due(service.runtime) == 0
    service.clock.advance(61)
    assert apply_due(service.runtime) == 1
    assert get_statement(service.runtime, statement_id).failure_reason is None


def test_of_workers_that_are_killed_are_counted_too(service: Service, tmp_path: Path) -> None:
    statement_id = requested(service, tmp_path)
    for _ in range(applying.MAX_ATTEMPTS):
        assert applying._claim(service.runtime) is not None
        service.clock.advance(121)
    record = attempt(service, statement_id)
    assert (record.status, record.failure_reason) == ("failed", applying.STOPPED)
    request_apply(service.runtime, BOSS, statement_id)
    assert apply_due(service.runtime) == 1


def test_the_doctor_does_not_fail_without_a_database(service: Service, tmp_path: Path) -> None:
    requested(service, tmp_path)
    with service.runtime.database.begin() as session:
        session.execute(text("ALTER TABLE statements RENAME TO away"))
    try:
        assert list(what_waits(service.runtime)) == []
    finally:
        with service.runtime.database.begin() as session:
            session.execute(text("ALTER TABLE away RENAME TO statements"))
