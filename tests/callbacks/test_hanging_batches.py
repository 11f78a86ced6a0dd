"""A callback whose batch hangs is applied again; the batch commits later. It is still stored once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from mpesa_service.callbacks import handlers
from mpesa_service.callbacks import receive as inbox
from mpesa_service.callbacks.receive import receive
from mpesa_service.core.apply import NotCommitted
from mpesa_service.core.batching import MaybeServed
from mpesa_service.core.inbox import CallbackOutcome, Posted
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from tests.core.test_apply_batched import add_prompted, callback, moves
from tests.support import Service
from tests.support.rows import dump

PATIENCE = 10.0


@pytest.fixture(autouse=True)
def payments(service: Service) -> None:
    add_prompted(service, 4)


class HangingBatch:
    """A leader of a batch that hangs: it serves the first request when it is released, in its own thread."""

    def __init__(self, serve: Callable[[Any], Any], pool: ThreadPoolExecutor) -> None:
        self._serve, self._pool = serve, pool
        self._leader: Future[Any] | None = None

    def __call__(self, request: Any) -> Any:
        if self._leader is not None:
            return self._serve([request])[0]
        self._released = threading.Event()
        self._leader = self._pool.submit(self._lead, request)
        raise MaybeServed

    def _lead(self, request: Any) -> Any:
        assert self._released.wait(PATIENCE)
        return self._serve([request])

    def finish(self) -> None:
        assert self._leader is not None
        self._released.set()
        self._leader.result(PATIENCE)


@pytest.fixture
def hanging(service: Service, monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingBatch]:
    with ThreadPoolExecutor(1) as pool:
        batch = HangingBatch(service.runtime.apply_callback._serve, pool)
        monkeypatch.setattr(service.runtime.apply_callback, "_batching", batch)
        yield batch


def finish_after_the_look(monkeypatch: pytest.MonkeyPatch, hanging: HangingBatch) -> None:
    """Let the batch commit right after the next look for the stored row, which finds none."""
    real = inbox._stored_verdict

    def look(*arguments: Any) -> Any:
        monkeypatch.setattr(inbox, "_stored_verdict", real)
        found = real(*arguments)
        hanging.finish()
        return found

    monkeypatch.setattr(inbox, "_stored_verdict", look)


def stored(service: Service) -> list[str]:
    return [row["verdict"] for row in dump(service.runtime.database)["callback_inbox"]]


@pytest.mark.parametrize(
    ("posted", "verdict"),
    [
        (callback("p1"), "applied"),
        (callback("p1", 1032), "applied"),
        (callback("p9"), "unmatched"),
    ],
    ids=["paid", "canceled", "unmatched"],
)
def test_the_batch_commits_after_the_look(
    service: Service, monkeypatch: pytest.MonkeyPatch, hanging: HangingBatch, posted: Posted, verdict: str
) -> None:
    finish_after_the_look(monkeypatch, hanging)
    assert receive(service.runtime, posted) == verdict
    assert stored(service) == [verdict]
    assert moves(service)["p1"] == (verdict == "applied")


def test_the_batch_commits_after_the_callback_was_applied_alone(
    service: Service, hanging: HangingBatch
) -> None:
    """The batch decides "duplicate" then, and stores nothing."""
    assert receive(service.runtime, callback("p1")) == "applied"
    with pytest.raises(NotCommitted):  # nobody waits for its result
        hanging.finish()
    assert stored(service) == ["applied"]
    assert moves(service)["p1"] == 1


def test_the_batch_commits_before_the_callback_is_stored_as_failed(
    service: Service, monkeypatch: pytest.MonkeyPatch, hanging: HangingBatch
) -> None:
    real = handlers.apply_report

    def fail_alone(*arguments: Any) -> Any:
        return real(*arguments) if threading.current_thread() is not threading.main_thread() else 1 / 0

    monkeypatch.setattr(handlers, "apply_report", fail_alone)
    real_store = inbox._store

    def store(*arguments: Any) -> Any:
        hanging.finish()
        return real_store(*arguments)

    monkeypatch.setattr(inbox, "_store", store)
    assert receive(service.runtime, callback("p1")) == "applied"
    assert stored(service) == ["applied"]


def test_copies_of_one_callback_are_stored_each(service: Service, hanging: HangingBatch) -> None:
    assert receive(service.runtime, callback("p1")) == "applied"
    assert receive(service.runtime, callback("p1")) == "duplicate"
    assert stored(service) == ["applied", "duplicate"]


def test_a_command_callback_is_stored_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its transaction may commit although its connection breaks, after the look."""
    posted = Posted(CallbackKind.COMMAND_RESULT, "nobody", b"{}", {}, None)
    received = inbox._received(service.runtime, posted)
    monkeypatch.setattr(inbox, "_received", lambda *_: received)
    assert [receive(service.runtime, posted) for _ in range(2)] == ["unmatched"] * 2
    assert stored(service) == ["unmatched"]


def test_another_broken_rule_is_raised(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-Pesa gets the error, because nothing is stored."""
    outcome = CallbackOutcome(InboxVerdict.FAILED, "a fault of ours", refund_id="nobody's")
    monkeypatch.setattr(handlers, "apply_report", lambda *_: 1 / 0)
    monkeypatch.setattr(inbox, "_failed", lambda _: outcome)
    with pytest.raises(IntegrityError):
        receive(service.runtime, callback("p1"))
    assert stored(service) == []
