"""Names in another letter case, and what several spellings of one name say."""

import json

import pytest

from mpesa_service.daraja import (
    UnreadableCallback,
    parse_c2b,
    parse_command_result,
    parse_status_result,
    parse_stk_callback,
)
from tests.daraja.bodies import PAID, PAYOUT
from tests.daraja.test_status_callbacks import COMPLETED as STATUS

CONFIRMED = b'{"TransID": "RKL51ZDR4F", "TransAmount": "300.00", "BillRefNumber": "A1", "FirstName": "JANE"}'
PARSERS = [
    (parse_c2b, CONFIRMED),
    (parse_stk_callback, PAID),
    (parse_command_result, PAYOUT),
    (parse_status_result, STATUS),
]


def camel(name):
    return name[0].lower() + name[1:]


def respelled(value, spell):
    """Return the document with every key, and the name of every item, in another letter case."""
    if isinstance(value, list):
        return [respelled(part, spell) for part in value]
    if not isinstance(value, dict):
        return value
    return {
        spell(key): spell(part) if key in {"Name", "Key"} else respelled(part, spell)
        for key, part in value.items()
    }


@pytest.mark.parametrize(("parse", "raw"), PARSERS)
@pytest.mark.parametrize(
    "spell", [str.lower, str.upper, str.swapcase, lambda name: name[0].lower() + name[1:]]
)
@pytest.mark.parametrize("fault", [b"", b"\xc9"])
def test_every_name_in_another_case(parse, raw, spell, fault):
    usual = parse(raw)
    found = parse(json.dumps(respelled(json.loads(raw), spell)).encode() + fault)
    for name in vars(usual).keys() - {"raw", "parameters"}:
        assert getattr(found, name) == getattr(usual, name)


@pytest.mark.parametrize("key", ["resultType", "RESULTTYPE", "resulttype"])
def test_a_type_in_another_case_is_no_missing_type(key):
    raw = PAYOUT.replace(b'"ResultType": 0', f'"{key}": 1'.encode())
    assert parse_command_result(raw).result_type == 1


def test_several_spellings_must_agree():
    agree = PAYOUT.replace(b'"ResultType": 0', b'"resultType": 1, "RESULTTYPE": "1"')
    assert parse_command_result(agree).result_type == 1
    with pytest.raises(UnreadableCallback, match="ResultType has two values"):
        parse_command_result(agree.replace(b'"1"', b"0"))


def test_the_exact_spelling_counts_first():
    raw = PAYOUT.replace(b'"ResultType": 0', b'"resultType": 1, "ResultType": 0')
    assert parse_command_result(raw).result_type == 0
    document = json.loads(PAID)
    items = document["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    items.append({"Name": "amount", "Value": 7})
    assert parse_stk_callback(json.dumps(document).encode()).amount == 1


def test_items_with_one_name():
    document = json.loads(PAID)
    items = document["Body"]["stkCallback"]["CallbackMetadata"]["Item"]
    receipt = next(item["Value"] for item in items if item["Name"] == "MpesaReceiptNumber")
    items += [{"Name": "Amount"}, {"Name": "MpesaReceiptNumber", "Value": f" {receipt.lower()} "}]
    found = parse_stk_callback(json.dumps(document).encode())
    assert (found.amount, found.receipt) == (1, receipt)
    items.append({"Name": "Amount", "Value": 2})
    with pytest.raises(UnreadableCallback, match="Amount"):
        parse_stk_callback(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("written", "code"),
    [("0.0", "0"), ('"0.0"', "0"), ("-0.0", "0"), ("1032.0", "1032"), ('" 1032.00 "', "1032"), ("1e1", "10")],
)
def test_a_code_with_decimals(written, code):
    failed = PAID.replace(b'"ResultCode": 0', b'"ResultCode": ' + written.encode())
    assert parse_stk_callback(failed).result.code == code


@pytest.mark.parametrize("written", ["0.5", "1032.5"])
def test_a_code_that_is_no_whole_number(written):
    with pytest.raises(UnreadableCallback):
        parse_stk_callback(PAID.replace(b'"ResultCode": 0', b'"ResultCode": ' + written.encode()))


@pytest.mark.parametrize(
    ("one", "other"), [("0", '"0.0"'), ('"tp40153"', '" TP40153 "'), ("null", "0"), ("0", '""')]
)
def test_doubled_codes_that_agree(one, other):
    raw = PAID.replace(b'"ResultCode": 0', f'"ResultCode": {one}, "ResultCode": {other}'.encode())
    assert parse_stk_callback(raw).result.code in {"0", "TP40153"}


@pytest.mark.parametrize(
    ("written", "shortcode"),
    [
        ("174379.0", "174379"),
        ('"174379.0"', "174379"),
        ('"0174379"', "174379"),
        ("174379", "174379"),
        ("1.74379e5", "174379"),
        ("600966", "600966"),
        *((odd, None) for odd in ("1.5", "0", '"abc"', "1234", "12345678", "174379.5", "true", "[]", '""')),
    ],
)
def test_a_business_number(written, shortcode):
    raw = CONFIRMED[:-1] + b', "BusinessShortCode": ' + written.encode() + b"}"
    assert parse_c2b(raw).shortcode == shortcode


@pytest.mark.parametrize(
    ("written", "read"), [("10000000", True), ("10000000.01", False), ("999999999999", False)]
)
def test_an_amount_that_no_transaction_can_move(written, read):
    raw = CONFIRMED.replace(b"300.00", written.encode())
    if read:
        assert parse_c2b(raw).amount == 10_000_000
        return
    with pytest.raises(UnreadableCallback, match="TransAmount"):
        parse_c2b(raw)
    with pytest.raises(UnreadableCallback, match="Amount"):
        parse_stk_callback(PAID.replace(b"1.00", written.encode()))
