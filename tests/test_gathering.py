"""Threads that want the same kind of thing at the same moment are served together."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mpesa_service.gathering import Gathering, Unserved

PATIENCE = 10.0


class Counter:
    """Serves by doubling, and can be made to wait, or to fail, at the first time."""

    def __init__(self) -> None:
        self.served: list[list[int]] = []
        self.began = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()
        self.fault: Exception | None = None
        self.hold_next = False

    def __call__(self, wishes: Sequence[int]) -> Sequence[int]:
        self.served.append(sorted(wishes))
        self.began.set()
        assert self.may_end.wait(PATIENCE)
        if self.hold_next:
            self.hold_next = False
            self.may_end.clear()
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        return [2 * wish for wish in wishes]


def wait_for(gathering: "Gathering[int, int]", count: int) -> None:
    """Return when so many threads wait."""
    ready = threading.Event()
    for _ in range(1_000):
        if len(gathering._waiting) == count:
            return
        ready.wait(0.01)
    raise AssertionError(f"{len(gathering._waiting)} wait instead of {count}")


@pytest.fixture
def counter() -> Counter:
    return Counter()


def test_one_that_comes_alone_serves_itself(counter: Counter) -> None:
    gathering = Gathering(counter)
    assert [gathering(n) for n in (1, 2)] == [2, 4]
    assert counter.served == [[1], [2]]


def test_those_who_come_meanwhile_are_served_together(counter: Counter) -> None:
    gathering, counter_may_end = Gathering(counter, patience=PATIENCE), counter.may_end
    counter_may_end.clear()
    with ThreadPoolExecutor(6) as pool:
        first = pool.submit(gathering, 1)
        assert counter.began.wait(PATIENCE)
        others = {n: pool.submit(gathering, n) for n in (2, 3, 4, 5)}
        wait_for(gathering, 4)
        counter_may_end.set()
        assert first.result(PATIENCE) == 2
        assert {n: future.result(PATIENCE) for n, future in others.items()} == {2: 4, 3: 6, 4: 8, 5: 10}
    assert counter.served == [[1], [2, 3, 4, 5]]


def test_a_fault_is_raised_where_it_happened_and_those_who_wait_are_served(counter: Counter) -> None:
    gathering = Gathering(counter, patience=PATIENCE)
    counter.may_end.clear()
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering, 1)
        assert counter.began.wait(PATIENCE)
        others: list[Future[int]] = [pool.submit(gathering, n) for n in (2, 3)]
        wait_for(gathering, 2)
        counter.fault = ZeroDivisionError("a fault of the first")
        counter.may_end.set()
        with pytest.raises(ZeroDivisionError):
            first.result(PATIENCE)
        assert [other.result(PATIENCE) for other in others] == [4, 6]


def test_a_fault_in_serving_many_leaves_all_but_the_server_unserved(counter: Counter) -> None:
    class Failing(Counter):
        def __call__(self, wishes: Sequence[int]) -> Sequence[int]:
            if len(wishes) > 1:
                raise ZeroDivisionError
            return super().__call__(wishes)

    failing = Failing()
    failing.may_end.clear()
    gathering = Gathering(failing, patience=PATIENCE)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(gathering, 1)
        assert failing.began.wait(PATIENCE)
        others = [pool.submit(gathering, n) for n in (2, 3, 4)]
        wait_for(gathering, 3)
        failing.may_end.set()
        assert first.result(PATIENCE) == 2
        raised = sorted(type(other.exception(PATIENCE)).__name__ for other in others)
    assert raised == ["Unserved", "Unserved", "ZeroDivisionError"]
    assert gathering(5) == 10


def test_nobody_waits_for_a_server_that_hangs(counter: Counter) -> None:
    gathering = Gathering(counter, patience=0.05)
    counter.may_end.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathering, 1)
        assert counter.began.wait(PATIENCE)
        with pytest.raises(Unserved):
            pool.submit(gathering, 2).result(PATIENCE)
        counter.may_end.set()
        assert first.result(PATIENCE) == 2
    assert gathering(3) == 6
    assert counter.served == [[1], [3]], "the one who went on is not served behind his back"


def test_whoever_comes_when_it_has_hung_for_long_does_not_even_wait(counter: Counter) -> None:
    now = [0.0]
    gathering = Gathering(counter, patience=PATIENCE, monotonic=lambda: now[0])
    counter.may_end.clear()
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(gathering, 1)
        assert counter.began.wait(PATIENCE)
        now[0] = 2 * PATIENCE
        with pytest.raises(Unserved):
            gathering(2)
        counter.may_end.set()
        assert first.result(PATIENCE) == 2
    assert gathering(3) == 6


def test_many_threads_get_each_its_own(counter: Counter) -> None:
    gathering = Gathering(counter, patience=PATIENCE)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(gathering, range(2_000))) == [2 * n for n in range(2_000)]
    assert sorted(n for served in counter.served for n in served) == list(range(2_000))


def test_whoever_is_taken_up_waits_for_the_outcome(counter: Counter) -> None:
    """It would be done twice if it went on by itself."""
    gathering = Gathering(counter, patience=0.2)
    counter.may_end.clear()
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(gathering, 1)
        assert counter.began.wait(PATIENCE)
        others = [pool.submit(gathering, n) for n in (2, 3)]
        wait_for(gathering, 2)
        counter.began.clear()
        counter.hold_next = True
        counter.may_end.set()
        assert first.result(PATIENCE) == 2
        assert counter.began.wait(PATIENCE)
        threading.Event().wait(0.5)  # longer than its patience
        counter.may_end.set()
        assert [other.result(PATIENCE) for other in others] == [4, 6]
