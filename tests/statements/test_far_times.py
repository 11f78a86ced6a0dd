"""A time of a line that is far from what another source states: a finding, and no change."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mpesa_service.cli.statement_output import print_statement
from mpesa_service.domain.statements import DateOrder
from mpesa_service.statements.far_times import NEXT, NEXT_APPLIED, NEXT_ORDER, NEXT_SWAPPED, NEXT_ZONE
from mpesa_service.statements.matching import shares_of
from mpesa_service.statements.report import compare
from mpesa_service.statements.withdrawing import withdraw_statement
from tests.c2b.support import confirm
from tests.statements.files import as_csv, portal_row
from tests.statements.support import BOSS, import_rows, imported, own
from tests.statements.test_applying import applied, income
from tests.statements.test_matching import paid, refund_of
from tests.statements.test_outgoing_times import refund_row
from tests.statements.test_outgoing_times import stated as refund_times
from tests.statements.test_paid_at import CONFIRMED, of_stores, only, stated
from tests.support import Service

CONFIRMED_ON_10 = {"TransID": "UK1EXAMPL1", "TransTime": "20261110095930"}
ON_10 = datetime(2026, 11, 10, 6, 59, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "next_step"),
    [
        ("11-10-2026 09:59:31", NEXT_APPLIED),  # 10/11/2026, read with the day first
        ("10-11-2026 06:59:31", NEXT_ZONE),  # UTC
        ("08-11-2026 11:11:11", NEXT),
    ],
)
def test_a_far_time_is_a_finding_and_changes_nothing(
    service: Service, tmp_path: Path, capsys: pytest.CaptureFixture[str], at: str, next_step: str
) -> None:
    confirm(service, **CONFIRMED_ON_10)
    before = only(service).status
    record = import_rows(service, tmp_path, own([income(at=at)], From="01-10-2026 00:00:00"))
    record = applied(service, record)
    assert stated(service) == (ON_10, "confirmation")
    assert (only(service).evidence, only(service).status) == ("statement", before)
    assert record.report["outcomes"]["agrees"]["lines"] == 1
    times = record.report["times"]
    assert (times["count"], times["nextStep"]) == (1, next_step)
    [row] = times["rows"]
    assert (row["receipt"], row["otherSource"], row["ourId"]) == (
        "UK1EXAMPL1",
        "confirmation",
        only(service).id,
    )
    assert row["otherAt"] == "2026-11-10T09:59:30.000+03:00"
    assert row["at"] != row["otherAt"]
    print_statement(record)
    shown = capsys.readouterr().out
    assert "1 time differs by more than an hour" in shown
    assert "2026-11-10 09:59:30" in shown
    assert f"Next: {next_step}" in shown
    # Nothing is left to do, so the payment is not raised again and again.
    assert applied(service, record).progress["raised"] == 0


def test_swapped_dates_are_read_again_in_the_other_order(service: Service, tmp_path: Path) -> None:
    confirm(service, **CONFIRMED_ON_10)
    path = as_csv(tmp_path / "s.csv", own([income(at="11-10-2026 09:59:31")], From="01-10-2026 00:00:00"))
    assert imported(service, path).report["times"]["nextStep"] == NEXT_ORDER.format("mdy")
    record = imported(service, path, dates=DateOrder.MONTH_FIRST)
    assert record.report["times"]["count"] == 0
    # A date of one meaning leaves no other order.
    rows = own([income(at="2026-10-11 09:59:31")], From="01-10-2026 00:00:00")
    assert import_rows(service, tmp_path, rows, "b.csv").report["times"]["nextStep"] == NEXT_SWAPPED


def test_the_time_of_a_withdrawn_statement_is_replaced(service: Service, tmp_path: Path) -> None:
    period = {"From": "01-10-2026 00:00:00"}
    wrong = import_rows(service, tmp_path, own([income(at="11-10-2026 09:59:31")], **period))
    applied(service, wrong)
    right = import_rows(service, tmp_path, own([income(at="10-11-2026 09:59:30")], **period), "b.csv")
    assert applied(service, right).progress["raised"] == 0
    withdraw_statement(service.runtime, BOSS, wrong.id, "its dates are swapped")
    assert applied(service, right).progress["raised"] == 1
    assert stated(service) == (ON_10, "statement")
    assert applied(service, right).progress["raised"] == 0


def test_a_near_time_is_no_finding(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    record = applied(service, import_rows(service, tmp_path, own([income(at="22-11-2026 10:59:30")])))
    assert record.report["times"] == {"count": 0, "nextStep": None, "rows": []}
    assert stated(service)[1] == "statement"


def test_a_source_that_comes_later_replaces_a_far_time(service: Service, tmp_path: Path) -> None:
    rows = own([income(at="11-10-2026 09:59:31")], From="01-10-2026 00:00:00")
    record = applied(service, import_rows(service, tmp_path, rows))
    assert stated(service)[1] == "statement"
    assert record.report["times"]["count"] == 0
    confirm(service, **CONFIRMED_ON_10)
    assert stated(service) == (ON_10, "confirmation")
    assert compare(service.runtime, record).report["times"]["count"] == 1
    assert applied(service, record).progress["raised"] == 0
    assert stated(service) == (ON_10, "confirmation")


@pytest.mark.parametrize(("hours", "source"), [(-3, None), (3, None), (0, "statement")])
def test_the_prompt_is_a_source(service: Service, tmp_path: Path, hours: int, source: str | None) -> None:
    [payment_id] = paid(service, channel="stk", paid_at=None, paid_at_source=None)
    prompted = only(service).created_at
    service.clock.advance(24 * 3600)
    local = (prompted + timedelta(hours=3 + hours)).strftime("%d-%m-%Y %H:%M:%S")
    record = applied(service, import_rows(service, tmp_path, own([portal_row("RECEIPT0", local, "100.00")])))
    assert only(service).paid_at_source == source
    assert [one["otherSource"] for one in record.report["times"]["rows"]] == ([] if source else ["prompt"])
    assert only(service).id == payment_id


def test_a_far_time_of_a_refund_is_a_finding(service: Service, tmp_path: Path) -> None:
    first, second = paid(service, 2)
    known = datetime(2026, 11, 10, 6, tzinfo=UTC)
    refund_of(service, first, "r1", paid_at=known, paid_at_source="callback")
    refund_of(service, second, "r2")  # requested on 1 November
    rows = [
        refund_row("REFUNDR1", at="11-10-2026 09:00:00"),
        refund_row("REFUNDR2", at="11-10-2026 09:00:00"),
    ]
    record = applied(service, import_rows(service, tmp_path, own(rows, From="01-10-2026 00:00:00")))
    assert refund_times(service) == [(known, "callback"), (None, None)]
    sources = [one["otherSource"] for one in record.report["times"]["rows"]]
    assert sources == ["callback", "request"]


def test_a_beginning_is_no_time_of_completion(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransTime="20261122095930")
    record = applied(service, of_stores(service, tmp_path, "2026-11-20 09:58:00.0"))
    assert record.report["times"]["count"] == 0
    assert sum(share.lines for share in shares_of(service.runtime, record)) == 1
    assert stated(service) == (CONFIRMED, "confirmation")
