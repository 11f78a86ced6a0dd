"""A C2B payment: every form it has been seen in, and whose it may be."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import C2bRejection, PayerKind, UnreadableCallback, parse_c2b, payer_matches

from .bodies import JSON, PAID, PAYOUT, paths, replaced

CONFIRMED = b"""{"TransactionType": "Pay Bill", "TransID": "RKL51ZDR4F", "TransTime": "20231121121325",
 "TransAmount": "5.00", "BusinessShortCode": "600966", "BillRefNumber": "Sample Transaction",
 "InvoiceNumber": "", "OrgAccountBalance": "25.00", "ThirdPartyTransID": "", "MSISDN": "2547 ***** 126",
 "FirstName": "NICHOLAS", "MiddleName": "", "LastName": ""}"""
REQUIRED = ("TransID", "TransAmount")
OPTIONAL = tuple(key for key in json.loads(CONFIRMED) if key not in REQUIRED)
MSISDN = "254708374149"
HASH = "bbff37cea44ac0b2d964ee0dfb8d2df8513dc7ba1b36129a929fc3fbd6dd4af4"


def c2b(drop=(), **changes) -> bytes:
    body = json.loads(CONFIRMED) | changes
    return json.dumps({key: value for key, value in body.items() if key not in drop}).encode()


def test_the_sample_of_the_documentation():
    payment = parse_c2b(CONFIRMED)
    assert (payment.receipt, payment.amount, payment.shortcode) == ("RKL51ZDR4F", Decimal(5), "600966")
    assert (payment.bill_reference, payment.transaction_type) == ("Sample Transaction", "Pay Bill")
    assert payment.transacted_at == datetime(2023, 11, 21, 9, 13, 25, tzinfo=UTC)
    assert payment.transacted_at.tzinfo is UTC
    assert (payment.payer, payment.payer_kind) == ("2547 ***** 126", PayerKind.MASKED)
    assert (payment.first_name, payment.middle_name, payment.last_name) == ("NICHOLAS", None, None)
    assert (payment.third_party_id, payment.invoice_number) == (None, None)
    assert payment.account_balance == Decimal(25)
    assert payment.raw == json.loads(CONFIRMED)


def test_the_repr_contains_no_personal_data():
    text = repr(parse_c2b(c2b(MiddleName="JOHN", LastName="SONGOK", BillRefNumber="0708374149")))
    for secret in ("2547", "126", "NICHOLAS", "JOHN", "SONGOK", "0708374149"):
        assert secret not in text
    assert "RKL51ZDR4F" in text


def test_without_the_optional_keys_and_with_new_ones():
    payment = parse_c2b(c2b(drop=OPTIONAL, KYCInfo=[{"KYCName": "x"}]))
    assert (payment.bill_reference, payment.transaction_type) == ("", "")
    assert payment.transacted_at is payment.payer is payment.account_balance is None
    assert payment.first_name is payment.middle_name is payment.last_name is None
    assert payment.payer_kind is PayerKind.NONE


def test_numbers_for_texts():
    raw = c2b(
        TransID=1234567890,
        TransAmount=10,
        BusinessShortCode=600966,
        BillRefNumber=7001,
        TransTime=20231121121325,
        MSISDN=254708374149,
        OrgAccountBalance=-1540.5,
    )
    payment = parse_c2b(raw)
    assert (payment.receipt, payment.amount, payment.shortcode) == ("1234567890", Decimal(10), "600966")
    assert (payment.bill_reference, payment.payer) == ("7001", MSISDN)
    assert payment.payer_kind is PayerKind.PLAIN
    assert payment.transacted_at == datetime(2023, 11, 21, 9, 13, 25, tzinfo=UTC)
    assert payment.account_balance == Decimal("-1540.5")


@pytest.mark.parametrize(
    ("key", "value", "field", "read"),
    [
        ("TransID", " RKL51ZDR4F ", "receipt", "RKL51ZDR4F"),
        ("TransAmount", "10", "amount", Decimal(10)),
        ("TransAmount", "70.50", "amount", Decimal("70.5")),
        ("BillRefNumber", "  acc No 7 ", "bill_reference", "acc No 7"),
        ("BillRefNumber", "007", "bill_reference", "007"),
        ("BillRefNumber", None, "bill_reference", ""),
        ("BillRefNumber", True, "bill_reference", ""),
        ("BillRefNumber", ["7"], "bill_reference", ""),
        ("BillRefNumber", "x" * 127 + " y", "bill_reference", "x" * 127),
        ("TransactionType", "Customer Merchant Payment", "transaction_type", "Customer Merchant Payment"),
        ("TransactionType", "", "transaction_type", ""),
        ("TransTime", "soon", "transacted_at", None),
        ("OrgAccountBalance", "", "account_balance", None),
        ("OrgAccountBalance", "--1", "account_balance", None),
        ("OrgAccountBalance", "-0.50", "account_balance", Decimal("-0.5")),
        ("ThirdPartyTransID", "1234567890", "third_party_id", "1234567890"),
        ("InvoiceNumber", "INV-1", "invoice_number", "INV-1"),
        *(("FirstName", value, "first_name", None) for value in (None, "", "  ", {}, True)),
        ("LastName", " O'NEIL ", "last_name", "O'NEIL"),
        ("MSISDN", "", "payer", None),
        ("MSISDN", {}, "payer", None),
        ("MSISDN", HASH, "payer", HASH),
    ],
)
def test_fields(key, value, field, read):
    assert getattr(parse_c2b(c2b(**{key: value})), field) == read


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        PAID,
        PAYOUT,
        CONFIRMED.ljust(65537),
        *(c2b(drop=[key]) for key in REQUIRED),
        *(c2b(**{key: bad}) for key in REQUIRED for bad in (None, "", "  ", True, [], {}, "x" * 129)),
        c2b(TransAmount="-5.00"),
        c2b(TransAmount="KES 5"),
    ],
    ids=lambda raw: repr(raw[:64]),
)
def test_unreadable(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_c2b(raw)
    assert caught.value.operation == "c2b_callback"


@given(data=st.data())
def test_anything_anywhere(data):
    document = json.loads(CONFIRMED)
    place = data.draw(st.sampled_from(list(paths(document))))
    raw = json.dumps(replaced(document, place, data.draw(JSON))).encode()
    try:
        payment = parse_c2b(raw)
    except UnreadableCallback:
        return
    assert payment.amount.is_finite()
    assert 0 < len(payment.receipt) <= 128
    assert payment.transacted_at is None or payment.transacted_at.tzinfo is UTC
    assert (payment.payer is None) == (payment.payer_kind is PayerKind.NONE)
    payer_matches(payment.payer, payment.payer_kind, MSISDN)


@given(st.binary(max_size=300))
def test_any_bytes(raw):
    with pytest.raises(UnreadableCallback):
        parse_c2b(raw)


@given(st.integers(0, len(CONFIRMED) - 1))
def test_cut_off_anywhere(length):
    with pytest.raises(UnreadableCallback):
        parse_c2b(CONFIRMED[:length])


def payer_of(payer, msisdn=MSISDN):
    """What the number in a callback says about one of ours."""
    payment = parse_c2b(c2b(MSISDN=payer))
    return payment.payer_kind, payer_matches(payment.payer, payment.payer_kind, msisdn)


AGREEING_MASKS = [
    *("2547 ***** 149", "25470****149", "254708XXX149", "2547     149", "+2547***149", "07** *** 149"),
    *("7...149", "*149", "25470837****", "2547*****149 ", "00254 7** 149", "2547#0#149", "*********4149"),
]
OTHER_MASKS = [
    *("2547 ***** 126", "25411****149", "255***149", "01***149", "*9148", "25470****14"),
    "254*2547083741499",
]
SILENT_MASKS = ["254******", "2547*****", "25***", "*49", "0***", "-", "None", "149", "1234567890123456"]


@pytest.mark.parametrize(
    ("payer", "kind", "same"),
    [
        *((mask, "masked", True) for mask in AGREEING_MASKS),
        *((mask, "masked", False) for mask in OTHER_MASKS),
        *((mask, "masked", None) for mask in SILENT_MASKS),
        *((text, "hashed", True) for text in (HASH, HASH.upper(), sha256(b"0708374149").hexdigest())),
        (sha256(b"254708374148").hexdigest(), "hashed", False),
        (HASH[:62], "hashed", None),
        *((text, "plain", True) for text in (MSISDN, "+254 708-374-149", "0708374149", "708374149")),
        *((text, "plain", False) for text in ("254708374148", "255708374149", "0708374148")),
        *((text, "none", None) for text in ("", None, [])),
    ],
)
def test_whose_payment_it_is(payer, kind, same):
    assert payer_of(payer) == (kind, same)


@pytest.mark.parametrize("kind", PayerKind)
def test_an_empty_payer_decides_nothing(kind):
    assert payer_matches("", kind, MSISDN) is None
    assert payer_matches(None, kind, MSISDN) is None


@given(st.from_regex(r"254[17][0-9]{8}", fullmatch=True), st.from_regex(r"254[17][0-9]{8}", fullmatch=True))
def test_no_form_of_a_number_denies_its_owner_or_fits_a_stranger(ours, other):
    for form in (ours, f"0{ours[3:]}", sha256(ours.encode()).hexdigest()):
        assert payer_of(form, ours)[1] is True
        assert payer_of(form, other)[1] is (ours == other)
    mask = f"{ours[:5]}****{ours[-3:]}"
    assert payer_of(mask, ours)[1] is True
    assert payer_of(mask, other)[1] is (ours[:5] == other[:5] and ours[-3:] == other[-3:])


def test_rejections():
    assert {code.value: code.reason for code in C2bRejection} == {
        "C2B00011": "Invalid MSISDN",
        "C2B00012": "Invalid Account Number",
        "C2B00013": "Invalid Amount",
        "C2B00014": "Invalid KYC Details",
        "C2B00015": "Invalid Shortcode",
        "C2B00016": "Other Error",
    }
