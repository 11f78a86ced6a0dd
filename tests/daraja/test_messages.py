"""Arguments that would be refused, or worse, never leave."""

import pytest

from mpesa_service.daraja import (
    B2bCommand,
    B2bPayment,
    B2cPayment,
    BalanceQuery,
    RegisterUrls,
    Reversal,
    SimulatedC2b,
    StkPush,
    TransactionStatusQuery,
)
from mpesa_service.daraja.settings import B2C_COMMANDS

PUSH = {
    "amount": 1,
    "msisdn": "254708374149",
    "account_reference": "ORDER-1",
    "description": "Shoes",
    "callback_url": "https://shop.example/paid/8f1c",
}
PAYMENT = {
    "originator_conversation_id": "refund-1",
    "amount": 10,
    "msisdn": "254114669532",
    "remarks": "Refund",
    "occasion": "",
    "result_url": "https://shop.example/result/8f1c",
    "timeout_url": "https://shop.example/late/8f1c",
}
BUSINESS = {
    "command": "BusinessPayBill",
    "amount": 190,
    "party": "600000",
    "account_reference": "353353",
    "remarks": "Rent",
    "occasion": "",
    "result_url": "https://shop.example/result/8f1c",
    "timeout_url": "https://shop.example/late/8f1c",
}
GOODS = BUSINESS | {"command": "BusinessBuyGoods"}
REVERSAL = {
    "receipt": "SG632NMUAB",
    "amount": 10,
    "remarks": "Refund",
    "occasion": "",
    "result_url": "https://shop.example/result/8f1c",
    "timeout_url": "https://shop.example/late/8f1c",
}
STATUS = {
    "receipt": "SG632NMUAB",
    "result_url": "https://shop.example/status/8f1c",
    "timeout_url": "https://shop.example/late/8f1c",
}
BALANCE = {
    "result_url": "https://shop.example/balance/8f1c",
    "timeout_url": "https://shop.example/late/8f1c",
}
SIMULATED = {"amount": 5, "msisdn": "254708374149", "bill_reference": "ORDER-1"}
TILL_SIMULATED = SIMULATED | {"command": "CustomerBuyGoodsOnline"}
URLS = {
    "confirmation_url": "https://shop.example/confirm",
    "validation_url": "https://shop.example/validate",
}


@pytest.mark.parametrize(
    ("make", "values", "field", "bad"),
    [
        *((StkPush, PUSH, "amount", bad) for bad in (0, -1, 1.0, True, "1", None)),
        *(
            (StkPush, PUSH, "msisdn", bad)
            for bad in (
                "0708374149",
                "+254708374149",
                "254208374149",
                "2547083741490",
                "25470837414",
                "254708374149\n",
                "25470837414\u0663",
            )
        ),
        (StkPush, PUSH, "account_reference", ""),
        (StkPush, PUSH, "account_reference", "x" * 13),
        (StkPush, PUSH, "description", "x" * 14),
        *(
            (StkPush, PUSH, "callback_url", bad)
            for bad in ("", "shop.example", "ftp://shop.example/x", "https://a b/", "https:///x")
        ),
        (B2cPayment, PAYMENT, "originator_conversation_id", ""),
        (B2cPayment, PAYMENT, "originator_conversation_id", "x" * 129),
        (B2cPayment, PAYMENT, "amount", 0),
        (B2cPayment, PAYMENT, "msisdn", "254"),
        (B2cPayment, PAYMENT, "remarks", "x"),
        (B2cPayment, PAYMENT, "remarks", "x" * 101),
        (B2cPayment, PAYMENT, "occasion", "x" * 101),
        (B2cPayment, PAYMENT, "result_url", "x"),
        (B2cPayment, PAYMENT, "timeout_url", "x"),
        *((B2cPayment, PAYMENT, "command", bad) for bad in ("", "BusinessPayToPochi")),
        *((B2bPayment, BUSINESS, "command", bad) for bad in ("", "BusinessPayToBulk", "businesspaybill")),
        *((B2bPayment, BUSINESS, "amount", bad) for bad in (0, 190.0)),
        *((B2bPayment, BUSINESS, "party", bad) for bad in ("", "6000", "254708374149")),
        *((B2bPayment, BUSINESS, "account_reference", bad) for bad in ("", "x" * 14)),
        (B2bPayment, GOODS, "account_reference", "x" * 14),
        *((B2bPayment, BUSINESS, "requester", bad) for bad in ("", "0708374149")),
        *((B2bPayment, BUSINESS, "remarks", bad) for bad in ("", "x" * 101)),
        (B2bPayment, BUSINESS, "occasion", "x" * 101),
        (B2bPayment, BUSINESS, "result_url", "x"),
        (B2bPayment, BUSINESS, "timeout_url", "x"),
        *((Reversal, REVERSAL, "receipt", bad) for bad in ("", "x" * 129)),
        *((Reversal, REVERSAL, "amount", bad) for bad in (0, 1.5, True)),
        *((Reversal, REVERSAL, "remarks", bad) for bad in ("x", "x" * 101)),
        (Reversal, REVERSAL, "occasion", "x" * 101),
        (Reversal, REVERSAL, "result_url", "x"),
        (Reversal, REVERSAL, "timeout_url", "x"),
        *((TransactionStatusQuery, STATUS, "receipt", bad) for bad in (None, "", "x" * 129)),
        *((TransactionStatusQuery, STATUS, "party", bad) for bad in ("", "1743", "17437999", "17437x")),
        (TransactionStatusQuery, STATUS, "remarks", ""),
        (TransactionStatusQuery, STATUS, "remarks", "x" * 101),
        (TransactionStatusQuery, STATUS, "occasion", "x" * 101),
        (TransactionStatusQuery, STATUS, "result_url", "x"),
        (TransactionStatusQuery, STATUS, "timeout_url", "x"),
        *((BalanceQuery, BALANCE, "party", bad) for bad in ("", "1743", "17437x")),
        *((BalanceQuery, BALANCE, "remarks", bad) for bad in ("", "x" * 101)),
        (BalanceQuery, BALANCE, "result_url", "x"),
        (BalanceQuery, BALANCE, "timeout_url", "x"),
        *((SimulatedC2b, SIMULATED, "amount", bad) for bad in (0, 5.0)),
        (SimulatedC2b, SIMULATED, "msisdn", "0708374149"),
        *((SimulatedC2b, SIMULATED, "bill_reference", bad) for bad in ("", "x" * 21)),
        (SimulatedC2b, TILL_SIMULATED, "bill_reference", "x"),
        *((SimulatedC2b, SIMULATED, "command", bad) for bad in ("", "Pay Bill")),
        (RegisterUrls, URLS, "confirmation_url", "x"),
        (RegisterUrls, URLS, "validation_url", "x"),
        (RegisterUrls, URLS, "response_type", "completed"),
    ],
)
def test_refused_by_name_and_never_by_value(make, values, field, bad):
    with pytest.raises(ValueError, match=f"^{field} must") as caught:
        make(**(values | {field: bad}))
    assert len(str(bad)) < 9 or str(bad).strip() not in str(caught.value)


