"""Idempotency keys of refunds."""

import pytest
from sqlalchemy import select

from mpesa_service.core import idempotency
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.models import IdempotencyKey
from tests.core.keys import KEY, Killed
from tests.support import Service


def test_refunds_have_keys_too(service: Service) -> None:
    checkout = service.paid(amount=100)
    first = service.refund(checkout, 40, **KEY)
    second = service.refund(checkout, 40, **KEY)
    third = service.refund(checkout, 30, **KEY)
    assert (first.status_code, second.status_code, third.status_code) == (200, 200, 422)
    assert second.data == first.data
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(service.refunds()) == 1


def test_a_refund_cut_off_by_a_crash_is_not_sent_again(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = service.paid(amount=100)

    class Killed(BaseException):
        pass

    def die(_payment: object) -> None:
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "b2c_payment", die)
    with pytest.raises(Killed):
        service.refund(checkout, 40, **KEY)
    monkeypatch.undo()
    assert service.refund(checkout, 40, **KEY).status_code == 409
    service.clock.advance(91)
    answer = service.refund(checkout, 40, **KEY)
    assert (answer.status_code, answer.json["data"]["status"]) == (202, "unknown")
    assert service.row(checkout).refunding_amount == 40, "what may have been paid stays reserved"
    assert service.ledger()["requests"].get("b2c", 0) == 0


def test_a_refund_paid_before_its_sender_was_killed_is_answered_as_it_stands(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = service.paid(amount=100)
    pay = service.runtime.daraja.b2c_payment
    service.simulator.post(
        "/simulator/script", {"for": "b2c", "callback": "before_answer", "outcome": "paid"}
    )

    def pay_and_die(message: object) -> None:
        pay(message)
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "b2c_payment", pay_and_die)
    with pytest.raises(Killed):
        service.refund(checkout, 40, **KEY)
    monkeypatch.undo()
    service.clock.advance(91)
    answer = service.refund(checkout, 40, **KEY)
    assert (answer.status_code, answer.json["data"]["status"]) == (200, "succeeded")
    assert len(service.ledger()["credits"]) == 1


def test_the_first_answer_of_a_refund_is_kept(service: Service) -> None:
    request = KeyedRequest.of("shop", "refund", "key-1", {})
    with service.runtime.database.begin() as session:
        idempotency.claim(session, request, "a", service.clock)
    given = []
    for body in (b"first", b"second"):
        with service.runtime.database.begin() as session:
            given.append(idempotency.complete(service.runtime, session, request, Answer(200, body)).body)
    assert given == [b"first", b"first"]


def test_a_refund_that_may_be_tried_later_frees_its_key(service: Service) -> None:
    request = KeyedRequest.of("shop", "refund", "key-1", {})
    later = Answer(503, b"later", retry_after=30)
    with service.runtime.database.begin() as session:
        idempotency.claim(session, request, "a", service.clock)
    with service.runtime.database.begin() as session:
        assert idempotency.complete(service.runtime, session, request, later) == later
    with service.runtime.database.begin() as session:
        idempotency.claim(session, request, "b", service.clock)
    with service.runtime.database.read() as session:
        assert session.scalars(select(IdempotencyKey.resource_id)).all() == ["b"]
