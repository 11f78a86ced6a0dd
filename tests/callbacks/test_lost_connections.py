"""A callback whose connection breaks after the commit is stored once, and its verdict is that of its row."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from mpesa_service.callbacks import handlers
from mpesa_service.callbacks import receive as inbox
from mpesa_service.callbacks.receive import apply_failed_again, receive
from mpesa_service.core import apply
from tests.core.test_apply_batched import add_prompted, callback, moves, together
from tests.support import Service
from tests.support.plans import lose
from tests.support.rows import dump


@pytest.fixture(autouse=True)
def payments(service: Service) -> None:
    add_prompted(service, 4)


def losing(real: Callable[..., Any], losses: list[int]) -> Callable[..., Any]:
    """Return `real`, after which the connection breaks as often as `losses` is long."""

    def write_and_lose(connection: Any, *arguments: Any) -> Any:
        written = real(connection, *arguments)
        if losses:
            losses.pop()
            lose(connection)
            connection.rows("SELECT 1", ())
        return written

    return write_and_lose


@pytest.mark.parametrize("losses", [1, inbox.TRIES_AT_ONCE])
def test_it_is_stored_once(service: Service, monkeypatch: pytest.MonkeyPatch, losses: int) -> None:
    monkeypatch.setattr(apply, "commit", losing(apply.commit, [1] * losses))
    assert receive(service.runtime, callback("p1")) == "applied"
    rows = dump(service.runtime.database)
    assert [row["verdict"] for row in rows["callback_inbox"]] == ["applied"]
    assert moves(service)["p1"] == 1


def test_a_copy_is_another_callback(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It arrives at the same moment, with the same body."""
    assert receive(service.runtime, callback("p1")) == "applied"
    monkeypatch.setattr(apply, "commit", losing(apply.commit, [1]))
    assert receive(service.runtime, callback("p1")) == "duplicate"
    assert len(dump(service.runtime.database)["callback_inbox"]) == 2


def test_at_the_last_try_it_is_not_stored_as_failed_as_well(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, tries = handlers.apply_report, []

    def fail_at_first(*arguments: Any) -> Any:
        tries.append(1)
        if len(tries) < inbox.TRIES_AT_ONCE:
            raise OperationalError("SELECT", {}, Exception("deadlock detected"))
        return real(*arguments)

    monkeypatch.setattr(handlers, "apply_report", fail_at_first)
    monkeypatch.setattr(apply, "commit", losing(apply.commit, [1]))
    assert receive(service.runtime, callback("p1")) == "applied"
    assert len(dump(service.runtime.database)["callback_inbox"]) == 1


def test_those_of_a_batch_are_stored_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "commit_many", losing(apply.commit_many, [1]))
    calls = [callback("p1"), callback("p2", 1032), callback("p3")]
    assert together(service, calls) == ["applied"] * 3
    rows = dump(service.runtime.database)["callback_inbox"]
    assert [row["verdict"] for row in rows] == ["applied"] * 4
    assert set(moves(service).values()) == {1}


def test_a_stored_callback_is_applied_once(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(handlers, "apply_report", lambda *_: 1 / 0)
        assert receive(service.runtime, callback("p1")) == "failed"
    monkeypatch.setattr(apply, "commit", losing(apply.commit, [1]))
    apply_failed_again(service.runtime)
    rows = dump(service.runtime.database)["callback_inbox"]
    assert [(row["verdict"], row["attempts"]) for row in rows] == [("applied", 2)]
    assert moves(service)["p1"] == 1
