"""How many statements the hot paths need, exactly: unlike timings, that does not depend on the machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
from sqlalchemy import event

from tests.callbacks.test_receive import stk_body
from tests.support import Service


@dataclass
class Counted:
    """What was executed: the verbs of the statements, and how many transactions were committed."""

    statements: list[str] = field(default_factory=list)
    commits: int = 0

    @property
    def verbs(self) -> list[str]:
        return [statement.split()[0] for statement in self.statements]


@contextmanager
def counted(service: Service) -> Iterator[Counted]:
    """Count what the service does to its database in the block."""
    engine, found = service.runtime.database.engine, Counted()

    def execute(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):
            found.statements.append(statement)

    def commit(_connection: Any) -> None:
        found.commits += 1

    event.listen(engine, "before_cursor_execute", execute)
    event.listen(engine, "commit", commit)
    yield found
    event.remove(engine, "before_cursor_execute", execute)
    event.remove(engine, "commit", commit)


@pytest.fixture
def waiting(service: Service) -> tuple[str, str, dict[str, Any]]:
    """A payment whose prompt waits: its id, its callback address, and the callback that will come."""
    service.paid("WARM-UP", phone="254711111111")
    checkout = service.pending()
    body = stk_body(service, checkout, receipt="QWE1234567")
    return service.row(checkout).id, service.callback_url(checkout), body


def is_postgres(service: Service) -> bool:
    return not service.runtime.database.is_sqlite


def test_a_callback_that_settles_a_payment(service: Service, waiting: Any) -> None:
    payment_id, url, body = waiting
    with counted(service) as found:
        assert requests.post(url, json=body, timeout=5).status_code == 200
    assert service.payment(payment_id)["status"] == "succeeded"
    if is_postgres(service):  # read with its announced order; then all that follows, if it is still as read
        assert (found.verbs, found.commits) == (["SELECT", "WITH"], 0), "each commits by itself"
    else:  # locked; trail, event, deliveries; its announced order looked for; then the move and the inbox
        verbs = ["SELECT", "INSERT", "INSERT", "INSERT", "SELECT", "UPDATE", "INSERT"]
        assert (found.verbs, found.commits) == (verbs, 1)


def test_a_duplicate_callback(service: Service, waiting: Any) -> None:
    _, url, body = waiting
    requests.post(url, json=body, timeout=5)
    with counted(service) as found:
        assert requests.post(url, json=body, timeout=5).status_code == 200
    assert service.inbox()[-1].verdict == "duplicate"
    assert found.verbs == ["SELECT", "WITH" if is_postgres(service) else "INSERT"]
    assert found.commits == (0 if is_postgres(service) else 1)


def test_initiate_with_a_key(service: Service, waiting: Any) -> None:
    with counted(service) as found:
        answer = service.initiate("ORDER2", phone="254722222222", Idempotency_Key="key-1")
    assert answer.status_code == 201
    # No announced order, the key taken, payment and trail. The move, trail, and the answer.
    if is_postgres(service):  # statements that are transactions by themselves
        assert (found.verbs, found.commits) == (["WITH", "WITH"], 0)
    else:
        intent, conclusion = ["SELECT", "INSERT", "INSERT", "INSERT"], ["UPDATE", "INSERT", "UPDATE"]
        assert (found.verbs, found.commits) == ([*intent, *conclusion], 2)


def test_a_status_read(service: Service, waiting: Any) -> None:
    payment_id, url, body = waiting
    requests.post(url, json=body, timeout=5)
    with counted(service) as found:
        assert service.call("GET", f"/query/{payment_id}").json["data"]["status"] == "succeeded"
    assert found.verbs == ["SELECT"]
