"""The party of a line, and the account typed."""

import pytest

from mpesa_service.statements.party import Party, account_as_number, party_of


@pytest.mark.parametrize(
    ("details", "party", "typed", "found"),
    [
        (
            "Pay Bill from x Acc. y",
            "25470****111 - jane doe",
            "INV7",
            Party("25470****111", "jane doe", "INV7"),
        ),
        (
            "Pay Bill from 254700000111 - JANE DOE Acc. INV9",
            "",
            "",
            Party("254700000111", "JANE DOE", "INV9"),
        ),
        ("Pay Bill from 0712****678 - J via WEB by X", "", "", Party("0712****678", "J", "")),
        ("Small Business Pay Bill by 700123 - Shop Ltd Acc.", "", "", Party("700123", "Shop Ltd", "")),
        (
            "Pay Bill from 2547****5678 - J **** D Acc. A B via API",
            "",
            "",
            Party("2547****5678", "J **** D", "A B", ("A B via API",)),
        ),
        (
            "Pay Bill from 0712****678 - J Acc. A via B via API",
            "",
            "",
            Party("0712****678", "J", "A", ("A via B", "A via B via API")),
        ),
        ("Pay Bill from 0712****678 - J Acc. via API", "", "", Party("0712****678", "J", "", ("via API",))),
        ("Pay Bill from 0712****678 - J Acc. 007", "", "7.0", Party("0712****678", "J", "007")),
        ("Pay Bill from 0712****678 - J Acc. 007", "", "8", Party("0712****678", "J", "8")),
        ("Pay Bill Charge", "SP", "", Party()),
        ("FSI to Pay Bill from Some Bank", "", "", Party("", "Pay Bill from Some Bank", "")),
        ("25470****111 - jane doe", "", "", Party("25470****111", "jane doe", "")),
        ("x", "Some Bank", "", Party("", "Some Bank", "")),
        ("x", "2547****5678", "", Party("2547****5678", "", "")),
    ],
)
def test_party_of(details: str, party: str, typed: str, found: Party) -> None:
    assert party_of(details, party, typed) == found


def test_an_account_that_a_spreadsheet_took_for_a_number() -> None:
    assert [account_as_number(text) for text in ("850060.0", "0850060", " 12 ", "INV7")] == [
        "850060",
        "850060",
        "12",
        "INV7",
    ]
