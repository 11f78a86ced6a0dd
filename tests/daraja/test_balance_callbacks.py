"""What the accounts hold, from a text that is written differently from one product to the next."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import ReportedBalance, UnreadableCallback, parse_balance_result

from .bodies import JSON, PAID, paths, replaced

BALANCES = b"""{"Result": {"ResultType": "0", "ResultCode": "0",
 "ResultDesc": "The service request is processed successfully",
 "OriginatorConversationID": "16917-22577599-3", "ConversationID": "AG_20200206_00005e091a8ec6b9eac5",
 "TransactionID": "OA90000000",
 "ResultParameters": {"ResultParameter": [
  {"Key": "AccountBalance", "Value": "Working Account|KES|700000.00|700000.00|0.00|0.00&Float Account|KES|0.00|0.00|0.00|0.00&Utility Account|KES|228037.00|227037.00|1000.00|5.00&Charges Paid Account|KES|-1540.00|-1540.00|0.00|0.00&Organization Settlement Account|KES|0.00|0.00|0.00|0.00"},
  {"Key": "BOCompletedTime", "Value": "20200109125710"}]},
 "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL",
  "Value": "https://internalsandbox.safaricom.co.ke/mpesa/abresults/v1/submit"}}}}"""  # noqa: E501


def balances(value=None, drop=(), **changes) -> bytes:
    """The sample with another text of accounts, and envelope fields replaced or dropped."""
    document = json.loads(BALANCES)
    result = document["Result"]
    if value is not None:
        result["ResultParameters"]["ResultParameter"][0]["Value"] = value
    result.update(changes)
    for key in drop:
        result.pop(key)
    return json.dumps(document).encode()


def account(name, *columns, currency="KES"):
    names = ("current", "available", "reserved", "uncleared")
    values = dict.fromkeys(names) | dict(zip(names, map(Decimal, columns), strict=False))
    return ReportedBalance(name=name, currency=currency, **values)


def test_the_sample_of_the_documentation():
    found = parse_balance_result(BALANCES)
    assert found.succeeded
    assert (found.result.code, found.result_desc) == ("0", "The service request is processed successfully")
    assert found.conversation_id == "AG_20200206_00005e091a8ec6b9eac5"
    assert found.originator_conversation_id == "16917-22577599-3"
    assert found.accounts == (
        account("Working Account", 700000, 700000, 0, 0),
        account("Float Account", 0, 0, 0, 0),
        account("Utility Account", 228037, 227037, 1000, 5),
        account("Charges Paid Account", -1540, -1540, 0, 0),
        account("Organization Settlement Account", 0, 0, 0, 0),
    )
    assert found.completed_at == datetime(2020, 1, 9, 9, 57, 10, tzinfo=UTC)
    assert found.raw == json.loads(BALANCES)


@pytest.mark.parametrize("code", [0, "0", "00000000"])
def test_every_zero_is_success(code):
    assert parse_balance_result(balances(ResultCode=code)).succeeded


@pytest.mark.parametrize("code", [1, "2001", "SFC_IC0003", 100000003, "31337"])
def test_a_query_that_did_not_work_has_no_accounts(code):
    found = parse_balance_result(balances(ResultCode=code))
    assert (found.succeeded, found.accounts) == (False, ())


def test_a_rejected_initiator_is_recognized():
    failed = balances(drop=["ResultParameters"], ResultCode=2001)
    assert parse_balance_result(failed).result.credential_fault


@pytest.mark.parametrize(
    ("text", "accounts"),
    [
        ("Merchant|KES|5.50|5|1|0", [account("Merchant", "5.5", 5, 1, 0)]),
        ("Merchant|KES|5.50", [account("Merchant", "5.5")]),
        ("Merchant|KES|5.50|4", [account("Merchant", "5.5", 4)]),
        (" Merchant | KES | -0.50 |", [account("Merchant", "-0.5")]),
        ("Merchant|KES|5|x|1", [ReportedBalance(name="Merchant", currency="KES", current=Decimal(5),
                                               available=None, reserved=Decimal(1), uncleared=None)]),
        ("Merchant||5|4|3|2|1|0", [account("Merchant", 5, 4, 3, 2, currency="")]),
        ("&A|KES|1&&B|KES&C|KES|x&D|KES|2&", [account("A", 1), account("D", 2)]),
        ("{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}", []),
        *((text, []) for text in ("", "Merchant", "||", 5, True, [], {"Value": "A|KES|1"})),
    ],
)  # fmt: skip
def test_accounts(text, accounts):
    assert list(parse_balance_result(balances(text)).accounts) == accounts


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        PAID,
        balances(drop=["ResultCode"]),
        *(balances(ResultCode=odd) for odd in ("", True, [], 0.5)),
        balances(drop=["ConversationID", "OriginatorConversationID"]),
    ],
    ids=lambda raw: repr(raw[:32]),
)
def test_unreadable(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_balance_result(raw)
    assert caught.value.operation == "balance_result"


@given(data=st.data())
def test_anything_anywhere(data):
    document = json.loads(BALANCES)
    place = data.draw(st.sampled_from(list(paths(document))))
    raw = json.dumps(replaced(document, place, data.draw(JSON))).encode()
    try:
        found = parse_balance_result(raw)
    except UnreadableCallback:
        return
    assert found.succeeded or not found.accounts
    assert all(account.current.is_finite() for account in found.accounts)
    assert found.completed_at is None or found.completed_at.tzinfo is UTC
    repr(found)
