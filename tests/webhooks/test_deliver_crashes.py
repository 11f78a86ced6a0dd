"""Deliveries with many workers, with workers that are killed, and with workers that stop."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

from mpesa_service.models import OutgoingEvent, WebhookEndpoint
from mpesa_service.webhooks import claim as delivery_claims
from mpesa_service.webhooks import deliver as delivery
from mpesa_service.webhooks import endpoints
from mpesa_service.webhooks.claim import LANES, Capacity, claim
from tests.support import Service
from tests.support.receivers import ReceivedRequest, Reply, answering, receiver
from tests.webhooks.support import add, deliver, publish_events, row_of, rows, send_bundles, take


class TestManyWorkers:
    def test_two_at_once_never_send_one_attempt_twice(self, service: Service, payment: str) -> None:
        with receiver() as shop, receiver(answering(500)) as sometimes_failing:
            good, bad = add(service, shop.url), add(service, sometimes_failing.url)
            publish_events(service, payment, 30)
            with ThreadPoolExecutor(4) as pool:
                futures = [pool.submit(deliver, service) for _ in range(4)]
                counts = [future.result(60) for future in futures]
        assert sum(counts) == 60
        for endpoint, found in ((good, shop), (bad, sometimes_failing)):
            assert Counter(Counter(got.id for got in found.got).values()) == {1: 30}
            assert {row.attempts for row in rows(service, endpoint)} == {1}

    def test_the_lanes_hold_for_all_workers_together(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        publish_events(service, payment, 30)
        with ThreadPoolExecutor(8) as pool:
            taken = [pool.submit(take, service, Capacity(32, 16)) for _ in range(8)]
            assert sum(len(future.result(30)) for future in taken) == LANES


class TestCrashes:
    def test_killed_between_the_post_and_the_record(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: Any) -> None:
            raise OperationalError("killed", None, Exception())

        with receiver() as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment)
            with monkeypatch.context() as patch:
                patch.setattr(delivery, "record", killed)
                assert deliver(service) == 0
            assert deliver(service) == 0, "leased"
            service.clock.advance(89)
            assert deliver(service) == 0, "still leased"
            service.clock.advance(1)
            assert deliver(service) == 1
        assert len(shop.got) == 2
        assert len({(got.id, got.body) for got in shop.got}) == 1
        assert (row_of(service, endpoint).status, row_of(service, endpoint).attempts) == ("delivered", 1)

    def test_what_keeps_crashing_is_parked_and_holds_nobody_up(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            broken, fine = add(service, shop.url), add(service, shop.url)
            with service.runtime.database.begin() as session:
                session.execute(
                    update(WebhookEndpoint)
                    .where(WebhookEndpoint.id == broken.id)
                    .values(secret_encrypted=b"rubbish")
                )
            publish_events(service, payment)
            for _ in range(6):
                deliver(service)
                service.clock.advance(90)
        assert row_of(service, fine).status == "delivered"
        row = row_of(service, broken)
        assert (row.status, row.attempts, row.last_error) == ("parked", 0, delivery_claims.CRASHES)
        endpoints.disable_endpoint(service.runtime, "boss", broken.id)
        endpoints.change_endpoint(service.runtime, "boss", broken.id, endpoints.EndpointChange(enabled=True))
        assert row_of(service, broken).status == "parked", "only a resend takes it up"

    def test_an_attempt_that_outlived_its_lease(self, service: Service, payment: str) -> None:
        with receiver(answering(500)) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment)
            first = take(service, Capacity(1, 1))
            service.clock.advance(90)
            second = take(service, Capacity(1, 1))
            assert (len(first), len(second)) == (1, 1)
            send_bundles(service, first)
            assert row_of(service, endpoint).attempts == 0, "the second one decides"
            shop.reply = answering(200)
            send_bundles(service, first)
            assert row_of(service, endpoint).status == "delivered", "but received is received"
            shop.reply = answering(500)
            send_bundles(service, second)
        row = row_of(service, endpoint)
        assert (row.status, row.attempts, row.last_status) == ("delivered", 1, 200)

    def test_no_connection_is_held_during_the_post(self, service: Service, payment: str) -> None:
        held: list[int] = []

        def look(_got: ReceivedRequest) -> Reply:
            held.append(service.runtime.database.engine.pool.checkedout())  # type: ignore[attr-defined]
            return 200, {}, b""

        with receiver(look) as shop:
            add(service, shop.url)
            publish_events(service, payment)
            deliver(service)
        assert held == [0]

    def test_the_database_goes_away_while_something_is_under_way(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = threading.Event()
        monkeypatch.setattr(delivery, "claim", _failing_after(1, gone))

        def wait(_got: ReceivedRequest) -> Reply:
            assert gone.wait(20)
            return 200, {}, b""

        with receiver(wait) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment)
            assert deliver(service) == 1
        assert row_of(service, endpoint).status == "delivered"
        with pytest.raises(OperationalError):
            deliver(service)


def _failing_after(count: int, gone: threading.Event) -> Callable[..., list[delivery.Bundle]]:
    calls: Iterator[int] = iter(range(count))

    def maybe(*arguments: Any) -> list[delivery.Bundle]:
        if next(calls, None) is None:
            gone.set()
            raise OperationalError("gone", None, Exception())
        return claim(*arguments)

    return maybe


class TestStopping:
    def test_a_stopped_round_claims_nothing(self, service: Service, payment: str) -> None:
        stop = threading.Event()
        stop.set()
        with receiver() as shop:
            add(service, shop.url)
            publish_events(service, payment)
            assert deliver(service, stop=stop) == 0
            assert deliver(service, seconds=0) == 0
            assert deliver(service, stop=threading.Event()) == 1
        assert len(shop.got) == 1

    def test_an_idle_look_writes_nothing(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def never() -> None:
            raise AssertionError

        monkeypatch.setattr(service.runtime.database, "begin", never)
        assert deliver(service) == 0


def test_events_of_a_payment_are_claimed_in_their_order(service: Service, payment: str) -> None:
    add(service, "http://127.0.0.1:9/hooks")
    publish_events(service, payment, 6)
    bundles = take(service, Capacity(32, 16))
    with service.runtime.database.read() as session:
        order = session.scalars(select(OutgoingEvent.event_id).order_by(OutgoingEvent.sequence)).all()
    lanes = [[parcel.event_id for parcel in bundle.parcels] for bundle in bundles]
    assert lanes == [order[lane::LANES] for lane in range(LANES)]


def test_the_claim_uses_its_index(service: Service, payment: str) -> None:
    """A long backlog of one endpoint must not be scanned four times a second."""
    if not service.runtime.database.is_sqlite:
        pytest.skip("the planner of PostgreSQL looks at sizes")
    values = {"of_endpoint": "x", "now": service.clock(), "most": 4}
    with service.runtime.database.read() as session:
        connection, explained = session.connection(), []

        @event.listens_for(connection, "before_cursor_execute", retval=True)
        def explain(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> tuple[str, Any]:
            explained.append(statement)
            return f"EXPLAIN QUERY PLAN {statement}", parameters

        plan = " ".join(str(line) for line in connection.execute(delivery_claims.FIND_DUE, values).cursor)
    assert len(explained) == 1
    assert "ix_webhook_deliveries_due" in plan
    assert "TEMP B-TREE" not in plan
