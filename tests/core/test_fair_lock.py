"""A lock that threads get in the order of arrival."""

import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from mpesa_service.core import drivers
from mpesa_service.core.drivers import FairLock, LockTimeout

PATIENCE = 10.0


def wait_for(lock: FairLock, count: int) -> None:
    """Return when so many threads wait for the lock."""
    pause = threading.Event()
    for _ in range(1_000):
        if len(lock._waiting) == count:
            return
        pause.wait(0.01)
    raise AssertionError(f"{len(lock._waiting)} wait instead of {count}")


def test_the_first_to_come_is_the_first_served() -> None:
    lock, served = FairLock(), []

    def use(number: int) -> None:
        with lock.hold(PATIENCE):
            served.append(number)

    with ThreadPoolExecutor(10) as pool, lock.hold(PATIENCE):
        for number in range(10):
            pool.submit(use, number)
            wait_for(lock, number + 1)
    assert served == list(range(10))


def test_one_thread_at_a_time_holds_it() -> None:
    lock, inside, most = FairLock(), [], []

    def use(number: int) -> None:
        with lock.hold(PATIENCE):
            inside.append(number)
            most.append(len(inside))
            threading.Event().wait(0.0001)
            inside.remove(number)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(use, range(500)))
    assert most == [1] * 500


def test_a_block_that_raises_releases_it() -> None:
    lock = FairLock()
    with pytest.raises(ZeroDivisionError), lock.hold(PATIENCE):
        raise ZeroDivisionError
    with lock.hold(0):
        pass


def test_a_thread_that_waited_too_long_leaves_the_queue() -> None:
    lock, served = FairLock(), []

    def use(timeout: float, number: int) -> None:
        with lock.hold(timeout):
            served.append(number)

    with ThreadPoolExecutor(2) as pool:
        with lock.hold(PATIENCE):
            impatient = pool.submit(use, 0.02, 1)
            with pytest.raises(LockTimeout):
                impatient.result(PATIENCE)
            patient = pool.submit(use, PATIENCE, 2)
            wait_for(lock, 1)
        patient.result(PATIENCE)
    assert served == [2]
    with lock.hold(0):
        pass


def test_a_lock_that_is_handed_over_at_the_end_of_the_wait_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    """The wait has timed out, but before the thread leaves the queue the lock is its own."""
    lock = FairLock()
    first = lock.hold(PATIENCE)

    class LateEvent(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            first.__exit__(None, None, None)
            return False

    first.__enter__()
    monkeypatch.setattr(drivers, "threading", SimpleNamespace(Event=LateEvent))
    with lock.hold(PATIENCE):
        monkeypatch.undo()
        assert is_held(lock)
    assert not is_held(lock)


def is_held(lock: FairLock) -> Any:
    try:
        with lock.hold(0):
            return False
    except LockTimeout:
        return True
