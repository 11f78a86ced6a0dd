"""A fault in a field that moves no money does not lose the money; a fault in one that does is not guessed."""

import json
from decimal import Decimal
from urllib.parse import quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import (
    UnreadableCallback,
    parse_balance_result,
    parse_c2b,
    parse_command_result,
    parse_status_result,
    parse_stk_callback,
)
from mpesa_service.daraja.lenient_json import (
    NOT_READABLE,
    Unclear,
    read_leniently,
    read_text_leniently,
    values_agree,
)
from tests.daraja.bodies import PAID, PAYOUT

MONEY = b'{"TransID": "RKL51ZDR4F", "TransAmount": "300.00", "FirstName": "%s", "BillRefNumber": "A1"}'
PARSERS = (parse_c2b, parse_stk_callback, parse_command_result, parse_status_result, parse_balance_result)


def c2b(name: bytes = b"JANE") -> bytes:
    return MONEY % name


@pytest.mark.parametrize(
    ("written", "read"),
    [
        (b"JOS\xc9", "JOS\u00c9"),
        (b"\x81\x8d\x90", "\ufffd\ufffd\ufffd"),
        (b"JAN\tE", "JAN\tE"),
        (b"JAN\nE\x01", "JAN\nE\x01"),
        (b"JAN\x00E", "JAN\ufffdE"),
        (b"JAN\\u0000E", "JAN\ufffdE"),
        (b"JANE\\ud83d", "JANE\ufffd"),
        (b"\\udc00JANE", "\ufffdJANE"),
        (b"\\ud83d\\ude00", "\U0001f600"),
        (b"O\\'BRIEN", "O\\'BRIEN"),
        (b"A\\x41\\u12", "A\\x41\\u12"),
        (b'A \\"B\\" \\\\', 'A "B" \\'),
    ],
    ids=repr,
)
def test_names_as_people_type_them(written, read):
    payment = parse_c2b(c2b(written))
    assert (payment.receipt, payment.amount, payment.first_name) == ("RKL51ZDR4F", 300, read)
    payment.first_name.encode()


@pytest.mark.parametrize(
    "raw",
    [
        b"\xef\xbb\xbf" + c2b(),
        b"\xef\xbb\xbf" + c2b(b"JOS\xc9"),
        b" \r\n\x00" + c2b() + b"\x00\r\n",
        *(c2b() + rest for rest in (b"}", b";", b"]]", b"\x00\x00", b"garbage {", b"</html>", b"=", c2b())),
        b'{"Body": ' + c2b() + b"}",
        b'{"Result": ' + c2b() + b', "Version": 2}',
        b'{"data": ' + c2b() + b"}",
        b"[" + c2b() + b"]",
        b'[{"Body": [' + c2b() + b"]}]",
        json.dumps(c2b().decode()).encode(),
        json.dumps(json.dumps(c2b().decode())).encode(),
        json.dumps({"Body": c2b().decode()}).encode(),
        urlencode(json.loads(c2b())).encode(),
        urlencode(json.loads(c2b())).encode() + b"&TransID=RKL51ZDR4F&Empty=",
        urlencode({c2b().decode(): ""}).encode(),
        quote_plus(c2b()).encode(),
        urlencode({"payload": c2b().decode()}).encode(),
        urlencode({"Body": json.dumps({"Body": json.loads(c2b())})}).encode(),
    ],
    ids=lambda raw: repr(raw[:40]),
)
def test_the_same_money_in_other_clothes(raw):
    payment = parse_c2b(raw)
    assert (payment.receipt, payment.amount, payment.bill_reference) == ("RKL51ZDR4F", 300, "A1")


def test_a_form_in_cp1252():
    body = b"TransID=RKL51ZDR4F&TransAmount=1%2C300.00&FirstName=JOS%C9&LastName=M%DCLLER%81"
    payment = parse_c2b(body)
    assert (payment.amount, payment.first_name, payment.last_name) == (1300, "JOS\u00c9", "M\u00dcLLER\ufffd")


