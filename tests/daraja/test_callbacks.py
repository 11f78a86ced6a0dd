"""Every sample of the documentation is read, and no bytes end in a traceback."""

import copy
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mpesa_service.daraja import (
    ReportedBalance,
    UnreadableCallback,
    parse_command_result,
    parse_status_result,
    parse_stk_callback,
)
from mpesa_service.domain.reports import Outcome

PAID = b"""{"Body": {"stkCallback": {
  "MerchantRequestID": "29115-34620561-1",
  "CheckoutRequestID": "ws_CO_191220191020363925",
  "ResultCode": 0,
  "ResultDesc": "The service request is processed successfully.",
  "CallbackMetadata": {"Item": [
    {"Name": "Amount", "Value": 1.00},
    {"Name": "MpesaReceiptNumber", "Value": "NLJ7RT61SV"},
    {"Name": "Balance"},
    {"Name": "TransactionDate", "Value": 20191219102115},
    {"Name": "PhoneNumber", "Value": 254708374149}]}}}}"""

CANCELED = b"""{"Body": {"stkCallback": {
  "MerchantRequestID": "f1e2-4b95-a71d-b30d3cdbb7a7942864",
  "CheckoutRequestID": "ws_CO_21072024125243250722943992",
  "ResultCode": 1032,
  "ResultDesc": "Request cancelled by user"}}}"""

PAYOUT = b"""{"Result": {"ResultType": 0, "ResultCode": 0,
 "ResultDesc": "The service request is processed successfully.",
 "OriginatorConversationID": "53e3-4aa8-9fe0-8fb5e4092cdd3533373",
 "ConversationID": "AG_20240706_2010364430d9bbdaf872", "TransactionID": "SG632NMUAB",
 "ResultParameters": {"ResultParameter": [
  {"Key": "TransactionAmount", "Value": 10}, {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
  {"Key": "ReceiverPartyPublicName", "Value": "254705912645 - NICHOLAS JOHN SONGOK"},
  {"Key": "TransactionCompletedDateTime", "Value": "06.07.2024 22:48:52"},
  {"Key": "B2CUtilityAccountAvailableFunds", "Value": 8959269.60},
  {"Key": "B2CWorkingAccountAvailableFunds", "Value": 1199371.00},
  {"Key": "B2CRecipientIsRegisteredCustomer", "Value": "Y"},
  {"Key": "B2CChargesPaidAccountAvailableFunds", "Value": -1980.00}]},
 "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL",
  "Value": "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"}}}}"""

REVERSED = b"""{"Result": {"ResultType": 0, "ResultCode": 0,
 "ResultDesc": "The service request is processed successfully.",
 "OriginatorConversationID": "f1e2-4b95-a71d-b30d3cdbb7a7735297",
 "ConversationID": "AG_20211114_20106e9209f64bebd05b", "TransactionID": "SKE52PAWR9",
 "ResultParameters": {"ResultParameter": [
  {"Key": "DebitAccountBalance", "Value": "Utility Account|KES|7722179.62|7722179.62|0.00|0.00"},
  {"Key": "Amount", "Value": 1.00}, {"Key": "TransCompletedTime", "Value": 20211114132711},
  {"Key": "OriginalTransactionID", "Value": "SKC82PACB8"}, {"Key": "Charge", "Value": 0.00},
  {"Key": "CreditPartyPublicName", "Value": "254708374149 - John Doe"},
  {"Key": "DebitPartyPublicName", "Value": "600992 - Safaricom Daraja 992"}]},
 "ReferenceData": {"ReferenceItem": {"Key": "QueueTimeoutURL",
  "Value": "https://internalsandbox.safaricom.co.ke/mpesa/reversalresults/v1/submit"}}}}"""

BUSINESS_PAID = b"""{"Result": {"ResultType": "0", "ResultCode": "0",
 "ResultDesc": "The service request is processed successfully",
 "OriginatorConversationID": "626f6ddf-ab37-4650-b882-b1de92ec9aa4",
 "ConversationID": "AG_20181005_00004d7ee675c0c7ee0b", "TransactionID": "QKA81LK5CY",
 "ResultParameters": {"ResultParameter": [
  {"Key": "DebitAccountBalance",
   "Value": "{Amount={CurrencyCode=KES, MinimumAmount=618683, BasicAmount=6186.83}}"},
  {"Key": "Amount", "Value": "190.00"}, {"Key": "DebitPartyCharges", "Value": ""},
  {"Key": "TransCompletedTime", "Value": "20221110110717"},
  {"Key": "ReceiverPartyPublicName", "Value": "000000 - Biller Company"},
  {"Key": "Currency", "Value": "KES"}]},
 "ReferenceData": {"ReferenceItem": [{"Key": "BillReferenceNumber", "Value": "19008"},
  {"Key": "QueueTimeoutURL", "Value": "https://shop.example/late"}]}}}"""


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


