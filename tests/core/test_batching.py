"""Requests that arrive at the same moment are served in one batch."""

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from mpesa_service.core.batching import LIMIT, Batching, MaybeServed, NotServed

PATIENCE = 10.0


class Doubling:
    """Serves by doubling. It can be made to wait, or to fail once."""

    def __init__(self) -> None:
        self.served: list[list[int]] = []
        self.began = threading.Semaphore(0)
        self.may_end = threading.Event()
        self.may_end.set()
        self.fault: Exception | None = None

    def __call__(self, requests: Sequence[int]) -> Sequence[int]:
        self.served.append(sorted(requests))
        may_end = self.may_end
        self.began.release()
        assert may_end.wait(PATIENCE)
        if self.fault is not None:
            fault, self.fault = self.fault, None
            raise fault
        return [2 * request for request in requests]

    def hold(self) -> threading.Event:
        """Block the next batch until the returned event is set."""
        self.may_end = threading.Event()
        return self.may_end


def wait_for(batching: "Batching[int, int]", count: int) -> None:
    """Return when so many requests wait behind the leader."""
    pause = threading.Event()
    for _ in range(1_000):
        if len(batching._queue) == count:
            return
        pause.wait(0.01)
    raise AssertionError(f"{len(batching._queue)} wait instead of {count}")


@pytest.fixture
def doubling() -> Doubling:
    return Doubling()


@pytest.fixture
def pool(doubling: Doubling) -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(100) as executor:
        yield executor
        doubling.may_end.set()  # a test that failed must not keep its threads


def behind_one(
    batching: "Batching[int, int]", doubling: Doubling, pool: ThreadPoolExecutor, requests: Sequence[int]
) -> tuple["Future[int]", list["Future[int]"], Callable[[], None]]:
    """Send request 0, which is blocked, and then `requests`, in order. The last result unblocks request 0."""
    go_on = doubling.hold()
    first = pool.submit(batching, 0)
    assert doubling.began.acquire(timeout=PATIENCE)
    others = []
    for request in requests:
        others.append(pool.submit(batching, request))
        wait_for(batching, len(others))
    return first, others, go_on.set


def test_a_request_that_comes_alone_serves_itself(doubling: Doubling) -> None:
    batching = Batching(doubling)
    assert [batching(n) for n in (1, 2)] == [2, 4]
    assert doubling.served == [[1], [2]]


def test_requests_that_come_meanwhile_are_one_batch(doubling: Doubling, pool: ThreadPoolExecutor) -> None:
    batching = Batching(doubling, patience=PATIENCE)
    first, others, go_on = behind_one(batching, doubling, pool, (2, 3, 4, 5))
    go_on()
    assert first.result(PATIENCE) == 0
    assert [other.result(PATIENCE) for other in others] == [4, 6, 8, 10]
    assert doubling.served == [[0], [2, 3, 4, 5]]


def test_a_batch_has_a_limit(doubling: Doubling, pool: ThreadPoolExecutor) -> None:
    batching = Batching(doubling, patience=PATIENCE)
    requests = range(1, LIMIT + 3)
    _, others, go_on = behind_one(batching, doubling, pool, requests)
    go_on()
    assert [other.result(PATIENCE) for other in others] == [2 * request for request in requests]
    assert sorted(map(len, doubling.served)) == [1, 2, LIMIT]


def test_an_error_is_raised_in_the_leader_and_the_queue_goes_on(
    doubling: Doubling, pool: ThreadPoolExecutor
) -> None:
    batching = Batching(doubling, patience=PATIENCE)
    doubling.fault = ZeroDivisionError("a fault of the first")
    first, others, go_on = behind_one(batching, doubling, pool, (2, 3))
    go_on()
    with pytest.raises(ZeroDivisionError):
        first.result(PATIENCE)
    assert [other.result(PATIENCE) for other in others] == [4, 6]


def test_after_an_error_in_a_batch_the_others_do_not_know_whether_they_were_served(
    doubling: Doubling, pool: ThreadPoolExecutor
) -> None:
    batching = Batching(doubling, patience=PATIENCE)
    first, others, go_on = behind_one(batching, doubling, pool, (2, 3, 4))
    failing = doubling.hold()
    go_on()
    assert first.result(PATIENCE) == 0
    assert doubling.began.acquire(timeout=PATIENCE)
    doubling.fault = ZeroDivisionError()
    failing.set()
    raised = sorted(type(other.exception(PATIENCE)).__name__ for other in others)
    assert raised == ["MaybeServed", "MaybeServed", "ZeroDivisionError"]
    assert batching(5) == 10


def test_too_few_results_are_an_error_and_nobody_gets_anothers(pool: ThreadPoolExecutor) -> None:
    batching: Batching[int, int] = Batching(lambda requests: [0] * (len(requests) - 1))
    with pytest.raises(ValueError, match="zip"):
        batching(1)


def test_a_request_does_not_wait_long_for_a_leader_that_hangs(
    doubling: Doubling, pool: ThreadPoolExecutor
) -> None:
    batching = Batching(doubling, patience=0.05)
    go_on = doubling.hold()
    first = pool.submit(batching, 1)
    assert doubling.began.acquire(timeout=PATIENCE)
    with pytest.raises(NotServed):
        batching(2)
    go_on.set()
    assert first.result(PATIENCE) == 2
    assert batching(3) == 6
    assert doubling.served == [[1], [3]], "a request that went on alone is not served as well"


def test_a_request_that_comes_when_the_leader_has_hung_for_long_does_not_wait(
    doubling: Doubling, pool: ThreadPoolExecutor
) -> None:
    now = [0.0]
    batching = Batching(doubling, patience=PATIENCE, monotonic=lambda: now[0])
    go_on = doubling.hold()
    first = pool.submit(batching, 1)
    assert doubling.began.acquire(timeout=PATIENCE)
    now[0] = 2 * PATIENCE
    with pytest.raises(NotServed):
        batching(2)
    go_on.set()
    assert first.result(PATIENCE) == 2
    assert batching(3) == 6


def test_a_request_that_is_part_of_a_batch_waits_for_its_result(
    doubling: Doubling, pool: ThreadPoolExecutor
) -> None:
    """The request would be served twice if its thread continued alone."""
    batching = Batching(doubling, patience=0.1)
    first, others, go_on = behind_one(batching, doubling, pool, (2, 3))
    second = doubling.hold()
    go_on()
    assert first.result(PATIENCE) == 0
    assert doubling.began.acquire(timeout=PATIENCE)
    threading.Event().wait(0.3)  # longer than its patience
    assert not any(other.done() for other in others)
    second.set()
    assert [other.result(PATIENCE) for other in others] == [4, 6]
    assert doubling.served == [[0], [2, 3]]


def test_the_wait_is_limited(doubling: Doubling, pool: ThreadPoolExecutor) -> None:
    batching = Batching(doubling, patience=0.1, serving=0.1)
    first, others, go_on = behind_one(batching, doubling, pool, (2, 3))
    second = doubling.hold()
    go_on()
    assert first.result(PATIENCE) == 0
    assert doubling.began.acquire(timeout=PATIENCE)
    leading, waiting = others
    with pytest.raises(MaybeServed):
        waiting.result(PATIENCE)
    second.set()
    assert leading.result(PATIENCE) == 4


def test_many_threads_get_each_its_own_result(doubling: Doubling) -> None:
    batching = Batching(doubling, patience=PATIENCE)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(batching, range(2_000))) == [2 * n for n in range(2_000)]
    assert sorted(n for served in doubling.served for n in served) == list(range(2_000))
