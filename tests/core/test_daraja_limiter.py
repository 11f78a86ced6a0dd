"""One rate limiter limits all processes together."""

import threading
from datetime import timedelta

from mpesa_service.core import daraja_limiter
from tests.support import Service


def acquire(service: Service, **how: int) -> bool:
    with service.runtime.database.begin() as session:
        return daraja_limiter.acquire(session, "queries", how.get("per_minute", 5), service.clock())


def test_tokens_are_evenly_spaced(service: Service) -> None:
    assert acquire(service)
    assert not acquire(service)
    service.clock.advance(11.9)
    assert not acquire(service)
    service.clock.advance(0.1)
    assert acquire(service)
    assert not acquire(service)


def test_a_pause_saves_up_no_more_than_the_burst(service: Service) -> None:
    acquire(service, per_minute=30)
    service.clock.advance(3600)
    assert [acquire(service, per_minute=30) for _ in range(5)] == [True, True, True, False, False]


def test_many_are_acquired_as_one_after_the_other_would_be(service: Service) -> None:
    now = service.clock()
    assert daraja_limiter.available(now - timedelta(hours=1), 30, now) == 3
    assert daraja_limiter.available(now, 30, now) == 3
    then = [daraja_limiter.after_acquiring(now, 30, now, used) for used in (1, 2, 3)]
    assert [daraja_limiter.available(next_at, 30, now) for next_at in then] == [2, 1, 0]
    assert daraja_limiter.available(now + timedelta(seconds=0.1), 30, now) == 2
    assert daraja_limiter.available(now + timedelta(hours=1), 30, now) == 0, "a pause that Daraja requested"
    assert daraja_limiter.after_acquiring(now - timedelta(hours=1), 30, now, 3) == now + timedelta(seconds=6)


def test_each_name_has_its_own(service: Service) -> None:
    assert acquire(service)
    with service.runtime.database.begin() as session:
        assert daraja_limiter.acquire(session, "others", 5, service.clock())


def test_a_token_not_committed_is_not_used(service: Service) -> None:
    with service.runtime.database.begin() as session:
        assert daraja_limiter.acquire(session, "queries", 5, service.clock())
        session.rollback()
    assert acquire(service)


def test_many_at_once_get_one_token(service: Service) -> None:
    got: list[bool] = []
    threads = [threading.Thread(target=lambda: got.append(acquire(service))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(got) == 1


def test_queries_of_daraja_keep_to_the_rate_limit(service: Service) -> None:
    from mpesa_service.payments.reconcile import check_due

    object.__setattr__(service.runtime.settings, "mpesa_queries_per_minute", 5)
    for number in range(4):
        service.pending(order=f"ORDER{number}", phone=f"25472200000{number}")
    service.clock.advance(31)
    queried = 0
    for _ in range(3):
        queried += check_due(service.runtime)
        service.clock.now += timedelta(seconds=12)
    assert queried == 3
    assert service.ledger()["requests"]["stk_query"] == 3
