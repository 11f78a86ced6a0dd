"""A status result answers two questions: did the query work, and what became of the payment?"""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import UnreadableCallback, parse_status_result
from mpesa_service.domain.reports import Outcome

from .bodies import JSON, PAID, paths, replaced

COMPLETED = b"""{"Result": {"ResultType": 0, "ResultCode": 0,
 "ResultDesc": "The service request is processed successfully.",
 "OriginatorConversationID": "3213-416199-2", "ConversationID": "AG_20180223_0000493344ae97d86f75",
 "TransactionID": "MBN0000000",
 "ResultParameters": {"ResultParameter": [
  {"Key": "DebitPartyName", "Value": "600310 - Safaricom333"},
  {"Key": "DebitPartyName", "Value": "254708374149 - John Doe"},
  {"Key": "OriginatorConversationID", "Value": "3211-416020-3"},
  {"Key": "InitiatedTime", "Value": 20180223054112},
  {"Key": "DebitAccountType", "Value": "Utility Account"},
  {"Key": "DebitPartyCharges", "Value": "Fee For B2C Payment|KES|22.40"},
  {"Key": "TransactionReason"},
  {"Key": "ReasonType", "Value": "Business Payment to Customer via API"},
  {"Key": "TransactionStatus", "Value": "Completed"},
  {"Key": "FinalisedTime", "Value": 20180223054112},
  {"Key": "Amount", "Value": "300"},
  {"Key": "ConversationID", "Value": "AG_20180223_000041b09c22e613d6c9"},
  {"Key": "ReceiptNo", "Value": "MBN31H462N"}]},
 "ReferenceData": {"ReferenceItem": {"Key": "Occasion"}}}}"""

FINALISED = datetime(2018, 2, 23, 2, 41, 12, tzinfo=UTC)
ABOUT_THE_TRANSACTION = (
    "transaction_status",
    "receipt",
    "amount",
    "original_conversation_id",
    "original_originator_conversation_id",
    "finalised_at",
)


def status(fields=None, drop=(), **changes) -> bytes:
    """The sample with parameters and envelope fields replaced; None takes a parameter out."""
    document = json.loads(COMPLETED)
    result = document["Result"]
    items = {item["Key"]: item for item in result["ResultParameters"]["ResultParameter"]}
    for key, value in (fields or {}).items():
        items[key] = {"Key": key, "Value": value}
        if value is None:
            items.pop(key)
    result["ResultParameters"]["ResultParameter"] = list(items.values())
    result.update(changes)
    for key in drop:
        result.pop(key)
    return json.dumps(document).encode()


def test_a_completed_payout():
    found = parse_status_result(COMPLETED)
    assert (found.result.code, found.result_desc) == ("0", "The service request is processed successfully.")
    assert (found.outcome, found.transaction_status) == (Outcome.PAID, "Completed")
    assert found.conversation_id == "AG_20180223_0000493344ae97d86f75"
    assert found.originator_conversation_id == "3213-416199-2"
    assert found.original_conversation_id == "AG_20180223_000041b09c22e613d6c9"
    assert found.original_originator_conversation_id == "3211-416020-3"
    assert (found.receipt, found.amount) == ("MBN31H462N", Decimal(300))
    assert found.finalised_at == FINALISED
    assert found.raw == json.loads(COMPLETED)
    assert "John Doe" not in repr(found)


@pytest.mark.parametrize(
    ("word", "outcome"),
    [
        *((word, Outcome.PAID) for word in ("Completed", "COMPLETED", "completed", " Completed ")),
        *((word, Outcome.FAILED) for word in ("Cancelled", "Canceled", "Declined", "Expired", "FAILED")),
        *((word, Outcome.PENDING) for word in ("Initiated", "Authorized", "Pending", "Reversed")),
        *((word, Outcome.PENDING) for word in ("Complete", "Completed.", "Not Completed", "0", "x" * 129)),
        *((word, Outcome.PENDING) for word in ("", None, 0, True, ["Completed"], {"Value": "Completed"})),
    ],
)
def test_only_completed_is_success_and_only_known_failures_are_failures(word, outcome):
    assert parse_status_result(status({"TransactionStatus": word})).outcome is outcome


def test_two_different_statuses_say_nothing():
    items = [{"Key": "TransactionStatus", "Value": word} for word in ("Completed", "Declined")]
    found = parse_status_result(status(ResultParameters={"ResultParameter": items}))
    assert (found.outcome, found.transaction_status) == (Outcome.PENDING, None)


