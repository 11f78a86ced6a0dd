"""A slow or broken receiver delays no other receiver."""

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.models import WebhookEndpoint
from mpesa_service.webhooks import claim as delivery_claims
from mpesa_service.webhooks import deliver as delivery
from mpesa_service.webhooks.claim import LANES, Capacity
from mpesa_service.webhooks.posting import Poster
from tests.support import Service
from tests.support.receivers import ReceivedRequest, Reply, raw_receiver, receiver
from tests.webhooks.support import add, deliver, publish_events, row_of, take
from tests.webhooks.test_outbox import deliveries


class TestNobodyWaits:
    def test_a_hanging_receiver_delays_no_other(self, service: Service, payment: str) -> None:
        release = threading.Event()

        def hang(_got: ReceivedRequest) -> Reply:
            assert release.wait(30)
            return 200, {}, b""

        with receiver(hang) as slow, receiver() as quick, ThreadPoolExecutor(1) as background:
            add(service, slow.url)
            add(service, quick.url)
            publish_events(service, payment, 20)
            delivering = background.submit(deliver, service)
            try:
                quick.wait_for(20)
                slow.wait_for(1)
                publish_events(service, payment, 1)  # while the others hang
                quick.wait_for(21)
                assert len(slow.got) == LANES
                assert not delivering.done()
            finally:
                release.set()
            assert delivering.result(30) == 42
        assert Counter(row.status for row in deliveries(service)) == {"delivered": 42}

    def test_a_round_that_waits_for_one_is_relieved_by_the_next(self, service: Service, payment: str) -> None:
        """Both rounds began at once. If both claimed from the start, both would wait now."""
        release, claim_lock = threading.Event(), threading.Lock()

        def hang(_got: ReceivedRequest) -> Reply:
            assert release.wait(30)
            return 200, {}, b""

        @contextmanager
        def before_an_event() -> Iterator[None]:
            with claim_lock:
                yield
                publish_events(service, payment)

        with receiver(hang) as slow, receiver() as quick, ThreadPoolExecutor(2) as pool:
            add(service, slow.url)
            add(service, quick.url)
            publish_events(service, payment)
            rounds = [pool.submit(deliver, service, seconds=0.5, claim_lock=before_an_event())]
            try:
                slow.wait_for(1)
                quick.wait_for(1)
                rounds.append(pool.submit(deliver, service, seconds=30, claim_lock=claim_lock))
                quick.wait_for(2)
                assert not rounds[0].done()
            finally:
                release.set()
            assert sum(one.result(30) for one in rounds) == 4

    def test_a_job_ends_when_its_worker_does(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            add(service, shop.url)
            publish_events(service, payment)
            delivery.stopping.set()
            try:
                assert delivery.deliver(service.runtime) == 0
            finally:
                delivery.stopping.clear()
            assert delivery.deliver(service.runtime) == 1
        assert len(shop.got) == 1

    def test_many_dead_receivers_leave_threads_for_the_others(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "THREADS", 4)
        monkeypatch.setattr(delivery, "STRUGGLING_THREADS", 2)
        release = threading.Event()

        def hang(_got: ReceivedRequest) -> Reply:
            assert release.wait(30)
            return 500, {}, b""

        with receiver(hang) as dead, receiver() as quick, ThreadPoolExecutor(1) as background:
            for _ in range(6):
                add(service, dead.url)
            with service.runtime.database.begin() as session:
                session.execute(update(WebhookEndpoint).values(struggling=True))
            add(service, quick.url)
            publish_events(service, payment, 3)
            delivering = background.submit(deliver, service)
            try:
                quick.wait_for(3)
                dead.wait_for(2)
                publish_events(service, payment)
                quick.wait_for(4)
                assert len(dead.got) == 2
            finally:
                release.set()
            delivering.result(30)

    def test_a_struggling_receiver_has_one_lane(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        publish_events(service, payment, 10)
        with service.runtime.database.begin() as session:
            session.execute(update(WebhookEndpoint).values(struggling=True))
        assert len(take(service, Capacity(32, 16))) == 1
        assert take(service, Capacity(32, 16)) == []
        assert take(service, Capacity(32, 0)) == []
        assert take(service, Capacity(0, 0)) == []

    def test_endpoints_alternate(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery_claims, "FIRST_BUNDLE", 1)
        ids = [add(service, "http://127.0.0.1:9/hooks").id for _ in range(3)]
        publish_events(service, payment, 4)
        order = []
        for _ in range(6):
            service.clock.advance(1)
            [bundle] = take(service, Capacity(1, 1))
            order.append(bundle.endpoint_id)
        assert order == ids * 2

    @pytest.mark.parametrize("drip", ["silence", "headers", "status"])
    def test_slow_loris(self, service: Service, payment: str, drip: str) -> None:
        done = threading.Event()

        def script(connection: Any) -> None:
            connection.recv(65_536)
            if drip != "silence":
                connection.sendall(b"HTTP/1.1 200 OK\r\n" if drip == "headers" else b"H")
            while not done.wait(0.02):
                if drip == "headers":
                    connection.sendall(b"X")

        with raw_receiver(script) as address:
            endpoint = add(service, f"http://{address}/")
            publish_events(service, payment)
            poster = Poster(service.runtime.settings.webhook_networks, seconds=0.3)
            deliver(service, poster=poster)
            done.set()
        assert row_of(service, endpoint).last_error == "No answer within 0.3 seconds."
        assert row_of(service, endpoint).status == "waiting"
