"""C2B validation: the shop is asked first, and what its answer, or its silence, leads to."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .receiver import Receiver
from .shop import CONFIRMATION, PHONE, VALIDATION, Shop


@pytest.mark.parametrize("answer", [b'{"ResultCode": 0}', b'{"ResultCode": "0", "ThirdPartyTransID": "T-1"}'])
def test_the_validator_accepts(shop: Shop, receiver: Receiver, answer: bytes) -> None:
    shop.options(c2b_validation=True)
    shop.register()
    receiver.answers[VALIDATION] = answer
    paid = shop.menu()
    (question,), (told,) = receiver.at(VALIDATION), receiver.at(CONFIRMATION)
    assert (question["OrgAccountBalance"], question["ThirdPartyTransID"]) == ("", "")
    assert told["OrgAccountBalance"] == "100000005.00"
    assert told["ThirdPartyTransID"] == ("T-1" if b"T-1" in answer else "")
    assert list(question) == list(told)
    assert (question["TransID"], question["TransAmount"]) == (told["TransID"], "5.00")
    assert (paid["state"], paid["validationCode"]) == ("completed", "0")
    assert [item["kind"] for item in paid["callbacks"]] == ["c2b_validation", "c2b_confirmation"]


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize(("code", "told"), [('"C2B00012"', "C2B00012"), ("1", "1")])
def test_the_validator_rejects(
    shop: Shop, receiver: Receiver, response_type: str, code: str, told: str
) -> None:
    shop.options(c2b_validation=True)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = f'{{"ResultCode": {code}, "ResultDesc": "Rejected"}}'.encode()
    payment = shop.menu()
    assert (payment["state"], payment["transId"], payment["validationCode"]) == ("rejected", None, told)
    assert payment["reason"] == "The shop rejected this payment."
    assert (receiver.at(CONFIRMATION), shop.ledger()["debits"]) == ([], [])
    (message,) = shop.simulator.get(f"/simulator/phone/{PHONE}/state")["messages"]
    assert message == "Failed. The shop rejected this payment."


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"{}", b'{"ResultCode": true}', b'{"ResultCode": ""}']
)
def test_an_unreadable_answer_leaves_it_to_the_response_type(
    shop: Shop, receiver: Receiver, response_type: str, answer: bytes
) -> None:
    shop.options(c2b_validation=True)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = answer
    payment = shop.menu()
    assert payment["validationCode"] is None
    assert (payment["state"] == "completed") is (response_type == "Completed")
    assert len(receiver.at(CONFIRMATION)) == len(shop.ledger()["debits"]) == (response_type == "Completed")


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_late_or_failing_validator(shop: Shop, receiver: Receiver, response_type: str, status: int) -> None:
    shop.options(c2b_validation=True, validation_seconds=0.1)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = b'{"ResultCode": "C2B00011"}'
    receiver.pause, receiver.status = (0.3, 200) if status == 200 else (0.0, 500)
    payment = shop.menu()
    assert payment["validationCode"] is None
    assert (payment["state"] == "completed") is (response_type == "Completed")
    attempt = payment["callbacks"][0]
    assert (attempt["status"], attempt["error"] is None) == ((None, False) if status == 200 else (500, True))


def test_an_answer_in_drops_is_late_as_well(shop: Shop, receiver: Receiver) -> None:
    shop.options(c2b_validation=True, validation_seconds=0.2)
    shop.register(ResponseType="Cancelled", ValidationURL=receiver.url + "/drops")
    receiver.answers["/drops"] = b'{"ResultCode": 0}'
    receiver.drops = 0.02
    payment = shop.menu()
    assert payment["state"] == "rejected"
    assert payment["callbacks"][0]["error"].startswith("Late: ")


def test_an_unreachable_validator(shop: Shop) -> None:
    shop.options(c2b_validation=True)
    shop.register(ValidationURL="http://127.0.0.1:1/x", ResponseType="Cancelled")
    payment = shop.menu()
    assert (payment["state"], payment["reason"]) == (
        "rejected",
        "The shop's validation URL gave no usable response.",
    )


def test_money_spent_while_the_shop_was_asked(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 8})
    shop.options(c2b_validation=True)
    shop.register()
    receiver.answers[VALIDATION] = b'{"ResultCode": 0}'
    receiver.pause = 0.2
    with ThreadPoolExecutor(2) as pool:
        payments = list(pool.map(lambda _: shop.menu(), range(2)))
    assert sorted(payment["state"] for payment in payments) == ["completed", "rejected"]
    assert len(shop.ledger()["debits"]) == 1


def test_a_forgotten_payment(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.options(c2b_validation=True)
    receiver.answers[VALIDATION] = b'{"ResultCode": 0}'
    receiver.pause = 0.3
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(shop.menu)
        receiver.wait_for(1)
        shop.simulator.post("/simulator/reset")
        assert paying.result()["state"] == "open"
    assert (shop.ledger()["debits"], receiver.at(CONFIRMATION)) == ([], [])
