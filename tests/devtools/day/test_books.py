"""Two books of the day: what is the same, and every way of not being the same."""

from typing import Any

import pytest

from devtools.day.books import Book, differences, ledger_book, record_book
from devtools.day.plan import phone

LEDGER: dict[str, Any] = {
    "debits": [
        {"kind": "stk", "receipt": "A1", "amount": 10, "msisdn": phone("stk", 1)},
        {"kind": "c2b", "receipt": "B1", "amount": 20, "msisdn": phone("menu", 1)},
    ],
    "credits": [
        {"kind": "b2c", "receipt": "C1", "amount": 4, "msisdn": phone("stk", 1)},
        {"kind": "reversal", "receipt": "D1", "amount": 20, "msisdn": phone("menu", 1)},
        {"kind": "b2c", "receipt": "E1", "amount": 30, "msisdn": phone("payout", 1)},
    ],
    "transfers": [{"receipt": "F1", "amount": 40}],
}
PAYMENTS = [
    {"status": "partially_refunded", "channel": "stk", "mpesaReceiptNumber": "A1", "amount": 10},
    {"status": "review", "channel": "c2b", "mpesaReceiptNumber": "B1", "amount": 20},
    {"status": "failed", "channel": "stk", "mpesaReceiptNumber": None, "amount": 99},
    {"status": "succeeded", "channel": "stk", "mpesaReceiptNumber": None, "amount": 99},
]
REFUNDS = [
    {"status": "succeeded", "method": "b2c", "mpesaReceiptNumber": "C1", "refundAmount": 4},
    {"status": "succeeded", "method": "reversal", "mpesaReceiptNumber": "D1", "refundAmount": 20},
    {"status": "failed", "method": "b2c", "mpesaReceiptNumber": None, "refundAmount": 1},
]
PAYOUTS = [
    {"status": "succeeded", "mpesaReceiptNumber": "E1", "amount": 30},
    {"status": "succeeded", "mpesaReceiptNumber": "F1", "amount": 40},
    {"status": "failed", "mpesaReceiptNumber": None, "amount": 50},
]


def test_the_same_money_in_both() -> None:
    ledger, record = ledger_book(LEDGER), record_book(PAYMENTS, REFUNDS, PAYOUTS)
    assert differences(ledger, record) == []
    assert ledger == record
    assert [record.count(kind) for kind in record.entries] == [1, 1, 1, 1, 2]
    assert record.sum("payouts") == 70


@pytest.mark.parametrize(
    ("receipt", "amount", "said"),
    [
        ("A1", None, "prompted payments: A1 is KES 10 in M-Pesa's ledger and nothing in the record"),
        ("A1", 11, "prompted payments: A1 is KES 10 in M-Pesa's ledger and KES 11 in the record"),
        ("Z9", 5, "prompted payments: Z9 is nothing in M-Pesa's ledger and KES 5 in the record"),
    ],
)
def test_what_differs_is_named(receipt: str, amount: int | None, said: str) -> None:
    record = record_book(PAYMENTS, REFUNDS, PAYOUTS)
    record.entries["prompted payments"].pop(receipt, None)
    if amount is not None:
        record.add("prompted payments", receipt, amount)
    assert differences(ledger_book(LEDGER), record) == [said]


def test_a_receipt_that_stands_twice_is_a_difference() -> None:
    record = record_book([*PAYMENTS, PAYMENTS[0]], REFUNDS, PAYOUTS)
    [said] = differences(ledger_book(LEDGER), record)
    assert "A1 again" in said


def test_an_empty_day() -> None:
    empty: dict[str, list[Any]] = {"debits": [], "credits": [], "transfers": []}
    assert differences(ledger_book(empty), Book()) == []
