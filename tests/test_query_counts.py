"""Budgets of round trips to the database on the hot paths: unlike timings, they do not depend on the machine.

They are counted where they leave the process, whichever layer sends a statement. BEGIN and COMMIT
count as well.
"""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from psycopg import pq
from sqlalchemy import event

from tests.callbacks.support import stk_body
from tests.support import Service

_ROUND_TRIP = re.compile(r"^F\t\d+\t(?:Query|Sync)\b", re.MULTILINE)
"""Where PostgreSQL is waited for, in libpq's trace of a connection: the end of a statement."""


@contextmanager
def counted(service: Service) -> Iterator[list[str]]:
    """Give what the service sends to its database in the block: a text for each round trip."""
    database, found = service.runtime.database, list[str]()
    watch = watching_sqlite if database.is_sqlite else watching_postgres
    with watch(database.engine, found):
        yield found


@contextmanager
def watching_sqlite(engine: Any, found: list[str]) -> Iterator[None]:
    def note(statement: str) -> None:
        if not statement.startswith("--"):  # of a trigger
            found.append(statement)

    def checkout(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(note)

    def checkin(connection: Any, *_: Any) -> None:
        connection.set_trace_callback(None)

    with listening(engine, checkout, checkin):
        yield


@contextmanager
def watching_postgres(engine: Any, found: list[str]) -> Iterator[None]:
    with tempfile.TemporaryFile() as file:

        def checkout(connection: Any, *_: Any) -> None:
            connection.pgconn.trace(file.fileno())
            connection.pgconn.set_trace_flags(pq.Trace.SUPPRESS_TIMESTAMPS)

        def checkin(connection: Any, *_: Any) -> None:
            connection.pgconn.untrace()

        with listening(engine, checkout, checkin):
            yield
        file.seek(0)
        text = file.read().decode()
    found += _ROUND_TRIP.split(text)[:-1]


@contextmanager
def listening(engine: Any, checkout: Any, checkin: Any) -> Iterator[None]:
    event.listen(engine, "checkout", checkout)
    event.listen(engine, "checkin", checkin)
    yield
    event.remove(engine, "checkout", checkout)
    event.remove(engine, "checkin", checkin)


@pytest.fixture
def waiting(service: Service) -> tuple[str, str, dict[str, Any]]:
    """A payment whose prompt waits: its id, its callback address, and the callback that will come."""
    service.paid("WARM-UP", phone="254711111111")
    checkout = service.pending()
    body = stk_body(service, checkout, receipt="QWE1234567")
    return service.row(checkout).id, service.callback_url(checkout), body


def check(service: Service, found: list[str], *, postgres: int, sqlite: int) -> None:
    budget = sqlite if service.runtime.database.is_sqlite else postgres
    assert 1 <= len(found) <= budget, "\n\n".join(found)


def test_a_callback_that_settles_a_payment(service: Service, waiting: Any) -> None:
    payment_id, url, body = waiting
    with counted(service) as found:
        assert requests.post(url, json=body, timeout=5).status_code == 200
    assert service.payment(payment_id)["status"] == "succeeded"
    check(service, found, postgres=2, sqlite=9)


def test_a_duplicate_callback(service: Service, waiting: Any) -> None:
    _, url, body = waiting
    requests.post(url, json=body, timeout=5)
    with counted(service) as found:
        assert requests.post(url, json=body, timeout=5).status_code == 200
    assert service.inbox()[-1].verdict == "duplicate"
    check(service, found, postgres=2, sqlite=5)


def test_initiate_with_a_key(service: Service, waiting: Any) -> None:
    with counted(service) as found:
        answer = service.initiate("ORDER2", phone="254722222222", Idempotency_Key="key-1")
    assert answer.status_code == 201
    check(service, found, postgres=2, sqlite=10)


def test_a_status_read(service: Service, waiting: Any) -> None:
    payment_id, url, body = waiting
    requests.post(url, json=body, timeout=5)
    with counted(service) as found:
        assert service.call("GET", f"/query/{payment_id}").json["data"]["status"] == "succeeded"
    check(service, found, postgres=1, sqlite=3)