def test_a_status_query_names_one_id():
    with pytest.raises(ValueError, match=r"^receipt must .* not both"):
        TransactionStatusQuery(**STATUS, original_conversation_id="refund-1")
    for bad in ("", "x" * 129):
        with pytest.raises(ValueError, match=r"^original_conversation_id must"):
            TransactionStatusQuery(**(STATUS | {"receipt": None, "original_conversation_id": bad}))


@pytest.mark.parametrize(
    ("make", "values", "good"),
    [
        (StkPush, PUSH, {"account_reference": "x" * 12, "description": "x" * 13}),
        (StkPush, PUSH, {"description": "", "msisdn": "254114669532"}),
        (StkPush, PUSH, {"callback_url": "http://127.0.0.1:5005"}),
        (B2cPayment, PAYMENT, {"remarks": "ok", "occasion": "x" * 100}),
        (B2cPayment, PAYMENT, {"remarks": "x" * 100, "originator_conversation_id": "x" * 128}),
        *((B2cPayment, PAYMENT, {"command": command}) for command in B2C_COMMANDS),
        (B2cPayment, PAYMENT, {"command": None}),
        *((B2bPayment, BUSINESS, {"command": command}) for command in B2bCommand),
        (B2bPayment, BUSINESS, {"account_reference": "x" * 13, "requester": "254708374149"}),
        (B2bPayment, GOODS, {"account_reference": "", "requester": None, "party": "1743799"}),
        (Reversal, REVERSAL, {"remarks": "ok", "occasion": "x" * 100, "receipt": "x" * 128}),
        (TransactionStatusQuery, STATUS, {"remarks": "x", "occasion": "x" * 100, "party": "1743799"}),
        (TransactionStatusQuery, STATUS, {"remarks": "x" * 100, "receipt": "x" * 128, "party": None}),
        (TransactionStatusQuery, STATUS, {"receipt": None, "original_conversation_id": "x" * 128}),
        (BalanceQuery, BALANCE, {"remarks": "x", "party": "17437"}),
        (BalanceQuery, BALANCE, {"remarks": "x" * 100, "party": None}),
        (SimulatedC2b, SIMULATED, {"bill_reference": "x" * 20, "command": "CustomerPayBillOnline"}),
        (SimulatedC2b, TILL_SIMULATED, {"bill_reference": ""}),
        (RegisterUrls, URLS, {"response_type": "Cancelled"}),
    ],
)
def test_accepted_at_the_limits(make, values, good):
    message = make(**(values | good))
    for name, value in good.items():
        assert getattr(message, name) == value


def test_reprs_are_thin():
    for text in (
        repr(StkPush(**PUSH)),
        repr(B2cPayment(**PAYMENT)),
        repr(B2bPayment(**BUSINESS, requester="254708374149")),
        repr(Reversal(**REVERSAL)),
        repr(BalanceQuery(**BALANCE)),
        repr(SimulatedC2b(**SIMULATED)),
        repr(TransactionStatusQuery(**STATUS)),
    ):
        assert "254" not in text
        assert "8f1c" not in text
