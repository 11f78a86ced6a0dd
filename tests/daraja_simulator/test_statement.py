"""The portal's statement of the ledger: every shape as csv, read by the tests' own readers."""

import csv
import io
import re
from decimal import Decimal
from typing import Any

import pytest
import requests

from daraja_simulator import charges

from .receiver import Receiver
from .shop import Shop

LABELS = ("Opening Balance:", "Closing Balance:", "Total Paid In:", "Total Withdrawn:", "Available Balance:")


def fetched(shop: Shop, **query: str) -> requests.Response:
    address = "&".join(f"{name.rstrip('_')}={value}" for name, value in query.items())
    return shop.call("GET", f"/simulator/statement?{address}")


def lines_of(shop: Shop, **query: str) -> list[list[str]]:
    answer = fetched(shop, **query)
    assert answer.status_code == 200, answer.text
    assert answer.content.count(b"\r\n") == answer.content.count(b"\n")
    return list(csv.reader(io.StringIO(answer.content.decode(), newline="")))


def money(text: str) -> Decimal:
    return Decimal(text.replace(",", "") or "0")


def preamble_of(lines: list[list[str]]) -> dict[str, str]:
    cells = [cell for line in lines[:6] for cell in line]
    return {cell: cells[place + 1] for place, cell in enumerate(cells[:-1]) if cell.endswith(":")}


def table_of(lines: list[list[str]], first: str) -> list[dict[str, str]]:
    """Return the data rows by the names of the header, which is searched for."""
    [place] = [number for number, line in enumerate(lines) if line[0] == first]
    return [dict(zip(lines[place], line, strict=True)) for line in lines[place + 1 :]]


def busy_day(shop: Shop) -> dict[str, str]:
    """Make one transaction of every kind, with charges, and return their receipts."""
    shop.options(charges="business")
    receipts = {
        "c2b": shop.pay_by_c2b(amount="1500.50")["transId"],
        "stk": shop.paid(Amount=2000, AccountReference="0012"),
        "till": shop.pay_by_c2b(amount=1000, type="till", billRefNumber=None, shortcode="174379")["transId"],
        "gift": shop.paid(Amount=600),
    }
    shop.b2c(Amount=5000)
    shop.pochi(Amount=300, OriginatorConversationID="refund-2")
    shop.b2b(Amount="1200")
    shop.advance(2)
    shop.reversed_(TransactionID=receipts["gift"], Amount=600)
    ledger = shop.ledger()
    receipts |= {entry["kind"]: entry["receipt"] for entry in ledger["credits"] + ledger["transfers"]}
    receipts["sweep"] = shop.simulator.post("/simulator/sweeps", {"amount": "1000.25"})["receipt"]
    receipts["bank"] = shop.simulator.post("/simulator/sweeps", {"to": "bank"})["receipt"]
    return receipts


def test_shape_a_checks_itself(shop: Shop) -> None:
    busy_day(shop)
    lines = lines_of(shop)
    top = {label: money(preamble_of(lines)[label]) for label in LABELS}
    rows = table_of(lines, "Receipt No.")
    assert lines[6][0] == "Receipt No."
    assert len(lines[6]) == 13
    assert top["Opening Balance:"] == 100_000_000
    paid_in = sum(money(row["Paid In"]) for row in rows)
    withdrawn = sum(money(row["Withdrawn"]) for row in rows)
    assert (top["Total Paid In:"], top["Total Withdrawn:"]) == (paid_in, withdrawn)
    assert top["Opening Balance:"] + paid_in + withdrawn == top["Closing Balance:"]
    assert money(str(shop.ledger()["accounts"]["utility"])) == top["Closing Balance:"]
    balance = top["Opening Balance:"]
    for row in reversed(rows):
        balance += money(row["Paid In"]) + money(row["Withdrawn"])
        assert money(row["Balance"]) == balance
        assert money(row["Withdrawn"]) <= 0
    assert preamble_of(lines)["Account:"] == "Utility Account"
    assert preamble_of(lines)["Short Code:"] == "174379"


