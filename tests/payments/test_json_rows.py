"""The fast way out shows what the schemas show, and no spreadsheet calculates with it."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from mpesa_service.payments.json_rows import EXPORTED, as_initiated, as_json, as_whole_json, written
from mpesa_service.payments.listing import ExportedPayment
from mpesa_service.payments.schemas import InitiatedSchema, ListedPaymentSchema, PaymentSchema
from mpesa_service.payments.views import PaymentRecord, RefundRecord

AT = datetime(2026, 11, 22, 23, 30, 0, 999_999, tzinfo=UTC)
PAYMENT = PaymentRecord(
    id="01a202c5a5e0000000000000",
    provider="mpesa",
    channel="stk",
    order_id="ORDER1",
    bill_reference=None,
    account_reference="ORDER1",
    checkout_request_id="ws_CO_23112026025404904712345678",
    merchant_request_id="dc5d-9d28",
    receipt="UKNG2ODP97",
    status="succeeded",
    evidence="callback",
    amount=100,
    currency="kes",
    phone="254712***678",
    result_code="0",
    result_desc="The service request is processed successfully.",
    failure_reason=None,
    refunded_amount=40,
    refunds=(),
    metadata={"note": "asante é", "cart": [1, {"sku": "A"}]},
    created_at=AT,
    updated_at=AT,
    completed_at=None,
    paid_at=AT,
    paid_at_source="confirmation",
)


def listed(**changes: Any) -> PaymentRecord:
    return replace(PAYMENT, **changes)


def exported(**changes: Any) -> ExportedPayment:
    """Return a payment as the database has it for an export: metadata and times are text."""
    whole = as_json(listed(**changes))
    del whole["mpesaCheckoutRequestId"]
    return tuple({**whole, "metadata": json.dumps(whole["metadata"])}.values())


def cells(**changes: Any) -> dict[str, str]:
    [found] = csv.DictReader(io.StringIO("".join(written("csv", [[exported(**changes)]])), newline=""))
    return found


def test_a_list_shows_a_payment_as_the_schema_does() -> None:
    shown = PaymentSchema().dump(PAYMENT)
    assert shown.pop("refunds") == []
    assert list(as_json(listed()).items()) == list(shown.items())
    assert ListedPaymentSchema().dump(PAYMENT) == shown
    bare = replace(
        PAYMENT, completed_at=AT, **dict.fromkeys(("receipt", "phone", "checkout_request_id"), None)
    )
    assert as_json(bare) == ListedPaymentSchema().dump(bare)


def test_a_payment_alone_is_shown_with_its_refunds_as_the_schema_does() -> None:
    refund = RefundRecord(
        id="01a202c5a5e0000000000001",
        refund_id="AG_20261122_1",
        payment_id=PAYMENT.id,
        method="b2c",
        amount=40,
        status="succeeded",
        receipt="UKNG2ODP98",
        phone="254712***678",
        result_code="0",
        result_desc=None,
        failure_reason=None,
        requested_by="cashier",
        created_at=AT,
        updated_at=AT,
        completed_at=AT,
        paid_at=AT,
        paid_at_source="callback",
    )
    for payment in (PAYMENT, replace(PAYMENT, refunds=(refund,))):
        assert as_whole_json(payment) == PaymentSchema().dump(payment)
        push = {"checkout_request_id": payment.checkout_request_id, "response_code": "0", "payment": payment}
        shown = InitiatedSchema().dump({**push, "merchant_request_id": payment.merchant_request_id})
        assert as_initiated(payment, "0") == shown


def test_an_export_leaves_out_what_contains_the_phone() -> None:
    whole = as_json(listed())
    del whole["mpesaCheckoutRequestId"]
    [line] = "".join(written("jsonl", [[exported()]])).splitlines()
    assert json.loads(line) == whole
    assert tuple(whole) == EXPORTED
    found = cells()
    assert list(found) == list(EXPORTED)
    assert "asante é" in found["metadata"]
    assert json.loads(found.pop("metadata")) == PAYMENT.metadata
    del whole["metadata"]
    assert found == {name: "" if value is None else str(value) for name, value in whole.items()}
    assert "712345678" not in line + "".join(found.values())


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "=", "-_-"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cells(order_id=text)["orderId"] == f"'{text}"
    assert cells(result_desc=text)["resultDesc"] == f"'{text}"
    assert cells(order_id=text)["metadata"] == cells()["metadata"]
    [line] = "".join(written("jsonl", [[exported(order_id=text)]])).splitlines()
    assert json.loads(line)["orderId"] == text


@pytest.mark.parametrize("text", ["1=1", "a-b", "", " x", "a,b", 'say "hi"', "two\nlines"])
def test_other_cells_are_as_they_are(text: str) -> None:
    assert cells(failure_reason=text)["failureReason"] == text


def test_nothing_to_export() -> None:
    assert "".join(written("csv", [])) == ",".join(EXPORTED) + "\r\n"
    assert "".join(written("jsonl", [])) == ""


def test_a_line_a_payment_whatever_is_in_it() -> None:
    odd = {"note": "two\nlines\u2028", "=": "=1"}
    text = "".join(written("jsonl", [[exported(metadata=odd), exported()], [exported()]]))
    assert text.count("\n") == 3
    assert [json.loads(line)["orderId"] for line in text.split("\n")[:-1]] == ["ORDER1"] * 3
    assert json.loads(cells(metadata=odd)["metadata"]) == odd
