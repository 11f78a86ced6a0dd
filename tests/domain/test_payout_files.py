"""Tables of payouts: names in any capitals, empty cells, and warnings."""

from mpesa_service.domain.payout_files import NUMBERS, FileRows, count_of_names, rows_of, warnings_of


def test_empty_cells_of_any_kind_are_absent() -> None:
    found = rows_of([["TYPE", "Phone Number", None, ""], ["b2c", None, "", None], [None, "", None]])
    assert found == [(1, {"type": "b2c"})]


def test_warnings_belong_to_rows_of_files_only() -> None:
    found = rows_of([["type", "accountReference"], ["paybill", 12]])
    assert warnings_of(found) == (NUMBERS,)
    assert warnings_of(list(found)) == ()
    assert warnings_of(FileRows([])) == ()


def test_how_many_cells_name_a_field() -> None:
    assert count_of_names(["Type", "phone_number", "AMOUNT", "x", ""]) == 3