@pytest.mark.parametrize("code", [1, "2001", 2032, "SFC_IC0003", 8006, "31337", -1])
@pytest.mark.parametrize("word", ["Completed", "Declined"])
def test_a_query_that_did_not_work_is_no_information(code, word):
    found = parse_status_result(status({"TransactionStatus": word}, ResultCode=code))
    assert found.outcome is Outcome.PENDING
    assert found.result.outcome is Outcome.PENDING
    assert not found.result.final
    assert not found.result.resend_safe
    assert {getattr(found, name) for name in ABOUT_THE_TRANSACTION} == {None}


def test_an_unknown_receipt():
    raw = status(
        drop=["ResultParameters"],
        ResultCode=2032,
        ResultDesc="The transaction receipt number does not exist.",
    )
    found = parse_status_result(raw)
    assert (found.outcome, found.result.code) == (Outcome.PENDING, "2032")
    assert found.conversation_id == "AG_20180223_0000493344ae97d86f75"


def test_a_rejected_initiator_is_recognized():
    assert parse_status_result(status(ResultCode="2001")).result.credential_fault
    assert not parse_status_result(COMPLETED).result.credential_fault


def test_a_query_that_worked_without_parameters():
    for parameters in (None, [], {}, {"ResultParameter": None}):
        found = parse_status_result(status(ResultParameters=parameters))
        assert (found.outcome, found.transaction_status, found.receipt) == (Outcome.PENDING, None, None)


def test_a_single_parameter_and_a_code_of_zeros():
    single = {"ResultParameter": {"Key": "TransactionStatus", "Value": "completed"}}
    found = parse_status_result(status(ResultCode="00000000", ResultParameters=single))
    assert (found.result.code, found.outcome, found.amount) == ("0", Outcome.PAID, None)


def test_a_failed_payout_has_a_name_too():
    found = parse_status_result(status({"TransactionStatus": "Declined", "FinalisedTime": None}))
    assert (found.outcome, found.receipt) == (Outcome.FAILED, "MBN31H462N")
    assert found.finalised_at is None


@pytest.mark.parametrize(
    ("key", "value", "field", "read"),
    [
        ("ReceiptNo", "MBN0000000", "receipt", None),
        ("ReceiptNo", 5, "receipt", None),
        ("ReceiptNo", None, "receipt", None),
        ("Amount", 300, "amount", Decimal(300)),
        ("Amount", "300.00", "amount", Decimal(300)),
        ("Amount", "KES 300", "amount", None),
        ("FinalisedTime", "23.02.2018 05:41:12", "finalised_at", FINALISED),
        ("FinalisedTime", "soon", "finalised_at", None),
        ("ConversationID", " ", "original_conversation_id", None),
        ("OriginatorConversationID", "refund-1", "original_originator_conversation_id", "refund-1"),
    ],
)
def test_parameters(key, value, field, read):
    assert getattr(parse_status_result(status({key: value})), field) == read


def test_one_conversation_id_is_enough():
    assert parse_status_result(status(drop=["ConversationID"])).conversation_id == ""
    assert parse_status_result(status(drop=["OriginatorConversationID"])).originator_conversation_id == ""


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        PAID,
        status(drop=["ResultCode"]),
        *(status(ResultCode=odd) for odd in ("", True, [])),
        status(drop=["ConversationID", "OriginatorConversationID"]),
        COMPLETED.ljust(65537),
    ],
    ids=lambda raw: repr(raw[:32]),
)
def test_unreadable(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_status_result(raw)
    assert caught.value.operation == "status_result"


@given(data=st.data())
def test_anything_anywhere(data):
    document = json.loads(COMPLETED)
    place = data.draw(st.sampled_from(list(paths(document))))
    raw = json.dumps(replaced(document, place, data.draw(JSON))).encode()
    try:
        found = parse_status_result(raw)
    except UnreadableCallback:
        return
    if found.outcome is Outcome.PAID:
        assert found.result.code == "0"
        assert found.transaction_status.lower() == "completed"
    assert found.outcome is not Outcome.FAILED
    assert found.amount is None or found.amount.is_finite()
    assert found.finalised_at is None or found.finalised_at.tzinfo is UTC
    assert found.receipt is None or 0 < len(found.receipt) <= 128
    repr(found)


@given(st.integers(0, len(COMPLETED) - 1))
def test_cut_off_anywhere(length):
    with pytest.raises(UnreadableCallback):
        parse_status_result(COMPLETED[:length])
