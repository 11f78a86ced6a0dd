"""Proven days: of applied statements with an unbroken balance, per account, with gaps."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.models import Statement
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.coverage import Days, coverage, merged, whole_days
from tests.cli.test_unmatched import run, run_json
from tests.statements.files import portal_row
from tests.statements.support import BOSS, import_rows, own
from tests.support import Service

NIGHT = datetime(2026, 10, 31, 21, tzinfo=UTC)
"""Midnight in Nairobi, the beginning of 1 November."""


def november(day: int) -> date:
    return date(2026, 11, day)


def of(service: Service, tmp_path: Path, begin: str, end: str, *, apply: bool = True, **labels: str) -> None:
    """Import a statement of a period in November with one payment."""
    row: list[Any] = portal_row(f"UK{begin:0>8}", f"{begin[:2]}-11-2026 12:00:00", "5.00", "", "5.00")
    period = {"From": f"{begin[:2]}-11-2026 {begin[3:] or '00:00:00'}", "To": f"{end}-11-2026 23:59:59"}
    record = import_rows(service, tmp_path, own([row], **period, **labels), f"{begin[:2]}.csv")
    if apply:
        request_apply(service.runtime, BOSS, record.id)
        apply_statement(service.runtime, record.id)


def test_applied_statements_prove_days_and_leave_gaps(service: Service, tmp_path: Path) -> None:
    service.clock.advance(10 * 24 * 3600)
    of(service, tmp_path, "01", "04")
    of(service, tmp_path, "05", "06")
    of(service, tmp_path, "10", "12")
    of(service, tmp_path, "15", "16", apply=False)
    of(service, tmp_path, "20", "21", **{"Account:": "Working Account"})
    of(service, tmp_path, "25", "26", **{"Closing Balance:": "5.00"})
    utility, working = coverage(service.runtime)
    assert (utility.shortcode, utility.account) == ("174379", "Utility Account")
    assert utility.proven == (
        Days(november(1), november(6)),
        Days(november(10), november(12)),
        Days(november(25), november(26)),
    )
    assert utility.gaps == (Days(november(7), november(9)), Days(november(13), november(24)))
    assert (working.account, working.proven[0].count, working.gaps) == ("Working Account", 2, ())


def test_a_day_that_is_not_over_and_the_future_are_not_proven(service: Service, tmp_path: Path) -> None:
    now = datetime(2026, 11, 2, 12, tzinfo=UTC)
    service.clock.advance((now - service.clock()).total_seconds())
    of(service, tmp_path, "01", "30")
    [utility] = coverage(service.runtime)
    assert utility.proven == ()
    service.clock.advance(24 * 3600)
    of(service, tmp_path, "01", "02")
    assert coverage(service.runtime)[0].proven == (Days(november(1), november(2)),)


@pytest.mark.parametrize(
    ("begin", "end", "days"),
    [
        (0, 24 * 3600 - 1, Days(november(1), november(1))),
        (0, 24 * 3600 - 2, None),
        (1, 48 * 3600 - 1, Days(november(2), november(2))),
        (0, 49 * 3600, Days(november(1), november(2))),
        (3600, 7200, None),
    ],
)
def test_only_whole_days_are_proven(begin: int, end: int, days: Days | None) -> None:
    assert whole_days((NIGHT + timedelta(seconds=begin), NIGHT + timedelta(seconds=end))) == days


def test_periods_that_touch_are_one() -> None:
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    first, next_, later = (NIGHT, NIGHT + hour), (NIGHT + hour + second, NIGHT + 2 * hour), NIGHT + 4 * hour
    assert merged([(later, later), next_, first, first]) == [(NIGHT, NIGHT + 2 * hour), (later, later)]


def test_the_command_shows_them(service: Service, tmp_path: Path) -> None:
    of(service, tmp_path, "01", "02")
    of(service, tmp_path, "05", "05")
    text = run(service, "statements", "coverage")
    assert "GAP" in text
    assert run_json(service, "statements", "coverage") == [
        {
            "shortcode": "174379",
            "account": "Utility Account",
            "proven": [
                {"from": "2026-11-01", "to": "2026-11-02", "days": 2},
                {"from": "2026-11-05", "to": "2026-11-05", "days": 1},
            ],
            "gaps": [{"from": "2026-11-03", "to": "2026-11-04", "days": 2}],
        }
    ]
    data = service.call("GET", "/statements/coverage", by="boss", admin=True).json["data"]
    assert data == run_json(service, "statements", "coverage")


def test_a_statement_without_a_period_and_without_lines_proves_nothing(
    service: Service, tmp_path: Path
) -> None:
    service.clock.advance(10 * 24 * 3600)
    of(service, tmp_path, "01", "04")
    with service.runtime.database.begin() as session:
        session.execute(update(Statement).values(period_from=None, period_to=None, accounts=[]))
    assert coverage(service.runtime) == []


def test_the_command_says_why_there_is_nothing(service: Service, tmp_path: Path) -> None:
    assert "No day is proven" in run(service, "statements", "coverage")
    assert run_json(service, "statements", "coverage") == []


def test_the_report_of_a_day_that_is_not_over_says_so(service: Service, tmp_path: Path) -> None:
    day = {"From": "22-11-2026 00:00:00", "To": "22-11-2026 23:59:59"}
    row: list[Any] = portal_row("UK00000001", "22-11-2026 08:00:00", "5.00", "", "5.00")
    words = "its period was not over when it was imported"
    for at, is_over in (
        (datetime(2026, 11, 22, 9, tzinfo=UTC), False),
        (datetime(2026, 12, 1, tzinfo=UTC), True),
    ):
        service.clock.now = at
        record = import_rows(service, tmp_path, own([row], **day, Account=str(is_over)), f"{is_over}.csv")
        text = run(service, "statements", "show", record.id)
        assert (words in text) is not is_over
        assert is_over or "up to its last line, 2026-11-22 08:00:00" in text
