"""Results of commands: every sample of the documentation is read."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from mpesa_service.daraja import (
    ReportedBalance,
    UnreadableCallback,
    parse_command_result,
)
from mpesa_service.domain.reports import Outcome
from tests.daraja.bodies import PAID, PAYOUT

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


def command(drop=(), **changes) -> bytes:
    result = json.loads(PAYOUT)["Result"] | changes
    for key in drop:
        result.pop(key)
    return json.dumps({"Result": result}).encode()


def parameters(*items) -> bytes:
    return command(ResultParameters={"ResultParameter": list(items)})


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
    ("written", "read"),
    [(None, 0), ("", 0), ("0", 0), (" 1 ", 1), (1, 1), (2, None), (True, None), ([], None), (0.5, None)],
)
def test_only_a_complete_result_is_final(written, read):
    result = parse_command_result(command(ResultType=written))
    assert (result.result_type, result.final) == (read, read == 0)


@pytest.mark.parametrize(
    "raw",
    [
        b"{}",
        PAID,
        command(drop=["ResultCode"]),
        *(command(ResultCode=odd) for odd in ("", True, [], {})),
        command(drop=["ConversationID", "OriginatorConversationID"]),
    ],
    ids=lambda raw: repr(raw[:32]),
)
def test_unreadable_results(raw):
    with pytest.raises(UnreadableCallback) as caught:
        parse_command_result(raw)
    assert caught.value.operation == "command_result"
