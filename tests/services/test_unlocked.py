"""STK callbacks that are applied without holding a lock, and what sends them back to locks (PostgreSQL)."""

import io
import json
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import event, text

from mpesa_service.daraja import parse_stk_callback
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.log_context import about
from mpesa_service.log_lines import LineHandler
from mpesa_service.logs import RedactingFormatter
from mpesa_service.models import Pace
from mpesa_service.models.snapshots import Snapshot, look_at_payments, shape_of, write_all
from mpesa_service.models.statements import lock_payment
from mpesa_service.models.together import row_of
from mpesa_service.services import unlocked
from mpesa_service.services.callback_desk import Arrived, write_judged
from mpesa_service.services.callback_kinds import checkout_hash_of
from mpesa_service.services.inbox import Posted, accept
from mpesa_service.services.invariants import verify
from mpesa_service.services.vault import token_hash
from tests.services.test_inbox import stk_body, verdicts
from tests.support import Service


@pytest.fixture(autouse=True)
def postgres_only(service: Service) -> None:
    if service.runtime.database.is_sqlite:
        pytest.skip("SQLite has one writer anyway, and nothing to gain")


def posted(service: Service, checkout: str, **changes: Any) -> Posted:
    body = json.dumps(stk_body(service, checkout, **changes)).encode()
    return Posted(CallbackKind.STK, token_of(service, checkout), body, {}, "127.0.0.1")


def token_of(service: Service, checkout: str) -> str:
    return service.callback_url(checkout).rpartition("/")[2]


def send(service: Service, checkout: str, **changes: Any) -> InboxVerdict:
    return accept(service.runtime, posted(service, checkout, **changes))


