"""What each process keeps of the database for a few seconds: one thread loads, and the others share it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from mpesa_service.core.snapshot import Snapshot

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def test_is_fresh_for_its_seconds_after_and_before() -> None:
    snapshot = Snapshot[int](10)
    assert snapshot.held() is None
    assert not snapshot.is_fresh(NOW)
    snapshot.reload(lambda: 7, NOW)
    assert snapshot.held() == 7
    assert [snapshot.is_fresh(NOW + timedelta(seconds=age)) for age in (-11, -10, 10, 11)] == [
        False,
        True,
        True,
        False,
    ]


def test_one_thread_loads_at_a_time_and_nobody_gets_an_older_value() -> None:
    snapshot, inside, begun = Snapshot[int](10), threading.Lock(), count(1)

    def load() -> int:
        assert inside.acquire(blocking=False)
        number = next(begun)
        inside.release()
        return number

    def reload(_: int) -> bool:
        before = snapshot.held() or 0
        snapshot.reload(load, NOW)
        return (snapshot.held() or 0) > before

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(reload, range(400)))


class CountedLock:
    """A lock that says how many threads have come to it."""

    def __init__(self) -> None:
        self._lock, self.arrived = threading.Lock(), threading.Semaphore(0)

    def __enter__(self) -> None:
        self.arrived.release()
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


def test_threads_that_wait_share_the_failure_of_one_load() -> None:
    snapshot, lock, loads, loading = Snapshot[int](10), CountedLock(), count(1), threading.Event()
    snapshot._lock = lock  # type: ignore[assignment]

    def load() -> int:
        number = next(loads)
        if number == 1:  # until the two others wait, too
            loading.set()
            assert all(lock.arrived.acquire(timeout=60) for _ in range(3))
        raise LookupError(number)

    def reload() -> LookupError:
        with pytest.raises(LookupError) as caught:
            snapshot.reload(load, NOW)
        return caught.value

    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(reload)
        assert loading.wait(60)
        second, third = pool.submit(reload), pool.submit(reload)
    assert (first.result().args, second.result().args, next(loads)) == ((1,), (2,), 3)
    assert third.result() is second.result()


def test_a_failed_load_keeps_what_was_held() -> None:
    snapshot = Snapshot[int](10)
    snapshot.reload(lambda: 7, NOW)
    with pytest.raises(ZeroDivisionError):
        snapshot.reload(lambda: 1 // 0, NOW)
    assert snapshot.held() == 7
    snapshot.reload(lambda: 8, NOW)
    assert snapshot.held() == 8