def test_the_words_of_shape_a(shop: Shop) -> None:
    receipts = busy_day(shop)
    rows = table_of(lines_of(shop), "Receipt No.")
    shown = {(row["Receipt No."], row["Details"]): row for row in rows}
    party = "2547****5678 - CUSTOMER 5678"

    def row(name: str, details: str) -> tuple[str, str, str, str, str]:
        found = shown[receipts[name], details]
        names = ("Paid In", "Withdrawn", "Reason Type", "Other Party Info", "A/C No.")
        return tuple(found[name] for name in names)  # type: ignore[return-value]

    assert row("c2b", f"Pay Bill from {party} Acc. INV-7") == ("1,500.50", "", "Pay Utility", party, "INV-7")
    assert row("c2b", "Pay Bill Charge") == ("", "-20.00", "Pay Bill Charge", "SP", "")
    assert row("stk", f"Pay Bill Online from {party} Acc. 0012") == (
        "2,000.00",
        "",
        "Pay Bill Online",
        party,
        "0012",
    )
    assert row("till", f"Pay Merchant from {party}") == ("1,000.00", "", "Pay Merchant", party, "")
    assert row("till", "Pay merchant Charge") == ("", "-5.00", "Pay merchant Charge", "SP", "")
    words = "Business Payment to Customer"
    assert row("b2c", f"{words} via API to {party}") == ("", "-5,000.00", words, party, "")
    assert row("b2c", "Business Payment Charge") == ("", "-9.00", "Business Payment Charge", "", "")
    assert row("b2pochi", f"Business Payment to Pochi via API to {party}")[1] == "-300.00"
    partner = "888880 - SIMULATED PARTNER"
    bought = row("BusinessPayBill", f"Business Pay Bill via API to {partner} Acc. 19008")
    assert bought == ("", "-1,200.00", "Business Pay Bill", partner, "19008")
    assert row("BusinessPayBill", "Business Pay Bill Charge")[1] == "-15.00"
    reversal = row("reversal", "Pay Utility Reversal by SIMULATED SHOP\\testapi")
    assert reversal == ("", "-600.00", "Pay Utility Reversal", party, "")
    words = "Utility Account to Organization Settlement Account"
    assert row("sweep", words) == ("", "-1,000.25", words, "", "")
    assert receipts["bank"] not in {receipt for receipt, _details in shown}
    assert re.fullmatch(r"\d\d-\d\d-\d{4} \d\d:\d\d:\d\d", rows[0]["Completion Time"])
    assert {row["Transaction Status"] for row in rows} == {"Completed"}


def test_the_other_accounts_of_shape_a(shop: Shop) -> None:
    receipts = busy_day(shop)
    lines = lines_of(shop, account="Organization Settlement Account")
    assert preamble_of(lines)["Closing Balance:"] == "0.00"
    bank, sweep = table_of(lines, "Receipt No.")
    assert (bank["Receipt No."], bank["Details"], bank["Withdrawn"]) == (
        receipts["bank"],
        "Organization Settle to Bank",
        "-1,000.25",
    )
    assert (sweep["Receipt No."], sweep["Paid In"], sweep["Balance"]) == (
        receipts["sweep"],
        "1,000.25",
        "1,000.25",
    )
    shop.options(charges_account="charges")
    shop.pay_by_c2b(amount=1500)
    [charge] = table_of(lines_of(shop, account="charges"), "Receipt No.")
    assert (charge["Details"], charge["Withdrawn"], charge["Balance"]) == (
        "Pay Bill Charge",
        "-15.00",
        "-15.00",
    )
    shop.simulator.post("/simulator/sweeps")
    paid, _charge = table_of(lines_of(shop, account="charges"), "Receipt No.")
    assert (paid["Paid In"], paid["Balance"]) == ("15.00", "0.00")
    shop.simulator.post("/simulator/sweeps", {"from": "settlement", "to": "working"})
    shop.simulator.post("/simulator/sweeps", {"from": "working", "to": "bank"})
    out, into = table_of(lines_of(shop, account="working"), "Receipt No.")
    assert into["Details"] == "Organization Settlement Account to Organization MMF Account"
    assert (out["Details"], out["Reason Type"]) == ("Withdrawal to bank", "Withdraw Funds to Bank")


def test_the_optional_cells_of_shape_a(shop: Shop) -> None:
    receipts = busy_day(shop)
    rows = table_of(lines_of(shop, currency="true", linked="true"), "Receipt No.")
    assert len(rows[0]) == 14
    assert {row["Currency"] for row in rows} == {"KES"}
    linked = {row["Receipt No."]: row["Linked Transaction ID"] for row in rows}
    assert linked[receipts["reversal"]] == receipts["gift"]
    assert {value for value in linked.values() if value} == {receipts["gift"]}


def test_failed_transactions_have_rows_if_asked(shop: Shop, receiver: Receiver) -> None:
    busy_day(shop)
    plain = lines_of(shop)
    shop.prompt(shop.pushed(Amount=70), "cancel")
    shop.options(strict_customers=True)
    shop.pay_by_c2b(msisdn="254700000001", amount=80)
    shop.b2c(PartyB="254712990002", OriginatorConversationID="refund-3")
    shop.reversed_(TransactionID="SG632NMUAB", Amount=90)
    shop.b2b(PartyB="990011")
    shop.advance(2)
    assert [line[3:] for line in lines_of(shop)[6:]] == [line[3:] for line in plain[6:]]
    rows = table_of(lines_of(shop, failed="true"), "Receipt No.")
    failed = [row for row in rows if row["Transaction Status"] == "Failed"]
    assert [row["Paid In"] or row["Withdrawn"] for row in reversed(failed)] == [
        "70.00",
        "80.00",
        "-50.00",
        "-90.00",
        "-190.00",
    ]
    assert {row["Balance"] for row in failed} == {rows[0]["Balance"]}
    receipts = [row["Receipt No."] for row in failed]
    assert len(set(receipts)) == 5
    assert all(re.fullmatch("[A-Z0-9]{10}", receipt) for receipt in receipts)
    again = table_of(lines_of(shop, failed="true"), "Receipt No.")
    assert [row["Receipt No."] for row in again] == [row["Receipt No."] for row in rows]


