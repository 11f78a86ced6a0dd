"""One token bucket limits all processes together."""

import threading
from datetime import timedelta

from mpesa_service.core import token_bucket
from tests.support import Service


def take(service: Service, **how: int) -> bool:
    with service.runtime.database.begin() as session:
        return token_bucket.take(session, "asks", how.get("per_minute", 5), service.clock())


def test_turns_are_evenly_spaced(service: Service) -> None:
    assert take(service)
    assert not take(service)
    service.clock.advance(11.9)
    assert not take(service)
    service.clock.advance(0.1)
    assert take(service)
    assert not take(service)


def test_a_rest_saves_up_no_more_than_the_burst(service: Service) -> None:
    take(service, per_minute=30)
    service.clock.advance(3600)
    assert [take(service, per_minute=30) for _ in range(5)] == [True, True, True, False, False]


def test_many_are_taken_as_one_after_the_other_would_be(service: Service) -> None:
    now = service.clock()
    assert token_bucket.free(now - timedelta(hours=1), 30, now) == 3
    assert token_bucket.free(now, 30, now) == 3
    left = [token_bucket.free(token_bucket.after(now, 30, now, taken), 30, now) for taken in (1, 2, 3)]
    assert left == [2, 1, 0]
    assert token_bucket.free(now + timedelta(seconds=0.1), 30, now) == 2
    assert token_bucket.free(now + timedelta(hours=1), 30, now) == 0, "a rest that Daraja asked for"
    assert token_bucket.after(now - timedelta(hours=1), 30, now, 3) == now + timedelta(seconds=6)


def test_each_name_has_its_own(service: Service) -> None:
    assert take(service)
    with service.runtime.database.begin() as session:
        assert token_bucket.take(session, "others", 5, service.clock())


def test_a_turn_not_committed_is_not_taken(service: Service) -> None:
    with service.runtime.database.begin() as session:
        assert token_bucket.take(session, "asks", 5, service.clock())
        session.rollback()
    assert take(service)


def test_many_at_once_get_one_turn(service: Service) -> None:
    got: list[bool] = []
    threads = [threading.Thread(target=lambda: got.append(take(service))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 1


def test_asking_daraja_keeps_to_the_pace(service: Service) -> None:
    from mpesa_service.payments.reconcile import ask_due

    object.__setattr__(service.runtime.settings, "mpesa_queries_per_minute", 5)
    for number in range(4):
        service.pending(order=f"ORDER{number}", phone=f"25472200000{number}")
    service.clock.advance(31)
    asked = 0
    for _ in range(3):
        asked += ask_due(service.runtime)
        service.clock.now += timedelta(seconds=12)
    assert asked == 3
    assert service.ledger()["requests"]["stk_query"] == 3
