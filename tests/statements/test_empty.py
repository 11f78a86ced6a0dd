"""Files without lines: one statement for each day and account, and no proof."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.errors import InvalidRequest
from mpesa_service.statements.coverage import coverage
from mpesa_service.statements.records import StatementRecord, list_statements
from tests.cli.test_unmatched import run
from tests.statements.files import NEW_COLUMNS, as_csv
from tests.statements.support import SHORTCODE, imported, own
from tests.statements.test_applying import applied
from tests.support import Service

NOTHING = "The file has no lines, so it proves nothing: also not that no money moved."
NIGHT = datetime(2026, 10, 31, 21, tzinfo=UTC)
MORNING = datetime(2026, 11, 1, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def later(service: Service) -> None:
    service.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def name(day: int) -> str:
    return f"Statements for {SHORTCODE} from 2026-11-{day:02} to 2026-11-{day:02}.csv"


def empty(service: Service, tmp_path: Path, day: int, **options: Any) -> StatementRecord:
    return imported(service, as_csv(tmp_path / "b", [NEW_COLUMNS, [], ["", " "]]), name(day), **options)


@pytest.mark.parametrize("apply", [False, True])
def test_two_days_are_two_statements(service: Service, tmp_path: Path, apply: bool) -> None:
    first = empty(service, tmp_path, 1)
    if apply:
        applied(service, first)
    second = empty(service, tmp_path, 2)
    assert {one.id for one in list_statements(service.runtime, 5)} == {first.id, second.id}
    assert (first.period_from, second.name) == (NIGHT, name(2))
    assert empty(service, tmp_path, 1).id == first.id


def test_two_accounts_are_two_statements(service: Service, tmp_path: Path) -> None:
    accounts = ("Utility Account", "Merchant Account")
    found = [empty(service, tmp_path, 1, account=account) for account in accounts]
    assert [one.account for one in found] == [*accounts]
    assert empty(service, tmp_path, 1, account="utility account").id == found[0].id


def test_it_says_that_it_proves_nothing(service: Service, tmp_path: Path) -> None:
    record = applied(service, empty(service, tmp_path, 1))
    assert (record.balanced, record.findings) == (None, [NOTHING])
    assert record.report["absent"]["reason"] == "it has no lines"
    assert coverage(service.runtime) == []
    text = run(service, "statements", "show", record.id)
    assert f"Note: {NOTHING}" in text
    assert "not proven" in text


def test_it_needs_its_days(service: Service, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "b", [NEW_COLUMNS])
    with pytest.raises(InvalidRequest, match="does not say of which days") as caught:
        imported(service, path, "renamed.csv", shortcode=SHORTCODE)
    assert caught.value.code == "period_needed"
    record = imported(service, path, "r.csv", shortcode=SHORTCODE, period_from=NIGHT, period_to=MORNING)
    assert (record.period_to, record.line_count) == (MORNING, 0)


def test_shape_a_keeps_its_heading(service: Service, tmp_path: Path) -> None:
    record = imported(service, as_csv(tmp_path / "a", own([])))
    assert (record.shape, record.account, record.findings) == ("A", "Utility Account", [NOTHING])
    assert imported(service, tmp_path / "a").id == record.id