@contextmanager
def locks_taken(service: Service) -> Iterator[list[str]]:
    """Note the statements that lock a payment."""
    engine, found = service.runtime.database.engine, []

    def note(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "FOR UPDATE" in statement:
            found.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield found
    event.remove(engine, "before_cursor_execute", note)


@contextmanager
def between(service: Service, act: Any) -> Iterator[None]:
    """Do something after the first payment was read, and before anything is written for it."""
    engine, todo = service.runtime.database.engine, [act]

    def interfere(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("WITH records") and "changed AS" in statement and todo:
            todo.pop()()

    event.listen(engine, "before_cursor_execute", interfere)
    yield
    event.remove(engine, "before_cursor_execute", interfere)
    assert not todo, "nobody interfered"


def test_what_settles_and_what_repeats_takes_no_lock(service: Service) -> None:
    checkout = service.pending()
    with locks_taken(service) as locks:
        assert [send(service, checkout) for _ in range(3)] == ["applied", "duplicate", "duplicate"]
    assert locks == []
    assert service.payment(checkout)["status"] == "succeeded"
    assert [(e.sequence, e.cause) for e in service.events(service.row(checkout).id)][-1] == (3, "paid")
    assert list(verify(service.runtime)) == []


def test_whoever_is_overtaken_is_applied_under_locks(service: Service) -> None:
    """Another process has settled the payment meanwhile: nothing is written twice."""
    checkout = service.pending()
    rival = posted(service, checkout)
    with between(service, lambda: accept(service.runtime, rival)), locks_taken(service) as locks:
        assert send(service, checkout) == "duplicate"
    assert len(locks) == 2, "the rival's, who could not wait for the desk, and its own"
    assert sorted(verdicts(service)) == ["applied", "duplicate"]
    assert [e.cause for e in service.events(service.row(checkout).id)] == ["created", "push_accepted", "paid"]


def test_an_order_that_is_announced_meanwhile_is_counted(service: Service) -> None:
    checkout = service.pending(order="ORDER1")

    def announce() -> None:
        order = {"orderId": "ORDER1", "amount": 100}
        assert service.call("POST", "/orders", order).status_code == 201

    with between(service, announce):
        assert send(service, checkout) == "applied"
    assert service.call("GET", "/orders/ORDER1").json["data"]["receivedAmount"] == 100


def test_a_receipt_that_is_another_payments_is_disputed(service: Service) -> None:
    first, second = service.pending(), service.pending(order="ORDER2", phone="254722000002")
    send(service, first, receipt="QWE1234567")
    assert send(service, second, receipt="QWE1234567", phone=254722000002) == "disputed"
    assert service.row(second).receipt is None


def test_two_of_one_payment_that_are_judged_together_settle_it_once(service: Service) -> None:
    """Both are judged by the payment as it was read; the one that writes second is judged again."""
    checkout = service.pending()
    runtime, posts = service.runtime, [posted(service, checkout) for _ in range(2)]
    arrived = [arrival(service, post) for post in posts]
    with runtime.database.statements() as connection:
        hashes = [one.checkout_hash for one in arrived]
        reads = look_at_payments(connection, "checkout_id_hash", hashes)
        judged = [unlocked._judge(runtime, one, read) for one, read in zip(arrived, reads, strict=True)]
        assert all(one is not None and one.handled.verdict == "applied" for one in judged)
        assert write_judged(connection, judged) == {judged[0]}
    assert verdicts(service) == ["applied"]


def arrival(service: Service, post: Posted) -> Arrived:
    callback = parse_stk_callback(post.body)
    received = {
        "kind": post.kind,
        "token_hash": token_hash(post.token or ""),
        "body_encrypted": b"x",
        "headers": {},
        "received_at": service.clock(),
    }
    return Arrived(callback, checkout_hash_of(service.runtime, callback), received)


def test_lines_belong_to_the_request_that_they_are_about(service: Service) -> None:
    """Whoever serves them: here nobody's request is at hand when they are said."""
    with about(parcel="theirs"):
        arrived = arrival(service, posted(service, service.pending()))
    with service.runtime.database.statements() as connection:
        [read] = look_at_payments(connection, "checkout_id_hash", [arrived.checkout_hash])
    judged = unlocked._judge(service.runtime, arrived, read)
    assert judged is not None
    said = io.StringIO()
    handler = LineHandler(said)
    handler.setFormatter(RedactingFormatter())
    log = logging.getLogger("mpesa_service")
    log.addHandler(handler)
    try:
        judged.say()
    finally:
        log.removeHandler(handler)
    lines = [json.loads(line) for line in said.getvalue().splitlines()]
    assert [(line["message"], line["parcel"]) for line in lines] == [
        ("state change", "theirs"),
        ("callback", "theirs"),
    ]


def test_what_cannot_be_told_of_is_not_done_again(
    service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    checkout = service.pending()
    monkeypatch.setattr(unlocked, "log_callback", lambda *_: 1 / 0)
    assert send(service, checkout) == "applied"
    assert verdicts(service) == ["applied"]
    assert [line.message for line in caplog.records].count("state change") == 3
    assert "callback is written, but could not be told of" in caplog.text


def test_what_cannot_be_judged_does_not_keep_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = service.pending()
    judge = unlocked._judge_alone
    monkeypatch.setattr(unlocked, "_judge_alone", lambda *_: 1 / 0)
    assert send(service, checkout) == "applied", "it is applied under locks"
    monkeypatch.setattr(unlocked, "_judge_alone", judge)
    assert send(service, checkout) == "duplicate"


def test_repetitions_are_stored_when_the_desk_is_held_up(service: Service) -> None:
    """A connection that hangs holds up one thread, and not those that come after it."""
    checkout = service.pending()
    send(service, checkout)
    desk = service.runtime.callback_desk
    desk._busy_since = desk._monotonic() - 60
    assert send(service, checkout) == "duplicate"
    desk._busy_since = None
    assert verdicts(service) == ["applied", "duplicate"]


def test_a_lock_is_no_change_and_a_change_is_one(service: Service) -> None:
    checkout = service.pending()
    database, row = service.runtime.database, row_of(Pace, {"name": "x", "next_at": service.clock()})
    with database.statements() as connection:
        [read] = look_at_payments(connection, "id", [service.row(checkout).id])
        assert read is not None
        with database.begin() as other:
            other.execute(text("SELECT 1 FROM payments FOR UPDATE"))
        read.payment.result_desc = "first"
        shape = shape_of(read, [row])
        assert write_all(connection, shape, [(read, [row])]) == {read.payment.id}
        read.payment.result_desc = "second"
        assert write_all(connection, shape, [(read, [row])]) == set()
    assert service.row(checkout).result_desc == "first"


def read_of(service: Service, *ids: str) -> list[Snapshot]:
    """Return payments as they are now, each with something set on it."""
    with service.runtime.database.statements() as connection:
        reads = [read for read in look_at_payments(connection, "id", ids) if read is not None]
    for read in reads:
        read.payment.result_desc = "mine"
    return reads


def write(service: Service, reads: list[Snapshot]) -> set[str]:
    with service.runtime.database.statements() as connection:
        return write_all(connection, shape_of(reads[0], []), [(read, []) for read in reads])


def wait_for_one_that_waits(service: Service) -> None:
    """Return when a statement waits for a lock."""
    waits = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
    for _ in range(1_000):
        with service.runtime.database.read() as session:
            if session.scalar(waits):
                return
        threading.Event().wait(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("changed", [True, False])
def test_what_waits_for_a_lock_looks_again_when_it_has_it(service: Service, changed: bool) -> None:
    """What had the lock may have changed the payment, or not."""
    checkout = service.pending()
    payment_id = service.row(checkout).id
    reads = read_of(service, payment_id)
    with ThreadPoolExecutor(1) as pool:
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, payment_id)
            if changed:
                payment.result_desc = "theirs"
                session.flush()
            written = pool.submit(write, service, reads)
            wait_for_one_that_waits(service)
        assert written.result(10) == (set() if changed else {payment_id})
    assert service.row(checkout).result_desc == ("theirs" if changed else "mine")


def test_those_written_together_are_locked_in_the_order_of_their_ids(service: Service) -> None:
    """As an order's payments are when it is announced: else the two would wait for each other."""
    checkouts = service.pending(), service.pending(order="ORDER2", phone="254722000002")
    first, second = sorted(service.row(checkout).id for checkout in checkouts)
    reads = read_of(service, second, first)
    with ThreadPoolExecutor(1) as pool:
        with service.runtime.database.begin() as session:
            lock_payment(session, first)
            written = pool.submit(write, service, reads)
            wait_for_one_that_waits(service)
            lock_payment(session, second)
        assert written.result(10) == {first, second}


def test_what_would_keep_an_object_in_the_session_needs_locks(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would be lost there: the session that a callback is judged with is never written."""
    checkout, hear = service.pending(), unlocked.hear_stk

    def keeping(runtime: Any, session: Any, *rest: Any) -> Any:
        handled = hear(runtime, session, *rest)
        session.add(Pace(name="kept", next_at=service.clock()))
        return handled

    monkeypatch.setattr(unlocked, "hear_stk", keeping)
    with locks_taken(service) as locks:
        assert send(service, checkout) == "applied"
    assert len(locks) == 1
