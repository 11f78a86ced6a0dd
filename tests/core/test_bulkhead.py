"""A slow Daraja blocks some of the threads, never all."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from mpesa_service.core.bulkhead import Bulkhead
from mpesa_service.errors import Unavailable
from tests.support import Listening, Service, TestClock, start_service


@pytest.mark.parametrize(("threads", "places"), [(1, 1), (2, 1), (4, 3), (16, 12), (64, 48)])
def test_a_quarter_of_the_threads_is_kept_free(threads: int, places: int) -> None:
    bulkhead = Bulkhead(threads)
    with ExitStack() as held:
        for _ in range(places):
            held.enter_context(bulkhead.place())
        with bulkhead.try_place() as free:
            assert not free
        with pytest.raises(Unavailable) as refused, bulkhead.place():
            raise AssertionError("there was no place")
        assert (refused.value.code, refused.value.retry_after) == ("upstream_busy", 2)
    with bulkhead.try_place() as free:
        assert free


@pytest.fixture
def narrow(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], database_url: str
) -> Iterator[Service]:
    started = start_service(
        listening, simulator, clock, {**service_env, "DATABASE_URL": database_url, "WEB_THREADS": "1"}
    )
    yield started
    started.runtime.database.dispose()


def test_without_a_free_place_the_caller_must_retry_and_nothing_is_done(narrow: Service) -> None:
    checkout = narrow.paid()
    with narrow.runtime.bulkhead.place():
        started = narrow.initiate("ORDER2", phone="254722222222", Idempotency_Key="key-1")
        refunded = narrow.refund(checkout)
    for answer in (started, refunded):
        assert (answer.status_code, answer.json["code"]) == (503, "upstream_busy")
        assert answer.headers["Retry-After"] == "2"
    assert len(narrow.payments()) == 1
    assert narrow.ledger()["requests"]["stk_push"] == 1
    assert narrow.initiate("ORDER2", phone="254722222222", Idempotency_Key="key-1").status_code == 201


def test_a_reader_who_finds_no_place_gets_the_record_as_it_is(narrow: Service) -> None:
    narrow.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost", "outcome": "paid"})
    checkout = narrow.pending()
    narrow.clock.advance(60)
    with narrow.runtime.bulkhead.place():
        assert narrow.payment(checkout)["status"] == "pending"
    assert narrow.ledger()["requests"].get("stk_query", 0) == 0
    assert narrow.payment(checkout)["status"] in {"pending", "succeeded"}
    assert narrow.ledger()["requests"]["stk_query"] == 1
