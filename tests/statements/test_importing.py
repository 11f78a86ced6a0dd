"""Files become statements and lines: once, whatever their names, and on where an import was stopped."""

import time
from pathlib import Path

import pytest

from mpesa_service.errors import Conflict, InvalidRequest, NotFound
from mpesa_service.statements.importing import ImportOptions, read_statement
from mpesa_service.statements.records import find_statement, get_statement, list_statements
from mpesa_service.statements.storing import LineStore
from mpesa_service.statements.texts import texts_of
from tests.statements.files import (
    DAILY_NAME,
    NEW_COLUMNS,
    NEW_NAME,
    as_csv,
    as_xls,
    as_xlsx,
    charge_row,
    example,
    portal,
    portal_row,
)
from tests.statements.support import BOSS, import_rows, imported, line_count, lines, own, small_chunks
from tests.support import Service

SECOND_CHUNK = 10
"""The row at which the second chunk of three lines ends, below three lines about the account."""
NEW_ROW = [
    "UK1EXAMPL4",
    "01/11/2026 11:12:13",
    "Pay Bill from 2547****5678 - J Acc. INV8",
    "Completed",
    "990.00",
]


def test_a_statement_keeps_what_the_file_says(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, example())
    assert (record.shape, record.container, record.shortcode, record.account) == (
        "A",
        "csv",
        "600123",
        "Utility Account",
    )
    assert (record.status, record.line_count, record.new_count, record.unread_count) == ("read", 4, 4, 0)
    assert (record.paid_in_cents, record.withdrawn_cents, record.balanced) == (150_000, 1_000, True)
    assert (record.created_by, record.row_position) == ("boss", 11)
    assert record.findings == [
        "Shortcode 600123 is not the one of this service. Its money would be listed as unmatched."
    ]
    assert [(row.receipt, row.amount_cents, row.kind) for row in lines(service)] == [
        ("UK2EXAMPL2", -500, "charge"),
        ("UK2EXAMPL2", 50_000, "payment"),
        ("UK1EXAMPL1", -500, "charge"),
        ("UK1EXAMPL1", 100_000, "payment"),
    ]


def test_the_texts_of_lines_are_encrypted(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, example())
    texts = texts_of(service.runtime, record.id, [9, 11, 9])
    assert (texts[9].typed, texts[11].party) == ("0012", "25470****111 - jane doe")
    assert texts_of(service.runtime, record.id, [99]) == {}
    assert "jane" not in repr(texts)


@pytest.mark.parametrize("write", [as_csv, as_xls, as_xlsx])
def test_the_same_lines_in_another_file_add_nothing(service: Service, tmp_path: Path, write: object) -> None:
    import_rows(service, tmp_path, example())
    rows = [*example(), [], ["", ""]]
    again = imported(service, write(tmp_path / "again", rows), "statement (1).csv")  # type: ignore[operator]
    assert (again.line_count, again.new_count, line_count(service)) == (4, 0, 4)


def test_the_same_file_is_the_same_statement(service: Service, tmp_path: Path) -> None:
    first = import_rows(service, tmp_path, example())
    again = import_rows(service, tmp_path, example(), "other name.csv")
    assert (again.id, again.name) == (first.id, "s.csv")
    assert [one.id for one in list_statements(service.runtime, 10)] == [first.id]
    assert list_statements(service.runtime, 10, after=first.id) == []


def test_lines_of_one_receipt_differ_in_kind_type_amount_time_and_account(
    service: Service, tmp_path: Path
) -> None:
    at = "01-11-2026 10:00:00"
    rows = [
        portal_row("UK1EXAMPL1", at, "100.00"),
        charge_row("UK1EXAMPL1", at, "-5.00", ""),
        portal_row("UK1EXAMPL1", at, "", "-5.00", type="Pay Merchant Charge", details="Pay merchant Charge"),
        portal_row("UK1EXAMPL1", at, "200.00"),
        portal_row("UK1EXAMPL1", "01-11-2026 10:00:01", "100.00"),
        portal_row("UK1EXAMPL1", at, "", "-7.00", type="", details="odd"),
        portal_row("UK1EXAMPL1", at, "", "-7.00", type="", details="odder"),
        portal_row("UK1EXAMPL1", at, "100.00", details="Pay Bill from 0700 - another text"),
    ]
    record = import_rows(service, tmp_path, portal(rows))
    assert (record.line_count, record.new_count) == (8, 7)
    other = portal(rows[:1], **{"Account:": "Working Account"})
    assert import_rows(service, tmp_path, other, "t.csv").new_count == 1


def test_a_file_that_does_not_say_its_shortcode_needs_it(service: Service, tmp_path: Path) -> None:
    row = [NEW_ROW[0], "13/11/2026 11:12:13", *NEW_ROW[2:]]
    path = as_csv(tmp_path / "s", [NEW_COLUMNS, [*row, "0.00", "990.00"]])
    with pytest.raises(InvalidRequest) as caught:
        imported(service, path, "renamed.csv")
    assert (caught.value.code, find_statement(service.runtime, shortcode="174379")) == (
        "shortcode_needed",
        None,
    )
    record = imported(service, path, "renamed.csv", shortcode="174379", account="Utility Account")
    assert (record.shortcode, record.account, record.period_from) == ("174379", "Utility Account", None)


