"""What a row may say, every fault of it, and what counts as paying twice."""

from typing import Any

import pytest

from mpesa_service.domain.commands import PayoutType
from mpesa_service.domain.payouts import (
    CHANGED,
    SHORTENED,
    ChangedCell,
    PayoutPurpose,
    PayoutRow,
    PayoutTerms,
    RowFault,
    read_row,
    read_rows,
)

LIMITS = PayoutTerms(10, 250_000)
PHONE_SENTENCE = "Invalid phone number format. Use 254XXXXXXXXX, 0XXXXXXXXX, or XXXXXXXXX"
TO_PHONE = {"type": "b2c", "phoneNumber": "0712 345 678", "amount": 100}
TO_PAYBILL = {"type": "paybill", "businessNumber": "888880", "accountReference": "METER-1", "amount": 100}
TO_TILL = {"type": "buy_goods", "businessNumber": "54321", "amount": 100}


def good(**fields: Any) -> PayoutRow:
    row, faults = read_row(1, fields, LIMITS)
    assert faults == []
    assert row is not None
    return row


def faults_of(fields: object) -> dict[str, str]:
    row, faults = read_row(7, fields, LIMITS)
    assert row is None
    assert {fault.row for fault in faults} == {7}
    assert len({fault.field for fault in faults}) == len(faults)
    return {fault.field: fault.message for fault in faults}


def test_a_payout_to_a_phone() -> None:
    assert good(**TO_PHONE) == PayoutRow(
        1, PayoutType.B2C, "254712345678", 100, None, "Payment", PayoutPurpose.BUSINESS
    )
    row = good(**TO_PHONE, command="SalaryPayment", remarks=" Salary ", accountReference="E" * 20)
    assert (row.command, row.remarks, row.account_reference) == ("SalaryPayment", "Salary", "E" * 20)
    assert row.to_phone


def test_a_payout_to_a_pochi_has_no_command() -> None:
    row = good(**{**TO_PHONE, "type": "b2pochi"})
    assert (row.command, row.to_phone) == (None, True)


def test_payouts_to_businesses() -> None:
    assert good(**TO_PAYBILL) == PayoutRow(1, PayoutType.PAYBILL, "888880", 100, "METER-1", "Payment", None)
    row = good(**TO_TILL, accountReference=None)
    assert (row.party, row.account_reference, row.to_phone) == ("54321", None, False)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"amount": 100}, {"type": "must be one of b2c, b2pochi, paybill, buy_goods."}),
        ({**TO_PHONE, "type": "B2C"}, {"type": "must be one of b2c, b2pochi, paybill, buy_goods."}),
        ({**TO_PHONE, "type": ["b2c"]}, {"type": "must be one of b2c, b2pochi, paybill, buy_goods."}),
        ({**TO_PHONE, "phoneNumber": "2540712345678"}, {"phoneNumber": PHONE_SENTENCE}),
        ({**TO_PHONE, "phoneNumber": 712345678}, {"phoneNumber": PHONE_SENTENCE}),
        ({"type": "b2pochi", "amount": 100}, {"phoneNumber": PHONE_SENTENCE}),
        (
            {**TO_PHONE, "businessNumber": "888880"},
            {"businessNumber": "is not allowed for the type b2c."},
        ),
        (
            {**TO_TILL, "phoneNumber": "0712345678"},
            {"phoneNumber": "is not allowed for the type buy_goods."},
        ),
        ({**TO_PAYBILL, "command": "SalaryPayment"}, {"command": "is not allowed for the type paybill."}),
        (
            {**TO_PHONE, "command": "BusinessPayBill"},
            {"command": "must be one of SalaryPayment, BusinessPayment, PromotionPayment."},
        ),
        ({**TO_TILL, "businessNumber": "1234"}, {"businessNumber": "must be 5 to 7 digits."}),
        ({**TO_TILL, "businessNumber": "12345678"}, {"businessNumber": "must be 5 to 7 digits."}),
        ({**TO_TILL, "businessNumber": "٥٤٣٢١"}, {"businessNumber": "must be 5 to 7 digits."}),
        ({**TO_TILL, "businessNumber": 54321}, {"businessNumber": "must be 5 to 7 digits."}),
        (
            {**TO_PAYBILL, "accountReference": None},
            {"accountReference": "must be a text of 1 to 13 characters on one line."},
        ),
        (
            {**TO_TILL, "accountReference": "x" * 14},
            {"accountReference": "must be a text of 1 to 13 characters on one line."},
        ),
        (
            {**TO_PHONE, "accountReference": "x" * 21},
            {"accountReference": "must be a text of 1 to 20 characters on one line."},
        ),
        ({**TO_PHONE, "remarks": "x"}, {"remarks": "must be a text of 2 to 100 characters on one line."}),
        (
            {**TO_PHONE, "remarks": "x" * 101},
            {"remarks": "must be a text of 2 to 100 characters on one line."},
        ),
        ({**TO_PHONE, "remarks": "a\nb"}, {"remarks": "must be a text of 2 to 100 characters on one line."}),
        (
            {**TO_PHONE, "remarks": "a\ud800"},
            {"remarks": "must be a text of 2 to 100 characters on one line."},
        ),
        ({**TO_PHONE, "remarks": 12}, {"remarks": "must be a text of 2 to 100 characters on one line."}),
        ({**TO_PHONE, "status": "succeeded"}, {"status": "is not a field of a payout."}),
        ([], {"row": "must be an object."}),
    ],
)
def test_faults(fields: object, expected: dict[str, str]) -> None:
    assert faults_of(fields) == expected


