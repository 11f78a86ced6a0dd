"""Refunds to a number that an admin states, because M-Pesa masks who paid by C2B."""

from hashlib import sha256
from typing import Any

import pytest

from tests.c2b.support import MASKED, assert_books_are_right, confirm, order_row
from tests.orders.support import add_order
from tests.refunds.support import complete
from tests.support import PHONE, Service

OTHER = "0722000001"
AGREES = "0712345678"


def paid(service: Service, amount: int = 140, **changes: Any) -> str:
    """Let a customer pay too much for ORDER1; return the payment's id."""
    add_order(service)
    confirm(service, TransAmount=f"{amount}.00", **changes)
    return service.payments()[0].id


def refund(service: Service, payment: str, phone: Any = AGREES, **more: Any) -> Any:
    body = {"phoneNumber": phone, "reason": "paid too much", **more}
    body = {name: value for name, value in body.items() if value is not None}
    return service.call("POST", f"/{payment}/refund", body, by="boss", admin=True)


def refused(service: Service, answer: Any) -> tuple[int, str]:
    assert service.refunds() == []
    return answer.status_code, answer.json["code"]


def test_the_surplus_goes_back(service: Service) -> None:
    payment = paid(service)
    assert order_row(service).status == "overpaid"
    answer = refund(service, payment, amount=40)
    assert answer.status_code == 200, answer.json
    data = answer.json["data"]
    assert (data["method"], data["refundAmount"], data["payerAgrees"]) == ("b2c", 40, True)
    assert data["phoneNumber"] == "254712***678"
    assert PHONE not in answer.text
    complete(service)
    [credit] = service.ledger()["credits"]
    assert (credit["msisdn"], credit["amount"]) == (PHONE, 40)
    assert (order_row(service).status, order_row(service).received_amount) == ("paid", 100)
    assert service.payment(payment)["refunds"][0]["phoneNumber"] == "254712***678"
    assert_books_are_right(service)


def test_the_trail_says_who_and_why_and_the_number_is_encrypted(service: Service) -> None:
    payment = paid(service)
    refund(service, payment, amount=40)
    line = service.events(payment)[-2]
    assert (line.cause, line.actor) == ("refund_created", "boss")
    assert line.detail == {
        "amount": 40,
        "method": "b2c",
        "reason": "paid too much",
        "phone": "254712***678",
        "payerAgrees": True,
    }
    [row] = service.refunds()
    assert row.phone_encrypted is not None
    assert PHONE.encode() not in row.phone_encrypted
    assert service.runtime.encryption.decrypt(row.phone_encrypted) == PHONE


def test_in_parts_and_never_more_than_was_paid(service: Service) -> None:
    payment = paid(service)
    assert refund(service, payment, amount=40).status_code == 200
    assert refund(service, payment, amount=101).json["code"] == "refund_too_large"
    assert refund(service, payment, amount=9).json["code"] == "refund_too_small"
    assert refund(service, payment).json["data"]["refundAmount"] == 100
    assert refund(service, payment, amount=1).json["code"] == "nothing_to_refund"
    assert service.row(payment).refunding_amount == 140
    assert_books_are_right(service)


def test_another_number_needs_a_confirmation(service: Service) -> None:
    payment = paid(service)
    answer = refund(service, payment, OTHER, amount=40)
    assert refused(service, answer) == (409, "payer_differs")
    assert answer.json["details"] == {"payerAgrees": False, "payer": MASKED}
    assert refused(service, refund(service, payment, OTHER, confirmDifferentPayer=False))[0] == 409
    answer = refund(service, payment, OTHER, amount=40, confirmDifferentPayer=True)
    assert (answer.status_code, answer.json["data"]["payerAgrees"]) == (200, False)
    assert service.events(payment)[-2].detail["payerAgrees"] is False
    assert_books_are_right(service)


@pytest.mark.parametrize(
    ("payer", "phone", "agrees"),
    [
        (PHONE, AGREES, True),
        (sha256(PHONE.encode()).hexdigest(), AGREES, True),
        (sha256(b"254700000000").hexdigest(), AGREES, None),
        ("2547 ***** ***", AGREES, None),
    ],
    ids=["plain", "hashed", "another hash", "no digits shown"],
)
def test_what_is_known_of_the_payer(service: Service, payer: str, phone: str, agrees: bool | None) -> None:
    answer = refund(service, paid(service, MSISDN=payer), phone, amount=40)
    assert (answer.status_code, answer.json["data"]["payerAgrees"]) == (200, agrees)


def test_a_plain_number_that_differs(service: Service) -> None:
    answer = refund(service, paid(service, MSISDN=PHONE), OTHER)
    assert refused(service, answer) == (409, "payer_differs")
    assert answer.json["details"]["payer"] == "254712***678"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"reason": None}, (400, "reason_needed")),
        ({"reason": "  "}, (400, "reason_needed")),
        ({"reason": ""}, (400, "invalid_request")),
        ({"phoneNumber": "0712"}, (400, "invalid_phone_number")),
        ({"method": "reversal"}, (400, "reversal_takes_no_phone")),
        ({"confirmDifferentPayer": "yes"}, (400, "invalid_request")),
        ({"confirmDifferentPayer": 1}, (400, "invalid_request")),
    ],
)
def test_bad_requests(service: Service, changes: dict[str, Any], expected: tuple[int, str]) -> None:
    assert refused(service, refund(service, paid(service), **changes)) == expected


def test_without_a_number_as_before(service: Service) -> None:
    payment = paid(service)
    body = {"method": "b2c", "amount": 40}
    answer = service.call("POST", f"/{payment}/refund", body, by="boss", admin=True)
    assert refused(service, answer) == (409, "no_phone")
    answer = service.refund(payment)
    assert (answer.json["data"]["method"], answer.json["data"]["phoneNumber"]) == ("reversal", None)
    assert answer.json["data"]["payerAgrees"] is None


def test_a_prompted_payment_goes_to_the_phone_that_paid(service: Service) -> None:
    checkout = service.paid()
    answer = refund(service, checkout, OTHER, confirmDifferentPayer=True)
    assert refused(service, answer) == (409, "not_the_paying_phone")
    answer = refund(service, checkout, AGREES, amount=40)
    assert (answer.status_code, answer.json["data"]["payerAgrees"]) == (200, True)
    assert service.refund(checkout, 10).json["data"]["payerAgrees"] is True


def test_a_repeated_key_pays_once(service: Service) -> None:
    payment = paid(service)
    body = {"phoneNumber": AGREES, "reason": "paid too much", "amount": 40}
    send = {"by": "boss", "admin": True, "Idempotency_Key": "k1"}
    first = service.call("POST", f"/{payment}/refund", body, **send)
    assert service.call("POST", f"/{payment}/refund", body, **send).data == first.data
    other = {**body, "phoneNumber": OTHER}
    answer = service.call("POST", f"/{payment}/refund", other, **send)
    assert answer.json["code"] == "idempotency_key_reused"
    assert len(service.refunds()) == 1


def test_only_admins(service: Service) -> None:
    payment = paid(service)
    body = {"phoneNumber": AGREES, "reason": "mine"}
    assert service.call("POST", f"/{payment}/refund", body).status_code == 403
