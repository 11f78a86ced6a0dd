"""An STK payment to a shortcode with registered C2B URLs is also confirmed there."""

import pytest

from .receiver import Receiver
from .shop import CONFIRMATION, PHONE, VALIDATION, Shop


def test_the_confirmation_follows_the_callback(shop: Shop, receiver: Receiver) -> None:
    shop.options(c2b_validation=True)
    shop.register()
    done = shop.prompt(shop.pushed(), "outcome")
    assert [post["path"] for post in receiver.posts] == ["/stk/secret", CONFIRMATION]
    assert [item["kind"] for item in done["callbacks"]] == ["stk", "c2b_confirmation"]
    (debit,) = shop.ledger()["debits"]
    assert (debit["kind"], debit["checkoutRequestId"]) == ("stk", done["prompt"]["checkoutRequestId"])
    (reported,) = receiver.at(CONFIRMATION)
    items = receiver.stk()[0]["CallbackMetadata"]["Item"]
    assert reported["TransID"] == debit["receipt"] == items[1]["Value"]
    assert reported["TransTime"] == str(items[3]["Value"])
    assert (reported["BillRefNumber"], reported["TransactionType"]) == ("ORDER-1", "Pay Bill")
    assert (reported["TransAmount"], reported["MSISDN"]) == ("100.00", "2547 ***** 678")
    assert (reported["BusinessShortCode"], reported["OrgAccountBalance"]) == ("174379", "100000100.00")
    assert (receiver.at(VALIDATION), shop.ledger()["c2b"]) == ([], [])


def test_no_confirmation_without_payment_or_registration(shop: Shop, receiver: Receiver) -> None:
    shop.prompt(shop.pushed(), "outcome")
    shop.register()
    shop.prompt(shop.pushed(), "cancel")
    shop.options(stk_confirmation=False)
    shop.prompt(shop.pushed(), "outcome")
    assert receiver.at(CONFIRMATION) == []


def test_a_till(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.pushed(TransactionType="CustomerBuyGoodsOnline", PartyB="832909")
    shop.advance(3)
    (reported,) = receiver.at(CONFIRMATION)
    assert (reported["TransactionType"], reported["BillRefNumber"]) == ("Buy Goods", "")
    assert reported["BusinessShortCode"] == "832909"


def test_the_confirmation_before_the_callback(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.options(faults={"confirmation_first": 1})
    shop.prompt(shop.pushed(), "outcome")
    assert [post["path"] for post in receiver.posts] == [CONFIRMATION, "/stk/secret"]


@pytest.mark.parametrize(
    ("fault", "callbacks", "confirmations"),
    [
        ("confirmation_lost", 1, 0),
        ("confirmation_doubled", 1, 2),
        ("confirmation_delayed", 1, 0),
        ("callback_lost", 0, 1),
        ("callback_doubled", 2, 1),
        ("callback_delayed", 0, 1),
    ],
)
def test_callback_and_confirmation_have_their_own_faults(
    shop: Shop, receiver: Receiver, fault: str, callbacks: int, confirmations: int
) -> None:
    shop.register()
    shop.options(faults={fault: 1})
    shop.prompt(shop.pushed(), "outcome")
    assert len(receiver.at("/stk/secret")) == callbacks
    assert len(receiver.at(CONFIRMATION)) == confirmations
    shop.advance(21)
    late = fault.endswith("_delayed")
    assert len(receiver.posts) == callbacks + confirmations + late


def test_a_wrong_amount_in_the_callback_only(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.script(fault="amount_differs")
    shop.prompt(shop.pushed(), "outcome")
    assert receiver.stk()[0]["CallbackMetadata"]["Item"][0]["Value"] == 101
    assert receiver.at(CONFIRMATION)[0]["TransAmount"] == "100.00"


def test_a_late_success_is_confirmed_when_the_money_moves(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.pushed(phone="254712997037")
    shop.advance(3)
    assert receiver.at(CONFIRMATION) == []
    shop.advance(5)
    assert len(receiver.at(CONFIRMATION)) == 1


def test_party_a_pays(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.pushed(PartyA="254712345670", PhoneNumber=PHONE)
    shop.advance(3)
    assert receiver.at(CONFIRMATION)[0]["MSISDN"] == "2547 ***** 670"
