"""C2B validation: what follows each response of the shop, and a missing one."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from .receiver import Receiver
from .shop import CONFIRMATION, PHONE, VALIDATION, Shop


@pytest.mark.parametrize("answer", [b'{"ResultCode": 0}', b'{"ResultCode": "0", "ThirdPartyTransID": "T-1"}'])
def test_the_validation_accepts(shop: Shop, receiver: Receiver, answer: bytes) -> None:
    shop.options(c2b_validation=True)
    shop.register()
    receiver.answers[VALIDATION] = answer
    paid = shop.pay_by_c2b()
    (validation,), (reported,) = receiver.at(VALIDATION), receiver.at(CONFIRMATION)
    assert (validation["OrgAccountBalance"], validation["ThirdPartyTransID"]) == ("", "")
    assert reported["OrgAccountBalance"] == "100000005.00"
    assert reported["ThirdPartyTransID"] == ("T-1" if b"T-1" in answer else "")
    assert list(validation) == list(reported)
    assert (validation["TransID"], validation["TransAmount"]) == (reported["TransID"], "5.00")
    assert (paid["state"], paid["validationCode"]) == ("completed", "0")
    assert [item["kind"] for item in paid["callbacks"]] == ["c2b_validation", "c2b_confirmation"]


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize(("code", "reported"), [('"C2B00012"', "C2B00012"), ("1", "1")])
def test_the_validation_rejects(
    shop: Shop, receiver: Receiver, response_type: str, code: str, reported: str
) -> None:
    shop.options(c2b_validation=True)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = f'{{"ResultCode": {code}, "ResultDesc": "Rejected"}}'.encode()
    payment = shop.pay_by_c2b()
    assert (payment["state"], payment["transId"], payment["validationCode"]) == ("rejected", None, reported)
    assert payment["reason"] == "The shop rejected this payment."
    assert (receiver.at(CONFIRMATION), shop.ledger()["debits"]) == ([], [])
    (message,) = shop.simulator.get(f"/simulator/phone/{PHONE}/state")["messages"]
    assert message == "Failed. The shop rejected this payment."


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"{}", b'{"ResultCode": true}', b'{"ResultCode": ""}']
)
def test_after_an_unreadable_response_the_response_type_decides(
    shop: Shop, receiver: Receiver, response_type: str, answer: bytes
) -> None:
    shop.options(c2b_validation=True)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = answer
    payment = shop.pay_by_c2b()
    assert payment["validationCode"] is None
    assert (payment["state"] == "completed") is (response_type == "Completed")
    assert len(receiver.at(CONFIRMATION)) == len(shop.ledger()["debits"]) == (response_type == "Completed")


@pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
@pytest.mark.parametrize("status", [200, 500])
def test_a_late_or_failing_validation(
    shop: Shop, receiver: Receiver, response_type: str, status: int
) -> None:
    shop.options(c2b_validation=True, validation_seconds=0.1)
    shop.register(ResponseType=response_type)
    receiver.answers[VALIDATION] = b'{"ResultCode": "C2B00011"}'
    receiver.pause, receiver.status = (0.3, 200) if status == 200 else (0.0, 500)
    payment = shop.pay_by_c2b()
    assert payment["validationCode"] is None
    assert (payment["state"] == "completed") is (response_type == "Completed")
    attempt = payment["callbacks"][0]
    assert (attempt["status"], attempt["error"] is None) == ((None, False) if status == 200 else (500, True))


def test_a_slowly_sent_response_is_late(shop: Shop, receiver: Receiver) -> None:
    shop.options(c2b_validation=True, validation_seconds=0.2)
    shop.register(ResponseType="Cancelled", ValidationURL=receiver.url + "/drops")
    receiver.answers["/drops"] = b'{"ResultCode": 0}'
    receiver.drops = 0.02
    payment = shop.pay_by_c2b()
    assert payment["state"] == "rejected"
    assert payment["callbacks"][0]["error"].startswith("Late: ")


def test_an_unreachable_validation_url(shop: Shop) -> None:
    shop.options(c2b_validation=True)
    shop.register(ValidationURL="http://127.0.0.1:1/x", ResponseType="Cancelled")
    payment = shop.pay_by_c2b()
    assert (payment["state"], payment["reason"]) == (
        "rejected",
        "The shop's validation URL gave no usable response.",
    )


def test_money_spent_during_the_validation(shop: Shop, receiver: Receiver) -> None:
    shop.simulator.post("/simulator/customers", {"msisdn": PHONE, "balance": 8})
    shop.options(c2b_validation=True)
    shop.register()
    receiver.answers[VALIDATION] = b'{"ResultCode": 0}'
    receiver.pause = 0.2
    with ThreadPoolExecutor(2) as pool:
        payments = list(pool.map(lambda _: shop.pay_by_c2b(), range(2)))
    assert sorted(payment["state"] for payment in payments) == ["completed", "rejected"]
    assert len(shop.ledger()["debits"]) == 1


def test_a_payment_removed_by_a_reset(shop: Shop, receiver: Receiver) -> None:
    shop.register()
    shop.options(c2b_validation=True)
    receiver.answers[VALIDATION] = b'{"ResultCode": 0}'
    receiver.pause = 0.3
    with ThreadPoolExecutor(1) as pool:
        paying = pool.submit(shop.pay_by_c2b)
        receiver.wait_for(1)
        shop.simulator.post("/simulator/reset")
        assert paying.result()["state"] == "open"
    assert (shop.ledger()["debits"], receiver.at(CONFIRMATION)) == ([], [])