def test_the_name_says_the_shortcode_of_shapes_b_and_f(service: Service, tmp_path: Path) -> None:
    path = as_csv(tmp_path / "s", [NEW_COLUMNS, [*NEW_ROW, "0.00", "990.00"]])
    assert imported(service, path, NEW_NAME).shortcode == "600123"
    daily = [
        "UK1EXAMPL6",
        "2026-11-01 10:00:00",
        "Pay Bill from 2547 - J Acc. 9",
        "Completed",
        "0",
        "700.00",
        "",
    ]
    assert imported(service, as_csv(tmp_path / "f", [daily]), DAILY_NAME).shape == "F"


@pytest.mark.parametrize("given", [{"shortcode": "999999"}, {"account": "Working Account"}])
def test_the_user_cannot_say_something_else_than_the_file(
    service: Service, tmp_path: Path, given: dict[str, str]
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        imported(service, as_csv(tmp_path / "s", example()), **given)
    assert caught.value.code == "statement_differs"
    assert line_count(service) == 0


def test_a_period_that_ends_before_it_begins_is_refused(service: Service, tmp_path: Path) -> None:
    rows = portal([portal_row(paid_in="5.00")], From="03-11-2026 00:00:00")
    with pytest.raises(InvalidRequest, match="ends before it begins"):
        import_rows(service, tmp_path, rows)


def many(count: int) -> list[list[object]]:
    return own(
        [portal_row(f"UK1EXAM{n:03}", paid_in="100.00", balance=f"{n}00.00") for n in range(1, count + 1)]
    )


def test_an_import_that_is_stopped_goes_on(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 3)
    path = as_csv(tmp_path / "s", many(10))

    def stop(row: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_statement(service.runtime, BOSS, path, "s.csv", ImportOptions(), stop)
    [half] = list_statements(service.runtime, 10)
    assert (half.status, half.new_count, line_count(service)) == ("reading", 3, 3)
    seen: list[int] = []
    record = read_statement(service.runtime, BOSS, path, "s.csv", ImportOptions(), seen.append)
    assert (record.status, record.new_count, record.line_count, line_count(service)) == ("read", 10, 10, 10)
    assert (record.balanced, len(seen)) == (True, 2)
    assert set(texts_of(service.runtime, record.id, range(1, 20))) == {
        row.row_number for row in lines(service)
    }


def test_after_many_lines_the_database_counts_them(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mpesa_service.statements.importing.ANALYZE_FROM", 1)
    assert import_rows(service, tmp_path, many(3)).status == "read"


def test_two_processes_do_not_read_one_file(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_chunks(monkeypatch, 3)
    path = as_csv(tmp_path / "s", many(10))

    def meanwhile(row: int) -> None:
        while list_statements(service.runtime, 1)[0].row_position < row:  # the first chunk is being stored
            time.sleep(0.01)
        if row < SECOND_CHUNK:
            read_statement(service.runtime, BOSS, path, "s.csv")

    with pytest.raises(Conflict) as caught:
        read_statement(service.runtime, BOSS, path, "s.csv", progress=meanwhile)
    assert caught.value.code == "statement_in_progress"
    assert line_count(service) == 10


def test_a_file_that_another_process_finished_is_left_alone(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_csv(tmp_path / "s", many(2))
    store = LineStore.store

    def finish_first(self: LineStore) -> None:
        monkeypatch.setattr(LineStore, "store", store)
        read_statement(service.runtime, BOSS, path, "s.csv")

    monkeypatch.setattr(LineStore, "store", finish_first)
    with pytest.raises(Conflict, match="Another process"):
        read_statement(service.runtime, BOSS, path, "s.csv")
    assert line_count(service) == 2


def test_a_text_with_nul_is_stored_without_it(service: Service, tmp_path: Path) -> None:
    """The beginning of a text file has none, or it is refused."""
    odd = {"type": "Pay \0Utility", "linked": "UK\x001"}
    rows = [
        portal_row("UK1EXAMPL1", paid_in="5.00", details="x" * 70_000),
        portal_row("UK1EXAMPL2", paid_in="5.00", status="Failed", **odd),
        portal_row("UK1EXAMPL3", paid_in="5.00", **odd),
    ]
    import_rows(service, tmp_path, own(rows))
    found = [(line.type, line.linked_receipt) for line in lines(service)]
    assert found[1:] == [("Pay Utility", "UK1")] * 2


@pytest.mark.parametrize("statement_id", ["nothing", "with\0nul"])
def test_an_unknown_statement_is_not_found(service: Service, statement_id: str) -> None:
    with pytest.raises(NotFound, match="no such statement"):
        get_statement(service.runtime, statement_id)
