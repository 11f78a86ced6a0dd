"""The help page and the phone page."""

import pytest

from .receiver import Receiver
from .shop import PHONE, Shop


def test_the_help_page_has_the_outcomes(shop: Shop) -> None:
    page = shop.call("GET", "/")
    assert page.url.endswith("/simulator/")
    for text in ("1032 Request cancelled by user", "callback_lost", "pay_after", "7777"):
        assert text in page.text


def test_the_help_page_describes_the_queries(shop: Shop) -> None:
    page = shop.call("GET", "/")
    for text in ("<code>transaction_status</code>", "status_after", "OriginalConversationID", "Authorized"):
        assert text in page.text


def test_the_help_page_lists_every_call_and_shows_options_as_json(shop: Shop) -> None:
    page = shop.call("GET", "/").text
    for text in ("GET, POST, DELETE /simulator/script", "GET /simulator/clock", "/simulator/prompts/&lt;"):
        assert text in page
    for text in (">True<", ">False<", ">None<"):
        assert text not in page
    assert "<code>true</code>" in page


def test_a_list_without_customers_is_not_shown(shop: Shop) -> None:
    assert "<ul>" not in shop.call("GET", "/simulator/phone").text


def test_a_phone_number_in_any_format(shop: Shop) -> None:
    page = shop.call("GET", "/simulator/phone?number=0712 345 678")
    assert page.url.endswith(f"/simulator/phone/{PHONE}")
    assert PHONE in page.text
    assert "http://" not in page.text
    assert "https://" not in page.text


def test_an_invalid_number_shows_an_error(shop: Shop) -> None:
    shop.pushed()
    page = shop.call("GET", "/simulator/phone?number=<b>12</b>")
    assert "not a Kenyan mobile number" in page.text
    assert "<b>12" not in page.text
    assert PHONE in page.text
    unknown = shop.call("GET", "/simulator/phone/12")
    assert unknown.status_code == 404
    assert "not a Kenyan mobile number" in unknown.text
    assert unknown.headers["Content-Type"].startswith("text/html")


def test_the_phone_shows_the_prompt_and_takes_the_pin(shop: Shop, receiver: Receiver) -> None:
    checkout = shop.pushed()
    path = f"/simulator/phone/{PHONE}"
    state = shop.simulator.get(f"{path}/state")
    prompt = state["prompt"]
    assert prompt.pop("secondsLeft") in (59, 60)
    assert prompt == {
        "checkoutRequestId": checkout,
        "shortcode": "174379",
        "amount": 100,
        "accountReference": "ORDER-1",
    }
    after = shop.simulator.post(f"{path}/pin", {"pin": "0000"})
    receipt = shop.ledger()["debits"][0]["receipt"]
    assert after["prompt"] is None
    assert after["balance"] == 9_999_900
    assert after["messages"] == [
        (
            f"{receipt} Confirmed. Ksh100.00 paid to 174379 for account ORDER-1. "
            "New M-PESA balance is Ksh9,999,900.00."
        )
    ]
    assert receiver.stk()[0]["ResultCode"] == 0


def test_cancel_and_wrong_pin(shop: Shop, receiver: Receiver) -> None:
    path = f"/simulator/phone/{PHONE}"
    assert shop.call("POST", f"{path}/cancel").status_code == 409
    shop.pushed()
    assert shop.simulator.post(f"{path}/cancel")["messages"] == []
    shop.pushed()
    state = shop.simulator.post(f"{path}/pin", {"pin": "1111"})
    assert state["messages"] == ["Failed. You entered a wrong PIN."]
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1032, 2001]


def test_the_customer_waits_while_the_page_is_open(shop: Shop, receiver: Receiver) -> None:
    path = f"/simulator/phone/{PHONE}/state"
    shop.simulator.get(path)
    shop.pushed()
    for _ in range(5):
        shop.advance(4)
        assert shop.simulator.get(path)["prompt"] is not None
    assert not receiver.posts
    shop.advance(7)
    assert receiver.stk()[0]["ResultCode"] == 0


def test_a_prompt_expires_while_the_page_is_open(shop: Shop, receiver: Receiver) -> None:
    shop.pushed()
    for _ in range(16):
        shop.simulator.get(f"/simulator/phone/{PHONE}/state")
        shop.advance(4)
    assert [callback["ResultCode"] for callback in receiver.stk()] == [1037]


def test_the_phone_of_an_unknown_customer(shop: Shop) -> None:
    shop.options(strict_customers=True)
    state = shop.simulator.get(f"/simulator/phone/{PHONE}/state")
    assert state == {"msisdn": PHONE, "balance": None, "messages": [], "prompt": None}


def test_money_received(shop: Shop) -> None:
    shop.b2c()
    shop.advance(2)
    (message,) = shop.simulator.get(f"/simulator/phone/{PHONE}/state")["messages"]
    assert "You have received Ksh50.00 from 174379" in message


@pytest.mark.parametrize("name", ["help", "phones", "phone"])
def test_the_pages_load_nothing_from_other_hosts(shop: Shop, name: str) -> None:
    path = {"help": "/", "phones": "phone", "phone": f"phone/{PHONE}"}[name]
    text = shop.call("GET", f"/simulator/{path}".replace("//", "/")).text
    assert "src=" not in text
    assert "<link" not in text


def test_a_payment_from_the_phone(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    page = shop.call("GET", f"/simulator/phone/{PHONE}").text
    for field in ("type", "shortcode", "billRefNumber", "amount", "pin"):
        assert f'name="{field}"' in page
    assert 'value="174379"' in page
    typed = {"type": "paybill", "shortcode": "174379", "billRefNumber": "INV-7", "amount": 5}
    path = f"/simulator/phone/{PHONE}/pay"
    after = shop.simulator.post(path, typed | {"pin": "0000"})
    receipt = shop.ledger()["debits"][0]["receipt"]
    assert after["balance"] == 9_999_995
    assert after["messages"] == [
        (
            f"{receipt} Confirmed. Ksh5.00 paid to 174379 for account INV-7. "
            "New M-PESA balance is Ksh9,999,995.00."
        )
    ]
    assert receiver.posts[0]["body"]["TransID"] == receipt
    till = {"type": "till", "shortcode": "832909", "amount": 5, "pin": "0000"}
    assert "Ksh5.00 paid to 832909. New" in shop.simulator.post(path, till)["messages"][-1]


def test_payments_that_the_phone_refuses(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    path = f"/simulator/phone/{PHONE}/pay"
    typed = {"billRefNumber": "INV-7", "amount": 5, "pin": "1111"}
    messages = [shop.simulator.post(path, typed)["messages"][-1] for _ in range(4)]
    assert messages == ["Failed. You entered a wrong PIN."] * 3 + ["Failed. Your PIN is locked."]
    answer = shop.call("POST", path, json=typed | {"shortcode": "700000"})
    assert (answer.status_code, answer.json()) == (404, {"error": "unknown business number"})
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 4})
    state = shop.simulator.post(path, typed | {"pin": "0000"})
    assert state["messages"] == ["Failed. The balance is insufficient for the transaction."]
    shop.options(strict_customers=True)
    unknown = shop.simulator.post("/simulator/phone/254712345670/pay", typed)
    assert (unknown["balance"], unknown["messages"]) == (None, [])
    assert (shop.ledger()["debits"], receiver.posts) == ([], [])
