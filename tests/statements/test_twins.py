"""The same lines in two shapes are stored once, and their account is known as soon as one file names it."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.errors import Conflict
from mpesa_service.statements.coverage import Days, coverage
from mpesa_service.statements.records import StatementRecord, get_statement
from mpesa_service.verification.payments import verify
from tests.statements.files import NEW_COLUMNS, as_csv, charge_row, portal_row
from tests.statements.support import SHORTCODE, import_rows, imported, line_count, lines, outcomes, own
from tests.statements.test_applying import applied
from tests.support import Service

UTILITY = "Utility Account"
DAYS = [(date(2026, 11, 1), date(2026, 11, 2)), (date(2026, 11, 2), date(2026, 11, 3))]


@pytest.fixture(autouse=True)
def later(service: Service) -> None:
    service.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def shape_a(service: Service, tmp_path: Path, **labels: str) -> StatementRecord:
    """Import a payment with its charge on 1 November and a payment on the 2nd, in shape A."""
    rows = [
        portal_row("UK1EXAMPL1", "01-11-2026 10:00:00", "100.00", "", "100.00"),
        charge_row("UK1EXAMPL1", "01-11-2026 10:00:00", "-5.00", "95.00"),
        portal_row("UK1EXAMPL2", "02-11-2026 10:00:00", "50.00", "", "145.00"),
    ]
    return import_rows(service, tmp_path, own(rows, To="02-11-2026 23:59:59", **labels), "a.csv")


def shape_b(service: Service, tmp_path: Path, days: int = 0, **options: Any) -> StatementRecord:
    """Import the same lines in shape B; with `days=1`, those of the next two days, one of which is new."""
    details = "Pay Bill from 2547****5678 - J Acc. 8"
    rows = [
        ["UK1EXAMPL1", "01/11/2026 10:00:00", details, "Completed", "100.00", "0.00", "100.00"],
        ["UK1EXAMPL1", "01/11/2026 10:00:00", "Pay Bill Charge", "Completed", "0.00", "-5.00", "95.00"],
        ["UK1EXAMPL2", "02/11/2026 10:00:00", details, "Completed", "50.00", "0.00", "145.00"],
        ["UK1EXAMPL3", "03/11/2026 10:00:00", details, "Completed", "25.00", "0.00", "170.00"],
    ]
    begin, end = DAYS[days]
    name = f"Statements for {SHORTCODE} from {begin} to {end}.csv"
    rows = rows[2:] if days else rows[:3]
    return imported(service, as_csv(tmp_path / f"b{days}", [NEW_COLUMNS, *rows]), name, **options)


@pytest.mark.parametrize("named", [{}, {"account": "utility account"}])
def test_shape_b_after_shape_a_stores_nothing_again(
    service: Service, tmp_path: Path, named: dict[str, str]
) -> None:
    first = applied(service, shape_a(service, tmp_path))
    again = applied(service, shape_b(service, tmp_path, **named))
    assert (again.line_count, again.new_count, line_count(service)) == (3, 0, 3)
    assert outcomes(again) == outcomes(first) == {"agrees": 2, "own": 1}
    assert again.account.casefold() == UTILITY.casefold()
    [one] = coverage(service.runtime)
    assert (one.account, one.proven) == (UTILITY, (Days(*DAYS[0]),))
    assert list(verify(service.runtime)) == []


def test_shape_b_before_shape_a_gets_its_account(service: Service, tmp_path: Path) -> None:
    first = applied(service, shape_b(service, tmp_path))
    assert (first.account, [one.account for one in coverage(service.runtime)]) == ("", [""])
    again = applied(service, shape_a(service, tmp_path))
    assert (again.new_count, get_statement(service.runtime, first.id).account) == (0, UTILITY)
    assert {line.account for line in lines(service)} == {UTILITY}
    [one] = coverage(service.runtime)
    assert (one.account, one.proven) == (UTILITY, (Days(*DAYS[0]),))


def test_an_account_is_passed_on_from_file_to_file(service: Service, tmp_path: Path) -> None:
    applied(service, shape_b(service, tmp_path))
    second = applied(service, shape_b(service, tmp_path, days=1))
    assert (second.account, second.new_count) == ("", 1)
    shape_a(service, tmp_path)
    assert get_statement(service.runtime, second.id).account == UTILITY
    [one] = coverage(service.runtime)
    assert one.proven == (Days(DAYS[0][0], DAYS[1][1]),)
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("apply", [False, True])
def test_a_repeated_import_names_the_account(service: Service, tmp_path: Path, apply: bool) -> None:
    first = shape_b(service, tmp_path)
    second = shape_b(service, tmp_path, days=1)
    if apply:
        applied(service, first)
        applied(service, second)
    named = shape_b(service, tmp_path, account=UTILITY)
    assert (named.id, named.account, named.accounts[0]["account"]) == (first.id, UTILITY, UTILITY)
    assert get_statement(service.runtime, second.id).account == UTILITY
    assert {line.account for line in lines(service)} == {UTILITY}


def test_another_name_for_a_known_account_is_refused(service: Service, tmp_path: Path) -> None:
    applied(service, shape_a(service, tmp_path))
    applied(service, shape_b(service, tmp_path))
    with pytest.raises(Conflict, match=r"account 'Utility Account' .* It keeps them, because") as caught:
        shape_b(service, tmp_path, account="Merchant Account")
    assert caught.value.code == "statement_differs"
    assert shape_b(service, tmp_path, account="utility account").account == UTILITY


def test_lines_of_accounts_with_other_names_are_not_the_same(service: Service, tmp_path: Path) -> None:
    shape_a(service, tmp_path)
    other = shape_b(service, tmp_path, account="Merchant Account")
    assert (other.new_count, line_count(service)) == (3, 6)


def test_lines_of_two_accounts_leave_a_file_without_a_name(service: Service, tmp_path: Path) -> None:
    shape_a(service, tmp_path)
    merchant = [portal_row("UK1EXAMPL3", "03-11-2026 10:00:00", "25.00", "", "25.00")]
    import_rows(service, tmp_path, own(merchant, **{"Account:": "Merchant Account"}), "m.csv")
    assert shape_b(service, tmp_path, days=1).account == ""
