"""One key, one payment, one answer."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from mpesa_service.core import idempotency
from mpesa_service.core.idempotency import KeyedRequest
from mpesa_service.errors import LimitExceeded, TryLater
from mpesa_service.models import IdempotencyKey
from tests.core.keys import KEY, Killed
from tests.support import Service, start_service


def test_the_same_request_gets_the_same_bytes(service: Service) -> None:
    first = service.initiate(**KEY)
    second = service.initiate(phone="0712 345 678", **KEY)
    assert (first.status_code, second.status_code) == (201, 201)
    assert second.data == first.data
    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(service.ledger()["prompts"]) == 1


def test_a_quoted_key_is_the_same_key(service: Service) -> None:
    service.initiate(**KEY)
    assert service.initiate(Idempotency_Key='"key-1"').headers["Idempotent-Replayed"] == "true"


def test_another_body_under_the_key_is_refused(service: Service) -> None:
    service.initiate(amount=100, **KEY)
    answer = service.initiate(amount=101, **KEY)
    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_reused")
    assert len(service.payments()) == 1


def test_a_key_belongs_to_its_caller_and_operation(service: Service) -> None:
    first = service.initiate(**KEY)
    other = service.initiate(order="ORDER2", phone="0722000001", by="other", **KEY)
    assert other.status_code == 201
    assert other.json["data"]["payment"]["_id"] != first.json["data"]["payment"]["_id"]


def test_a_refused_push_is_replayed_too(service: Service) -> None:
    service.simulator.post("/simulator/options", {"passkey": "another"})
    first = service.initiate(**KEY)
    service.simulator.post("/simulator/reset", {"timers": "manual", "auto": "hold"})
    second = service.initiate(**KEY)
    assert (first.status_code, second.status_code) == (502, 502)
    assert second.data == first.data
    assert service.ledger()["prompts"] == []


def test_a_key_whose_request_was_refused_before_anything_was_written_stays_free(service: Service) -> None:
    service.pending(order="ORDER1")
    assert service.initiate(order="ORDER1", phone="0722000001", **KEY).status_code == 409
    assert service.initiate(order="ORDER2", phone="0722000001", **KEY).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "has space", "tab\there", "é"])
def test_an_unusable_key_is_refused(service: Service, key: str) -> None:
    answer = service.initiate(Idempotency_Key=key)
    assert (answer.status_code, answer.json["code"]) == (400, "invalid_idempotency_key")
    assert service.payments() == []


def _forget_the_answer(service: Service) -> None:
    """Leave the database as a `kill -9` between the two transactions does."""
    with service.runtime.database.begin() as session:
        session.execute(update(IdempotencyKey).values(answer_status=None, answer_body=None))


def test_a_key_in_use_says_so_until_its_owner_must_be_dead(service: Service) -> None:
    first = service.initiate(**KEY)
    _forget_the_answer(service)
    busy = service.initiate(**KEY)
    assert (busy.status_code, busy.json["code"]) == (409, "idempotency_key_in_use")
    assert busy.headers["Retry-After"] == "1"

    service.clock.advance(91)
    answered = service.initiate(**KEY)
    assert answered.status_code == 201
    assert answered.json["data"]["payment"]["_id"] == first.json["data"]["payment"]["_id"]
    assert len(service.ledger()["prompts"]) == 1, "the push is never sent again"
    assert service.initiate(**KEY).data == answered.data


def test_after_a_crash_before_the_push_was_accounted_for_the_payment_is_unknown(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def die(_push: object) -> None:
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "stk_push", die)
    with pytest.raises(Killed):
        service.initiate(**KEY)
    monkeypatch.undo()
    service.clock.advance(91)
    answer = service.initiate(**KEY)
    assert answer.status_code == 202
    assert answer.json["data"]["payment"]["status"] == "unknown"
    assert service.ledger()["prompts"] == []
    assert [payment.status for payment in service.payments()] == ["unknown"]


def test_a_key_is_new_again_after_72_hours(service: Service) -> None:
    service.initiate(order="ORDER1", **KEY)
    service.clock.advance(timedelta(hours=72).total_seconds())
    answer = service.initiate(order="ORDER2", amount=7, phone="0722000001", **KEY)
    assert answer.status_code == 201
    with service.runtime.database.read() as session:
        assert len(session.scalars(select(IdempotencyKey)).all()) == 1


def test_an_owner_that_was_only_slow_gives_the_answer_that_was_given_meanwhile(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = []
    push = service.runtime.daraja.stk_push

    def slow(message: object) -> object:
        monkeypatch.undo()
        service.clock.advance(91)
        meanwhile.append(service.initiate(**KEY))
        return push(message)

    monkeypatch.setattr(service.runtime.daraja, "stk_push", slow)
    answer = service.initiate(**KEY)
    assert meanwhile[0].status_code == 202
    assert answer.data == meanwhile[0].data
    assert answer.headers["Idempotent-Replayed"] == "true"
    [payment] = service.payments()
    assert payment.checkout_id_hash is not None, "the record knows better than the answer"


def test_a_key_taken_just_before_the_claim_is_answered_with_its_answer(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile = []

    def another_is_faster(_phone: str) -> None:
        monkeypatch.undo()
        meanwhile.append(service.initiate(**KEY))

    monkeypatch.setattr(service.runtime.prompt_limit, "check", another_is_faster)
    answer = service.initiate(**KEY)
    assert meanwhile[0].status_code == 201
    assert (answer.status_code, answer.data) == (201, meanwhile[0].data)
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert len(service.payments()) == 1


def test_a_key_is_answered_when_the_number_has_had_its_prompts(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = service.initiate(**KEY)

    def exceeded(_phone: str) -> None:
        raise LimitExceeded

    monkeypatch.setattr(service.runtime.prompt_limit, "check", exceeded)
    assert service.initiate(**KEY).data == first.data
    assert service.initiate().status_code == 429


def test_a_payment_paid_before_its_sender_was_killed_is_answered_as_it_stands(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    push = service.runtime.daraja.stk_push
    service.simulator.post(
        "/simulator/script", {"for": "stk_push", "callback": "before_answer", "outcome": "paid"}
    )

    def push_and_die(message: object) -> None:
        push(message)
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "stk_push", push_and_die)
    with pytest.raises(Killed):
        service.initiate(**KEY)
    monkeypatch.undo()
    service.clock.advance(91)
    answer = service.initiate(**KEY)
    assert answer.status_code == 201
    assert answer.json["data"]["payment"]["status"] == "succeeded"


def test_try_later_gives_the_key_back(service: Service) -> None:
    """A client that waits and sends the request again gets a new attempt, not the same answer."""
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "spike_arrest", "times": 9})
    first = service.initiate(**KEY)
    assert (first.status_code, first.json["code"]) == (503, "provider_busy")
    assert int(first.headers["Retry-After"]) > 0
    service.simulator.post("/simulator/reset", {"timers": "manual", "auto": "hold", "seed": 1})
    second = service.initiate(**KEY)
    assert second.status_code == 201
    assert service.initiate(**KEY).data == second.data
    assert sorted(payment.status for payment in service.payments()) == ["failed", "pending"]


def test_prompts_that_were_never_sent_are_not_counted(
    service_env: dict[str, str], listening, simulator, clock, sqlite_url: str
) -> None:
    env = {**service_env, "DATABASE_URL": sqlite_url, "RATELIMIT_ENABLED": "true"}
    service = start_service(listening, simulator, clock, {**env, "RATELIMIT_PROMPTS": "1 per hour"})
    service.simulator.post("/simulator/options", {"passkey": "another"})
    assert [service.initiate(order=f"ORDER{n}").status_code for n in range(3)] == [502] * 3
    service.simulator.post("/simulator/reset", {"timers": "manual", "auto": "hold", "seed": 1})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    answer = service.initiate()
    assert (answer.status_code, answer.json["code"]) == (429, "prompt_limit")
    assert int(answer.headers["Retry-After"]) > 0
    service.runtime.database.dispose()


def test_a_key_is_claimed_once_until_it_is_too_old(service: Service) -> None:
    request = KeyedRequest.of("shop", "refund", "key-1", {})
    database, clock = service.runtime.database, service.clock
    with database.begin() as session:
        idempotency.claim(session, request, "a", clock)
    with pytest.raises(TryLater), database.begin() as session:
        idempotency.claim(session, request, "b", clock)
    clock.advance(idempotency.KEPT_FOR.total_seconds() + 1)
    with database.begin() as session:
        idempotency.claim(session, request, "c", clock)
    with database.read() as session:
        assert session.scalars(select(IdempotencyKey.resource_id)).all() == ["c"]


def test_without_a_key_nothing_is_forgotten(service: Service) -> None:
    with service.runtime.database.begin() as session:
        assert not idempotency.forget_expired(session, None, service.clock())