def command(drop=(), **changes) -> bytes:
    result = json.loads(PAYOUT)["Result"] | changes
    for key in drop:
        result.pop(key)
    return json.dumps({"Result": result}).encode()


def parameters(*items) -> bytes:
    return command(ResultParameters={"ResultParameter": list(items)})


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
        (True, Outcome.UNCLEAR),
        ([], Outcome.UNCLEAR),
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
        ("Amount", -1, "amount", None),
        ("Amount", "1e3", "amount", None),
        ("Amount", "", "amount", None),
        ("Amount", True, "amount", None),
        ("Amount", [1], "amount", None),
        ("Amount", 10**13, "amount", None),
        ("Amount", "\u0663", "amount", None),
        ("MpesaReceiptNumber", " NLJ7RT61SV ", "receipt", "NLJ7RT61SV"),
        ("MpesaReceiptNumber", "", "receipt", None),
        ("MpesaReceiptNumber", 5, "receipt", None),
        ("MpesaReceiptNumber", "x" * 129, "receipt", None),
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


@pytest.mark.parametrize(("second", "read"), [(5, 5), (6, None)])
def test_an_item_that_contradicts_itself_says_nothing(second, read):
    items = [{"Name": "Amount", "Value": 5}, {"Name": "Amount", "Value": second}]
    assert parse_stk_callback(stk(CallbackMetadata={"Item": items})).amount == read


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
        stk(drop=["MerchantRequestID"]),
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


def test_a_finished_payout():
    result = parse_command_result(PAYOUT)
    assert result.result_type == 0
    assert result.result.outcome is Outcome.PAID
    assert result.result_desc == "The service request is processed successfully."
    assert result.originator_conversation_id == "53e3-4aa8-9fe0-8fb5e4092cdd3533373"
    assert result.conversation_id == "AG_20240706_2010364430d9bbdaf872"
    assert result.transaction_id == result.receipt == "SG632NMUAB"
    assert result.amount == 10
    assert result.completed_at == datetime(2024, 7, 6, 19, 48, 52, tzinfo=UTC)
    assert result.parameters["B2CChargesPaidAccountAvailableFunds"] == -1980
    assert "SONGOK" not in repr(result)
    assert result.raw["Result"]["TransactionID"] == "SG632NMUAB"


def test_a_failed_payout():
    raw = command(
        drop=["ResultParameters"],
        ResultCode=2001,
        ResultDesc="The initiator information is invalid.",
    )
    result = parse_command_result(raw)
    assert result.result.credential_fault
    assert (result.result.outcome, result.parameters) == (Outcome.FAILED, {})
    assert (result.receipt, result.amount, result.completed_at) == (None, None, None)
    assert result.transaction_id == "SG632NMUAB"


def test_a_finished_reversal():
    result = parse_command_result(REVERSED)
    assert (result.result.outcome, result.result_type) == (Outcome.PAID, 0)
    assert (result.receipt, result.original_receipt) == ("SKE52PAWR9", "SKC82PACB8")
    assert (result.amount, result.parameters["Charge"]) == (Decimal(1), Decimal(0))
    assert result.completed_at == datetime(2021, 11, 14, 10, 27, 11, tzinfo=UTC)
    assert result.debit_account == ReportedBalance(
        name="Utility Account",
        currency="KES",
        current=Decimal("7722179.62"),
        available=Decimal("7722179.62"),
        reserved=Decimal(0),
        uncleared=Decimal(0),
    )
    assert "Doe" not in repr(result)
    assert parse_command_result(PAYOUT).original_receipt is None
    assert parse_command_result(PAYOUT).debit_account is None


def test_a_finished_business_payment():
    result = parse_command_result(BUSINESS_PAID)
    assert (result.result.outcome, result.result_type) == (Outcome.PAID, 0)
    assert (result.receipt, result.amount) == ("QKA81LK5CY", Decimal(190))
    assert result.completed_at == datetime(2022, 11, 10, 8, 7, 17, tzinfo=UTC)
    assert result.debit_account is None


def test_a_failed_business_payment():
    raw = command(
        ResultType=0,
        ResultCode=2001,
        TransactionID="OAK0000000",
        ResultParameters={"ResultParameter": {"Key": "BOCompletedTime", "Value": 20200120164825}},
        ReferenceData={"ReferenceItem": {"Key": "QueueTimeoutURL"}},
    )
    result = parse_command_result(raw)
    assert (result.result.outcome, result.receipt, result.amount) == (Outcome.FAILED, None, None)
    assert result.completed_at == datetime(2020, 1, 20, 13, 48, 25, tzinfo=UTC)


