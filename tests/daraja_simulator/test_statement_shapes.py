"""The statement's shapes B, C, D and F."""

import re

from .shop import PHONE, Shop
from .test_statement import busy_day, fetched, lines_of, money, preamble_of, table_of


def test_shape_b_has_seven_columns_of_text(shop: Shop) -> None:
    receipts = busy_day(shop)
    answer = fetched(shop, shape="B")
    today = shop.simulator.get("/simulator/clock")["now"][:10]
    name = f'attachment; filename="Statements for 174379 from {today} to {today}.csv"'
    assert answer.headers["Content-Disposition"] == name
    lines = lines_of(shop, shape="b")
    rows = table_of(lines, "Receipt No")
    assert len(lines[0]) == 7
    sides = [row for row in rows if row["Receipt No"] == receipts["sweep"]]
    assert [(row["Paid In (KSHs)"], row["Withdrawn (KSHs)"]) for row in sides] == [
        ("1,000.25", "0.00"),
        ("0.00", "1,000.25"),
    ]
    assert {row["Details"] for row in sides} == {"Utility Account to Organization Settlement Account"}
    assert sides[0]["Balance (KSHs)"] == "1,000.25"
    [payment] = [row for row in rows if row["Paid In (KSHs)"] == "1,500.50"]
    assert payment["Details"] == "Pay Bill from 2547****5678 - CUSTOMER 5678 Acc. INV-7"
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", payment["Completion Time"])


def test_shape_c_has_one_separator_more_in_data_rows(shop: Shop) -> None:
    receipts = busy_day(shop)
    store = shop.pay_by_c2b(amount=300, type="till", billRefNumber=None, shortcode="832909")["transId"]
    answer = fetched(shop, shape="C")
    assert re.search(r'filename="Mpesa_174379_\d{14}\.csv"', answer.headers["Content-Disposition"])
    header, *data = lines_of(shop, shape="C")
    assert len(header) == 10
    assert {len(line) for line in data} == {11}
    rows = [dict(zip(header, line[:10], strict=True)) for line in data]
    paid, charge = (row for row in rows if row["RECEIPT_NUMBER"] == store)
    assert (paid["STORE_NAME"], paid["TRANSACTION_TYPE"]) == (
        "SIMULATED SHOP 832909",
        "Customer Merchant Payment",
    )
    assert (paid["CREDIT_AMOUNT"], paid["DEBIT_AMOUNT"], paid["BALANCE"]) == ("300.00", "", "300.00")
    assert paid["TRANSACTION_PARTY_DETAILS"] == "2547****5678 - CUSTOMER 5678"
    assert (charge["TRANSACTION_PARTY_DETAILS"], charge["DEBIT_AMOUNT"], charge["BALANCE"]) == (
        "Pay merchant Charge",
        "1.50",
        "298.50",
    )
    sides = [row for row in rows if row["RECEIPT_NUMBER"] == receipts["sweep"]]
    assert [row["ACCOUNT_TYPE_NAME"] for row in sides] == [
        "Utility Account",
        "Organization Settlement Account",
    ]
    assert rows[0]["RECEIPT_NUMBER"] == receipts["c2b"]


def test_shape_d_has_withdrawn_before_paid_in(shop: Shop) -> None:
    receipts = busy_day(shop)
    lines = lines_of(shop, shape="D")
    rows = table_of(lines, "Receipt")
    assert lines[6][4:6] == ["Withdrawn", "Paid In"]
    assert len(lines[6]) == 11
    [payment] = [row for row in rows if row["Receipt"] == receipts["stk"] and row["Paid In"]]
    assert (payment["Paid In"], payment["Transaction Party Details"]) == ("2,000.00", "0012")
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", payment["Date"])
    balance = money(preamble_of(lines)["Opening Balance:"])
    for row in reversed(rows):
        balance += money(row["Paid In"]) - money(row["Withdrawn"])
        assert money(row["Balance"]) == balance


def test_shape_f_has_no_header(shop: Shop) -> None:
    receipts = busy_day(shop)
    today = shop.simulator.get("/simulator/clock")["now"][:10]
    answer = fetched(shop, shape="F", from_=today, to=today)
    name = f"Mpesa_174379_{today.replace('-', '')}235959.csv"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}"'
    first, *_others = lines_of(shop, shape="F")
    assert [first[0], *first[2:]] == [
        receipts["c2b"],
        f"Pay Bill from {PHONE} - CUSTOMER 5678 Acc. INV-7",
        "Completed",
        "0",
        "1500.50",
        "100001500.50",
    ]