def test_the_period(shop: Shop) -> None:
    first = shop.pay_by_c2b(amount=10)["transId"]
    start = shop.simulator.get("/simulator/clock")["now"][:10]
    shop.advance(3 * 86_400)
    second = shop.pay_by_c2b(amount=20)["transId"]
    today = shop.simulator.get("/simulator/clock")["now"]
    shop.advance(2 * 86_400)
    shop.pay_by_c2b(amount=40)
    lines = lines_of(shop, from_=today[:10], to=today[:10])
    top = preamble_of(lines)
    assert [row["Receipt No."] for row in table_of(lines, "Receipt No.")] == [second]
    assert (top["Opening Balance:"], top["Closing Balance:"]) == ("100,000,010.00", "100,000,030.00")
    day = "-".join(reversed(today[:10].split("-")))
    assert lines[1][4:] == [f"From {day} 00:00:00", f"To {day} 23:59:59"]
    until = table_of(lines_of(shop, to=today[:19]), "Receipt No.")
    assert [row["Receipt No."] for row in until] == [second, first]
    assert (
        table_of(
            lines_of(shop, from_="2020-01-01", to=f"{start} 00:00:00".replace(" ", "%20")), "Receipt No."
        )
        == []
    )


def test_a_push_to_a_till_is_in_the_statement_of_the_till(shop: Shop) -> None:
    receipt = shop.paid(TransactionType="CustomerBuyGoodsOnline", PartyB="832909")
    shop.reversed_(TransactionID=receipt)
    back, paid = table_of(lines_of(shop, shortcode="832909"), "Receipt No.")
    assert (paid["Receipt No."], paid["Reason Type"]) == (receipt, "Customer Buy Goods Online")
    assert paid["Details"] == "Merchant Payment Online from 2547****5678 - CUSTOMER 5678"
    assert (back["Details"], back["Balance"]) == ("Pay Merchant Reversal by testapi", "0.00")
    assert table_of(lines_of(shop), "Receipt No.") == []


def test_a_number_of_its_own(shop: Shop) -> None:
    shop.pay_by_c2b(amount=10)
    other = shop.pay_by_c2b(amount=20, shortcode="600123")["transId"]
    lines = lines_of(shop, shortcode="600123")
    assert [row["Receipt No."] for row in table_of(lines, "Receipt No.")] == [other]
    assert (preamble_of(lines)["Opening Balance:"], preamble_of(lines)["Closing Balance:"]) == (
        "0.00",
        "20.00",
    )
    assert len(table_of(lines_of(shop), "Receipt No.")) == 1


@pytest.mark.parametrize(
    ("query", "status", "words"),
    [
        ({"shape": "E"}, 400, "shape must be one of A, B, C, D, F"),
        ({"format": "pdf"}, 400, "format must be one of csv, xls, xlsx"),
        ({"account": "pocket"}, 400, "account must be one of working"),
        ({"from_": "yesterday"}, 400, "from must be a day"),
        ({"from_": "2026-12-02", "to": "2026-12-01"}, 400, "from must be before to"),
        ({"shape": "B", "cells": "numbers"}, 400, "the cells of shape B are texts"),
        ({"shape": "C", "failed": "true"}, 400, "shape C has no column for the status"),
        ({"failed": "maybe"}, 400, "failed must be one of true, false"),
        ({"color": "red"}, 400, "unknown parameter 'color'"),
        ({"shortcode": "1"}, 404, "unknown business number"),
    ],
)
def test_what_is_refused(shop: Shop, query: dict[str, Any], status: int, words: str) -> None:
    shop.options(tills=["832909"])
    answer = fetched(shop, **query)
    assert answer.status_code == status
    assert answer.json()["error"].startswith(words)


def test_an_empty_ledger_has_a_statement(shop: Shop) -> None:
    lines = lines_of(shop)
    assert table_of(lines, "Receipt No.") == []
    assert preamble_of(lines)["Closing Balance:"] == "100,000,000.00"
    assert lines_of(shop, shape="F") == []


def test_every_band_is_above_the_one_before() -> None:
    for bands in (charges.PAY_BILL, charges.B2C_BANDS):
        assert list(bands) == sorted(set(bands))