def test_a_failed_reversal():
    result = parse_command_result(
        command(drop=["ResultParameters"], ResultCode="R000002", TransactionID="SKE0000000")
    )
    assert (result.result.outcome, result.receipt) == (Outcome.FAILED, None)


def test_a_single_parameter_and_strings_for_numbers():
    single = {"ResultParameter": {"Key": "BOCompletedTime", "Value": 20200120164825}}
    result = parse_command_result(
        command(ResultParameters=single, ResultCode="0", ResultType="1", ReferenceData=[])
    )
    assert result.result_type == 1
    assert result.completed_at == datetime(2020, 1, 20, 13, 48, 25, tzinfo=UTC)
    assert result.receipt == "SG632NMUAB"


def test_a_status_result():
    result = parse_command_result(
        command(
            TransactionID="MBN0000000",
            ResultParameters={
                "ResultParameter": [
                    {"Key": "TransactionReason"},
                    {"Key": "TransactionStatus", "Value": "Completed"},
                    {"Key": "FinalisedTime", "Value": "20211114132711"},
                    {"Key": "Amount", "Value": "300"},
                    {"Key": "ReceiptNo", "Value": "PKS0000000"},
                ]
            },
        )
    )
    assert result.amount == 300
    assert result.receipt is None
    assert result.parameters["TransactionReason"] is None
    assert result.parameters["TransactionStatus"] == "Completed"
    assert result.completed_at == datetime(2021, 11, 14, 10, 27, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("items", "receipt"),
    [
        ([{"Key": "ReceiptNo", "Value": "QKA1BC2DE3"}], "QKA1BC2DE3"),
        ([{"Key": "TransactionReceipt", "Value": ""}], "SG632NMUAB"),
        ([{"Key": "TransactionReceipt", "Value": 5}], None),
        ([], "SG632NMUAB"),
    ],
)
def test_where_the_receipt_is_found(items, receipt):
    assert parse_command_result(parameters(*items)).receipt == receipt


@pytest.mark.parametrize("name", ["NLJ0000000", "OAK0000000", "SKE0000000", "MBN0000000", "OA90000000"])
def test_placeholders_are_no_receipts(name):
    raw = command(drop=["ResultParameters"], TransactionID=name)
    assert parse_command_result(raw).receipt is None


def test_one_conversation_id_is_enough():
    assert parse_command_result(command(drop=["ConversationID"])).conversation_id == ""
    result = parse_command_result(command(drop=["OriginatorConversationID", "TransactionID"]))
    assert (result.originator_conversation_id, result.transaction_id) == ("", None)


def test_the_result_type_may_be_missing():
    assert parse_command_result(command(drop=["ResultType"])).result_type == 0


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        PAID,
        command(drop=["ResultCode"]),
        command(ResultType=2),
        command(ResultType=True),
        command(ResultType=None),
        command(drop=["ConversationID", "OriginatorConversationID"]),
    ],
    ids=lambda raw: repr(raw[:32]),
)
def test_unreadable_results(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_command_result(raw)
    assert caught.value.operation == "command_result"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["0", "NLJ7RT61SV", "20191219102115", "06.07.2024 22:48:52"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["Name", "Key", "Value", "Item"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def paths(value, here=()):
    """Every place in a document."""
    yield here
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from paths(part, (*here, key))


def replaced(sample, path, value):
    document = copy.deepcopy(sample)
    if not path:
        return value
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


@pytest.mark.parametrize(("parse", "sample"), [(parse_stk_callback, PAID), (parse_command_result, PAYOUT)])
@given(data=st.data())
def test_anything_anywhere(parse, sample, data):
    document = json.loads(sample)
    places = list(paths(document))
    place = data.draw(st.sampled_from(places))
    raw = json.dumps(replaced(document, place, data.draw(JSON))).encode()
    try:
        found = parse(raw)
    except UnreadableCallback:
        return
    assert found.amount is None or found.amount.is_finite()
    moment = found.paid_at if parse is parse_stk_callback else found.completed_at
    assert moment is None or moment.tzinfo is UTC
    assert found.receipt is None or 0 < len(found.receipt) <= 128
    repr(found)


@given(st.binary(max_size=300))
def test_any_bytes(raw):
    for parse in (parse_stk_callback, parse_command_result, parse_status_result):
        with pytest.raises(UnreadableCallback):
            parse(raw)


@given(st.integers(0, len(PAID)))
def test_cut_off_anywhere(length):
    if length < len(PAID):
        with pytest.raises(UnreadableCallback):
            parse_stk_callback(PAID[:length])