@pytest.mark.parametrize("amount", [100, 100.0, "100", "100.00"])
def test_whole_shillings_in_every_spelling(amount: object) -> None:
    assert good(**{**TO_PHONE, "amount": amount}).amount == 100


@pytest.mark.parametrize("amount", [None, True, 100.5, "100.5", "1e3", "", []])
def test_amounts_are_whole_shillings(amount: object) -> None:
    expected = {"amount": "Amount must be a whole number of shillings, such as 100."}
    assert faults_of({**TO_PHONE, "amount": amount}) == expected


@pytest.mark.parametrize("written", ["2.54712E+11", "2.54712e+11", "2,54712E+11", " 2.5E+11 ", "1E+05"])
@pytest.mark.parametrize(
    ("row", "field"),
    [
        (TO_PHONE, "phoneNumber"),
        (TO_PHONE, "amount"),
        (TO_PHONE, "remarks"),
        (TO_TILL, "businessNumber"),
        (TO_PAYBILL, "accountReference"),
    ],
)
def test_a_number_that_a_spreadsheet_shortened(row: dict[str, Any], field: str, written: str) -> None:
    assert faults_of({**row, field: written}) == {field: SHORTENED}


@pytest.mark.parametrize("reference", ["1E5", "00123", "1.5E3", "E+5", "12E+5"])
def test_account_references_that_only_look_like_numbers(reference: str) -> None:
    assert good(**{**TO_PAYBILL, "accountReference": reference}).account_reference == reference


def test_a_cell_that_a_spreadsheet_changed() -> None:
    assert faults_of({**TO_PAYBILL, "accountReference": ChangedCell("2026-02-01")}) == {
        "accountReference": CHANGED
    }
    assert faults_of({**TO_PHONE, "phoneNumber": ChangedCell("#N/A")}) == {"phoneNumber": CHANGED}
    assert "2026" not in CHANGED


def test_amounts_have_limits() -> None:
    assert good(**{**TO_PHONE, "amount": 10}).amount == 10
    assert good(**{**TO_PHONE, "amount": 250_000}).amount == 250_000
    for amount in (9, 250_001, -10, 0):
        assert faults_of({**TO_PHONE, "amount": amount}) == {"amount": "must be 10 to 250000 shillings."}


@pytest.mark.parametrize("row", [TO_PAYBILL, TO_TILL])
def test_nothing_is_paid_to_ourselves(row: dict[str, Any]) -> None:
    terms = PayoutTerms(10, 250_000, frozenset({"174379"}))
    own = {**row, "businessNumber": " 174379"}
    assert read_row(1, own, terms) == (None, [RowFault(1, "businessNumber", "is this service's own number.")])
    assert read_row(1, row, terms)[1] == []


def test_every_error_of_a_row_is_reported() -> None:
    row = {"type": "paybill", "phoneNumber": "x", "businessNumber": "x", "amount": 1, "remarks": "", "x": 1}
    assert set(faults_of(row)) == {
        "phoneNumber",
        "businessNumber",
        "amount",
        "remarks",
        "accountReference",
        "x",
    }
    assert set(faults_of({"remarks": "", "x": 1})) == {"type", "amount", "remarks", "x"}


def read(*rows: object, allow_duplicates: bool = False) -> tuple[list[int], list[RowFault]]:
    numbered = enumerate(rows, start=1)
    found, faults = read_rows(numbered, LIMITS, allow_duplicates=allow_duplicates)
    return [row.number for row in found], faults


def test_the_same_amount_to_the_same_party_is_refused_unless_it_is_meant() -> None:
    other_spelling = {**TO_PHONE, "phoneNumber": "+254712345678", "accountReference": "B"}
    message = "Row 1 pays the same amount to the same party. Set allowDuplicates if that is intended."
    rows = (TO_PHONE, TO_TILL, other_spelling, TO_TILL)
    assert read(*rows)[1] == [
        RowFault(3, "phoneNumber", message),
        RowFault(4, "businessNumber", message.replace("1", "2")),
    ]
    assert read(*rows, allow_duplicates=True) == ([1, 2, 3, 4], [])


def test_other_payments_are_no_duplicates() -> None:
    rows = (
        TO_PHONE,
        {**TO_PHONE, "amount": 101},
        {**TO_PHONE, "type": "b2pochi"},
        TO_PAYBILL,
        {**TO_PAYBILL, "accountReference": "METER-2"},
    )
    assert read(*rows) == ([1, 2, 3, 4, 5], [])


def test_faults_of_all_rows_come_in_their_order() -> None:
    numbers, faults = read({"amount": 1}, TO_PHONE, 3)
    assert numbers == [2]
    assert [(fault.row, fault.field) for fault in faults] == [(1, "type"), (1, "amount"), (3, "row")]