@pytest.mark.parametrize(
    ("doubled", "read"),
    [
        (b'"TransAmount": 300.0', 300),
        (b'"TransAmount": " 300 "', 300),
        (b'"TransID": "RKL51ZDR4F"', 300),
        (b'"BillRefNumber": "A2"', 300),
        (b'"TransID": " rkl51zdr4f"', 300),
        *((b'"TransAmount": ' + blank, 300) for blank in (b"null", b'""', b'" "')),
        (b'"TransAmount": "301.00"', None),
        (b'"TransAmount": true', None),
        (b'"TransID": "RKL51ZDR4G"', None),
    ],
    ids=repr,
)
def test_a_key_that_stands_twice(doubled, read):
    raw = c2b()[:-1] + b", " + doubled + b"}"
    if read is None:
        with pytest.raises(UnreadableCallback, match="two values that do not agree"):
            parse_c2b(raw)
    else:
        assert parse_c2b(raw).amount == read


def doubled(*more: bytes) -> bytes:
    return c2b()[:-1] + b", " + b", ".join(more) + b"}"


def test_the_last_value_of_another_key_counts():
    assert parse_c2b(doubled(b'"FirstName": "JOHN"')).first_name == "JOHN"
    assert parse_c2b(doubled(b'"FirstName": null')).first_name == "JANE"


@pytest.mark.parametrize(
    ("more", "account", "contradictory"),
    [
        ([b'"BillRefNumber": "A2"'], "", True),
        ([b'"BillRefNumber": "A2"', b'"BillRefNumber": "A2"'], "", True),
        ([b'"BillRefNumber": "A2"', b'"BillRefNumber": ""'], "", True),
        ([b'"BillRefNumber": 7'], "", True),
        ([b'"BillRefNumber": "a-1"'], "a-1", False),
        ([b'"BillRefNumber": null'], "A1", False),
        ([b'"billRefNumber": "A2"'], "A1", False),
        ([b'"BusinessShortCode": 174379', b'"BusinessShortCode": "600966"'], "", True),
        ([b'"BusinessShortCode": 174379', b'"BusinessShortCode": "0174379.0"'], "A1", False),
    ],
    ids=repr,
)
def test_keys_that_direct_money_and_stand_twice(more, account, contradictory):
    payment = parse_c2b(doubled(*more))
    assert (payment.bill_reference, payment.contradictory) == (account, contradictory)


def test_two_values_in_an_item():
    amount, phone = b'{"Name": "Amount", "Value": 1.00', b'"PhoneNumber", "Value": 254708374149'
    assert parse_stk_callback(PAID.replace(amount, amount + b', "Value": "1"')).amount == 1
    assert parse_stk_callback(PAID.replace(phone, phone + b', "Value": 5')).phone == "5"
    with pytest.raises(UnreadableCallback):
        parse_stk_callback(PAID.replace(amount, amount + b', "Value": 2'))


def test_two_whole_documents_are_not_guessed():
    with pytest.raises(UnreadableCallback, match="another document"):
        parse_c2b(c2b() + c2b().replace(b"RKL51ZDR4F", b"RKL51ZDR4G"))
    with pytest.raises(UnreadableCallback):
        parse_c2b(c2b() + c2b()[:-1])
    with pytest.raises(UnreadableCallback, match="another document"):
        parse_c2b(c2b() + c2b().replace(b"RKL51ZDR4F", b"RKL51ZDR4G").replace(b"TransID", b"transid"))
    with pytest.raises(UnreadableCallback):
        parse_c2b(b"[" + c2b() + b"," + c2b(b"JOHN") + b"]")


def test_a_list_of_one_document_several_times():
    assert parse_c2b(b"[" + c2b() + b"," + c2b() + b"," + c2b() + b"]").amount == 300


HUGE = [b"1" * 5000, b"1e999999999", b"1e99999999999999999999", b"1e" + b"9" * 5000, b"0." + b"1" * 40]


