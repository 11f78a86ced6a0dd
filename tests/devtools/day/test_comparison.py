"""The comparison of the day's ledger and record."""

from typing import Any

import pytest

from devtools.day.comparison import Movements, differences, ledger_movements, record_movements
from devtools.day.plan import phone

LEDGER: dict[str, Any] = {
    "debits": [
        {"kind": "stk", "receipt": "A1", "amount": 10, "msisdn": phone("stk", 1)},
        {"kind": "c2b", "receipt": "B1", "amount": 20, "msisdn": phone("c2b", 1)},
    ],
    "credits": [
        {"kind": "b2c", "receipt": "C1", "amount": 4, "msisdn": phone("stk", 1)},
        {"kind": "reversal", "receipt": "D1", "amount": 20, "msisdn": phone("c2b", 1)},
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


def test_equal_movements() -> None:
    ledger, record = ledger_movements(LEDGER), record_movements(PAYMENTS, REFUNDS, PAYOUTS)
    assert differences(ledger, record) == []
    assert ledger == record
    assert [record.count(kind) for kind in record.entries] == [1, 1, 1, 1, 2]
    assert record.sum("payouts") == 70


@pytest.mark.parametrize(
    ("receipt", "amount", "shown"),
    [
        ("A1", None, "STK payments: A1 is KES 10 in M-Pesa's ledger, missing in the record"),
        ("A1", 11, "STK payments: A1 is KES 10 in M-Pesa's ledger, KES 11 in the record"),
        ("Z9", 5, "STK payments: Z9 is missing in M-Pesa's ledger, KES 5 in the record"),
    ],
)
def test_a_difference_is_named(receipt: str, amount: int | None, shown: str) -> None:
    record = record_movements(PAYMENTS, REFUNDS, PAYOUTS)
    record.entries["STK payments"].pop(receipt, None)
    if amount is not None:
        record.add("STK payments", receipt, amount)
    assert differences(ledger_movements(LEDGER), record) == [shown]


def test_a_duplicate_receipt_is_a_difference() -> None:
    record = record_movements([*PAYMENTS, PAYMENTS[0]], REFUNDS, PAYOUTS)
    [shown] = differences(ledger_movements(LEDGER), record)
    assert "A1 (duplicate)" in shown


def test_an_empty_day() -> None:
    empty: dict[str, list[Any]] = {"debits": [], "credits": [], "transfers": []}
    assert differences(ledger_movements(empty), Movements()) == []
