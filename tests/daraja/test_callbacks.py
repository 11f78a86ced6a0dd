"""Every sample of the documentation is read, and no bytes end in a traceback."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mpesa_service.daraja import (
    UnreadableCallback,
    parse_command_result,
    parse_stk_callback,
)
from mpesa_service.domain.reports import Outcome
from tests.daraja.bodies import PAID, PAYOUT

CANCELED = b"""{"Body": {"stkCallback": {
  "MerchantRequestID": "f1e2-4b95-a71d-b30d3cdbb7a7942864",
  "CheckoutRequestID": "ws_CO_21072024125243250722943992",
  "ResultCode": 1032,
  "ResultDesc": "Request cancelled by user"}}}"""


def stk(metadata=None, drop=(), **changes) -> bytes:
    """The paid sample with metadata items and fields replaced or dropped."""
    document = json.loads(PAID)
    callback = document["Body"]["stkCallback"]
    items = {item["Name"]: item for item in callback["CallbackMetadata"]["Item"]}
    for name, value in (metadata or {}).items():
        items[name] = {"Name": name, "Value": value}
    callback["CallbackMetadata"]["Item"] = list(items.values())
    callback.update(changes)
    for key in drop:
        callback.pop(key)
    return json.dumps(document).encode()


def test_a_paid_push():
    callback = parse_stk_callback(PAID)
    assert callback.merchant_request_id == "29115-34620561-1"
    assert callback.checkout_request_id == "ws_CO_191220191020363925"
    assert callback.result.outcome is Outcome.PAID
    assert callback.result_desc == "The service request is processed successfully."
    assert callback.amount == 1
    assert isinstance(callback.amount, Decimal)
    assert callback.receipt == "NLJ7RT61SV"
    assert callback.phone == "254708374149"
    assert callback.paid_at == datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC)
    assert callback.paid_at.tzinfo is UTC
    assert callback.raw["Body"]["stkCallback"]["ResultCode"] == 0


def test_a_canceled_push():
    callback = parse_stk_callback(CANCELED)
    assert callback.result.outcome is Outcome.CANCELED
    assert callback.result_desc == "Request cancelled by user"
    found = (callback.amount, callback.receipt, callback.phone, callback.paid_at)
    assert found == (None,) * 4


def test_a_callback_does_not_show_the_phone():
    assert "708374149" not in repr(parse_stk_callback(PAID))
    assert "ws_CO" not in repr(parse_stk_callback(PAID))


def test_what_comes_with_a_failure_is_not_believed():
    callback = parse_stk_callback(stk(ResultCode=1037))
    assert (callback.receipt, callback.amount) == (None, None)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("0", Outcome.PAID),
        ("SFC_IC0003", Outcome.FAILED),
        (4999, Outcome.PENDING),
        ("new", Outcome.UNCLEAR),
    ],
)
def test_result_codes_of_every_type(code, outcome):
    assert parse_stk_callback(stk(ResultCode=code)).result.outcome is outcome


@pytest.mark.parametrize(
    ("name", "value", "field", "read"),
    [
        ("Amount", "10.50", "amount", Decimal("10.5")),
        ("Amount", 250000, "amount", Decimal(250000)),
        ("Amount", " 7 ", "amount", Decimal(7)),
        ("Amount", "1,300.00", "amount", Decimal(1300)),
        ("Amount", "2,345,678", "amount", Decimal(2345678)),
        ("Amount", "", "amount", None),
        ("MpesaReceiptNumber", " NLJ7RT61SV ", "receipt", "NLJ7RT61SV"),
        ("MpesaReceiptNumber", "", "receipt", None),
        ("MpesaReceiptNumber", "x" * 128, "receipt", "X" * 128),
        ("PhoneNumber", "2547****149", "phone", "2547****149"),
        ("PhoneNumber", 254708374149.0, "phone", "254708374149.0"),
        ("PhoneNumber", None, "phone", None),
        ("PhoneNumber", {}, "phone", None),
        ("TransactionDate", "20191219102115", "paid_at", datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC)),
        ("TransactionDate", "19.12.2019 10:21:15", "paid_at", datetime(2019, 12, 19, 7, 21, 15, tzinfo=UTC)),
        ("TransactionDate", 20191319102115, "paid_at", None),
        ("TransactionDate", "00010101000000", "paid_at", None),
        ("TransactionDate", "00010101033000", "paid_at", None),
        ("TransactionDate", "99991231235959", "paid_at", None),
        ("TransactionDate", 2019, "paid_at", None),
    ],
)  # fmt: skip
def test_metadata(name, value, field, read):
    assert getattr(parse_stk_callback(stk({name: value})), field) == read


def test_a_number_written_with_an_exponent():
    raw = PAID.replace(b"1.00", b"1.5E2")
    assert parse_stk_callback(raw).amount == 150


@pytest.mark.parametrize(
    "metadata",
    [None, [], "x", {}, {"Item": None}, {"Item": "x"}, {"Item": [1, None, {}, {"Name": 1}]}],
)
def test_a_success_without_details_is_still_read(metadata):
    callback = parse_stk_callback(stk(CallbackMetadata=metadata))
    assert callback.result.outcome is Outcome.PAID
    assert (callback.amount, callback.receipt) == (None, None)


def test_a_single_item_without_a_list():
    callback = parse_stk_callback(stk(CallbackMetadata={"Item": {"Name": "Amount", "Value": 5}}))
    assert callback.amount == 5


def test_items_in_any_order():
    document = json.loads(PAID)
    document["Body"]["stkCallback"]["CallbackMetadata"]["Item"].reverse()
    assert parse_stk_callback(json.dumps(document).encode()).receipt == "NLJ7RT61SV"


@pytest.mark.parametrize("second", [5, "5.00"])
def test_an_item_may_stand_twice(second):
    items = [{"Name": "Amount", "Value": 5}, {"Name": "Amount", "Value": second}]
    assert parse_stk_callback(stk(CallbackMetadata={"Item": items})).amount == 5


def test_the_merchant_s_id_may_be_missing():
    assert parse_stk_callback(stk(drop=["MerchantRequestID"])).merchant_request_id is None


def test_descriptions_are_optional_and_cut():
    assert parse_stk_callback(stk(drop=["ResultDesc"])).result_desc == ""
    assert parse_stk_callback(stk(ResultDesc=5)).result_desc == ""
    assert len(parse_stk_callback(stk(ResultDesc="x" * 2000)).result_desc) == 1024


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"Body": []}',
        b'{"Body": {"stkCallback": null}}',
        PAYOUT,
        b"[" * 60_000,
        PAID.replace(b"1.00", b"NaN"),
        PAID.replace(b'"ResultCode": 0', b'"ResultCode": 0, "ResultCode": 1'),
        stk(drop=["ResultCode"]),
        stk(ResultCode=None),
        stk(drop=["CheckoutRequestID"]),
        stk(CheckoutRequestID=5),
        stk(CheckoutRequestID=" "),
        stk(CheckoutRequestID="x" * 129),
        stk(ResultCode=True),
        stk(ResultCode=[]),
        stk(CallbackMetadata={"Item": [{"Name": "Amount", "Value": value} for value in (5, 6)]}),
        *(stk({"Amount": odd}) for odd in (-1, "1e3", True, [1], 10**13, "\u0663", "1,30", "1,300,00", ",1")),
        *(stk({"MpesaReceiptNumber": odd}) for odd in (5, "x" * 129, "NLJ 7RT61SV", "NLJ7\ufffd")),
    ],
    ids=lambda raw: repr(raw[:16]),
)
def test_unreadable_pushes(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_stk_callback(raw)
    assert caught.value.operation == "stk_callback"


@pytest.mark.parametrize("parse", [parse_stk_callback, parse_command_result])
def test_the_size_limit(parse):
    sample = PAID if parse is parse_stk_callback else PAYOUT
    assert parse(sample.ljust(65536))
    with pytest.raises(UnreadableCallback, match="64 kB"):
        parse(sample.ljust(65537))