@pytest.mark.parametrize("number", [b"NaN", b"-Infinity", *HUGE])
def test_numbers_that_no_honest_sender_writes(number):
    raw = c2b()[:-1] + b', "OrgAccountBalance": ' + number + b', "MSISDN": ' + number + b"}"
    payment = parse_c2b(raw)
    assert (payment.amount, payment.account_balance, payment.payer) == (300, None, None)
    with pytest.raises(UnreadableCallback):
        parse_c2b(raw.replace(b'"300.00"', number))


def test_other_numbers_are_read_in_a_body_with_a_fault():
    found = read_leniently(b'{"a": 1, "b": 1.50, "c": [true, null, -2], "d": NaN, "e": "\t"}')
    assert found == {"a": 1, "b": Decimal("1.50"), "c": [True, None, -2], "d": NOT_READABLE, "e": "\t"}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"plain text",
        b"plain=",
        b"&&&",
        b"<Body>1</Body>",
        b"{",
        b'{"TransID": "RKL51ZDR4F"',
        b'{"a": ' * 100_000,
        b"[" * 60_000,
        b'{"a": ' * 30 + b"1" + b"}" * 30,
        b"a=1&" * 65,
        b'{"\\ud800": 1',
    ],
    ids=lambda raw: repr(raw[:24]),
)
def test_what_stays_unclear(raw):
    with pytest.raises(Unclear):
        read_leniently(raw)
    with pytest.raises(UnreadableCallback):
        parse_c2b(raw)


def test_wrappers_have_a_limit():
    raw = c2b()
    for _ in range(20):
        raw = b"[" + raw + b"]"
    with pytest.raises(UnreadableCallback, match="TransID is missing"):
        parse_c2b(raw)


@pytest.mark.parametrize("rest", [b"x", b'"TransID"', b" {}"])
def test_the_reason_quotes_nothing_of_the_body(rest):
    for raw in (
        b"JOHN 0712345678" + rest,
        b'{"JOHN": "0712345678"' + rest,
        c2b(b"JOHN 0712345678")[:-9] + rest,
    ):
        with pytest.raises(UnreadableCallback) as caught:
            parse_c2b(raw)
        assert "JOHN" not in str(caught.value)
        assert "0712" not in str(caught.value)


def test_a_result_with_a_fault():
    raw = PAYOUT.replace(b"NICHOLAS", b"JOS\xc9")
    assert parse_command_result(raw).receipt == "SG632NMUAB"
    assert parse_command_result(b"[" + raw + b"]").amount == 10
    with pytest.raises(UnreadableCallback):
        parse_command_result(raw.replace(b'"ResultCode": 0', b'"ResultCode": 0, "ResultCode": 1'))


@given(
    st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_bytes_give_a_value_or_one_error(raw):
    for parse in PARSERS:
        for body in (raw, c2b(raw), b"TransID=A1&TransAmount=1&FirstName=" + raw, raw + c2b(), c2b() + raw):
            try:
                found = parse(body)
            except UnreadableCallback:
                continue
            assert repr(found)
            assert json.loads(json.dumps(found.raw, default=str).encode()) is not None


@given(st.integers(0, len(PAID)), st.binary(max_size=4))
def test_a_fault_anywhere(place, fault):
    try:
        callback = parse_stk_callback(PAID[:place] + fault + PAID[place:])
    except UnreadableCallback:
        return
    assert callback.amount is None or callback.amount.is_finite()
    callback.checkout_request_id.encode()


JSON_LIKE = st.lists(
    st.sampled_from(
        ['{"a":', "[", '"Body":', '"TransID"', ":", ",", "1", "NaN", "}", "]", '"', "\\", "\\u", "=", "&"]
    ),
    max_size=40,
).map("".join)


@given(JSON_LIKE)
def test_texts_that_look_like_json(text):
    try:
        found = read_text_leniently(text)
    except Unclear:
        return
    assert found is None or isinstance(found, dict | list | str | int | Decimal)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (1, "1.00", True),
        (Decimal("1E+3"), "1,000", True),
        ("0", 0, True),
        ("A", "a", False),
        (None, 1, False),
        ("", "", True),
        ([], {}, False),
        ({"a": 1}, {"a": 1}, True),
    ],
)
def test_values_that_agree(one, other, agree):
    assert values_agree(one, other) is agree
