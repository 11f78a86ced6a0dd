"""Receivers get each event at least once, with the same bytes, and no receiver waits for another."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError
from standardwebhooks import Webhook

from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.plans import Event
from mpesa_service.models import OutgoingEvent, WebhookDelivery, WebhookEndpoint
from mpesa_service.models.statements import lock_payment
from mpesa_service.webhooks import claim as delivery_claims
from mpesa_service.webhooks import deliver as delivery
from mpesa_service.webhooks import endpoints
from mpesa_service.webhooks.claim import LANES, MAX_CLAIMS, Room, Sizes, claim
from mpesa_service.webhooks.deliver import deliver_due
from mpesa_service.webhooks.outbox import publish
from mpesa_service.webhooks.posting import Poster
from tests.support import Service
from tests.support.receivers import Got, Reply, answering, raw_receiver, receiver
from tests.webhooks.test_outbox import deliveries, outgoing

DELAYS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


def middle() -> float:
    return 0.5


def add(service: Service, url: str, *types: EventType) -> endpoints.EndpointRecord:
    service.clock.advance(0.001)
    return endpoints.add_endpoint(service.runtime, "boss", url, types)


def deliver(service: Service, **more: Any) -> int:
    return deliver_due(service.runtime, chance=middle, **more)


def take(service: Service, room: Room) -> list[delivery.Bundle]:
    return claim(service.runtime, room, Sizes())


def tell(service: Service, payment_id: str, count: int = 1) -> None:
    """Write events of a payment, as its transitions do."""
    for _ in range(count):
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, payment_id)
            payment.outgoing_count += 1
            number, at = payment.outgoing_count, service.clock()
            publish(session, Event(EventType.PAYMENT_SUCCEEDED, payment.id, number, {}, at, payment.id))


def rows(service: Service, endpoint: endpoints.EndpointRecord) -> list[WebhookDelivery]:
    return [row for row in deliveries(service) if row.endpoint_id == endpoint.id]


def row_of(service: Service, endpoint: endpoints.EndpointRecord) -> WebhookDelivery:
    [row] = rows(service, endpoint)
    return row


class TestDelivered:
    def test_a_paid_order(self, service: Service) -> None:
        service.clock.now = datetime.now(UTC)  # the reference library looks at the real time
        with receiver() as shop:
            endpoint = add(service, shop.url)
            service.paid()
            assert deliver(service) == 1
            assert deliver(service) == 0
        [got] = shop.got
        [event] = outgoing(service)
        assert got.body == event.payload
        assert (got.path, got.id) == ("/hooks", event.event_id)
        assert got.headers["content-type"] == "application/json"
        assert got.headers["webhook-timestamp"] == str(int(service.clock().timestamp()))
        assert got.headers["host"] == f"127.0.0.1:{shop.port}"
        assert Webhook(str(endpoint.secret)).verify(got.body, got.headers)["type"] == "payment.succeeded"
        row = row_of(service, endpoint)
        assert (row.status, row.attempts, row.last_status) == ("delivered", 1, 204)
        assert row.delivered_at == row.last_attempt_at == service.clock()
        assert row.lease_until is None

    def test_only_2xx_is_received(self, service: Service, payment: str) -> None:
        statuses = [200, 201, 202, 204, 299, 300, 304, 400, 401, 404, 422, 500, 502, 504]
        replies = iter(statuses)
        with receiver(lambda _got: (next(replies), {}, b"")) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, len(statuses))
            while len(shop.got) < len(statuses):
                service.clock.advance(0.1)
                _send(service, take(service, Room(1, 1)))
        found = {row.last_status: row.status for row in rows(service, endpoint)}
        assert found == {code: "delivered" if code < 300 else "waiting" for code in statuses}

    def test_what_the_receiver_says_is_kept_without_what_is_secret(
        self, service: Service, payment: str
    ) -> None:
        body = b"No\x00 254712345678 Bearer abc.def \xff" + b"x" * 100_000
        with receiver(answering(500, body)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
            deliver(service)
        shown = str(row_of(service, endpoint).last_body)
        assert len(shown) == 500
        assert shown.startswith("No  25471***78 Bearer *** \N{REPLACEMENT CHARACTER}xxx")


def _send(service: Service, bundles: list[delivery.Bundle]) -> None:
    poster = Poster(service.runtime.settings.webhook_networks)
    for bundle in bundles:
        sent = delivery.send(service.runtime, poster, bundle)
        delivery.record(service.runtime, bundle.endpoint_id, [sent], middle)


class TestRetries:
    def test_ten_attempts_of_the_same_bytes_on_schedule_then_failed(
        self, service: Service, payment: str
    ) -> None:
        with receiver(answering(500)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
            for seconds in DELAYS:
                assert deliver(service) == 1
                assert row_of(service, endpoint).due_at == service.clock() + timedelta(seconds=seconds)
                service.clock.advance(seconds - 1)
                assert deliver(service) == 0, "not yet"
                service.clock.advance(1)
            assert deliver(service) == 1
            service.clock.advance(10 * 86_400)
            assert deliver(service) == 0
        assert len(shop.got) == 10
        assert len({(got.id, got.body) for got in shop.got}) == 1
        assert len({got.headers["webhook-timestamp"] for got in shop.got}) == 10
        row = row_of(service, endpoint)
        assert (row.status, row.attempts, row.last_status) == ("failed", 10, 500)

    @pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.5), (0.999999, 5.5)])
    def test_retries_are_spread(self, service: Service, payment: str, chance: float, seconds: float) -> None:
        with receiver(answering(500)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
            deliver_due(service.runtime, chance=lambda: chance)
        wait = row_of(service, endpoint).due_at - service.clock()
        assert wait.total_seconds() == pytest.approx(seconds, abs=0.001)

    def test_a_third_of_errors_costs_no_event(self, service: Service, payment: str) -> None:
        seen: Counter[str] = Counter()

        def reply(got: Got) -> Reply:
            seen[got.id] += 1
            unlucky = sum(got.id.encode()) % 10 < 3 and seen[got.id] < 3
            return (500 if unlucky else 200, {}, b"")

        with receiver(reply) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 60)
            for _ in range(12):
                deliver(service)
                service.clock.advance(400)
        assert {row.status for row in rows(service, endpoint)} == {"delivered"}
        accepted = {got.id for got in shop.got}
        assert len(accepted) == 60
        assert max(seen.values()) == 3

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_redirects_are_not_followed(self, service: Service, payment: str, status: int) -> None:
        with receiver() as trap, receiver(answering(status, Location=trap.url)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
            deliver(service)
        assert (len(shop.got), trap.got) == (1, [])
        assert (row_of(service, endpoint).status, row_of(service, endpoint).last_status) == (
            "waiting",
            status,
        )

    @pytest.mark.parametrize(
        ("status", "header", "seconds"),
        [
            (429, "120", 120),
            (503, "120", 120),
            (503, "1", 5),
            (429, "999999999", 86_400),
            (429, "Sun, 22 Nov 2026 10:00:00 GMT", 3_600),
            (429, "soon", 5),
            (500, "120", 5),
        ],
    )
    def test_retry_after(
        self, service: Service, payment: str, status: int, header: str, seconds: int
    ) -> None:
        with receiver(answering(status, Retry_After=header)) as shop:
            endpoint = add(service, shop.url)
            service.clock.now = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
            tell(service, payment)
            deliver(service)
        assert row_of(service, endpoint).due_at == service.clock() + timedelta(seconds=seconds)

    def test_nobody_listens(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            endpoint = add(service, shop.url)
        tell(service, payment)
        deliver(service)
        row = row_of(service, endpoint)
        assert (row.last_status, row.last_error) == (None, "No answer: the connection was refused.")


class TestGone:
    def test_410_disables_and_sets_aside(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop, receiver() as other:
            gone = add(service, shop.url)
            kept = add(service, other.url)
            tell(service, payment, 1)
            service.clock.advance(1)
            tell(service, payment, 9)
            _send(service, take(service, Room(1, 1)))
            deliver(service)
            deliver(service)
        assert len(shop.got) <= LANES
        found = endpoints.get_endpoint(service.runtime, gone.id)
        assert (found.enabled, found.disabled_reason) == (False, "The receiver answered 410 Gone.")
        assert {row.status for row in rows(service, gone)} == {"parked"}
        reasons = {row.last_error for row in rows(service, gone)}
        assert reasons == {"Set aside: The receiver answered 410 Gone."}
        assert {row.status for row in rows(service, kept)} == {"delivered"}
        tell(service, payment)
        assert len(rows(service, gone)) == 10, "nothing new for it"

    def test_enabled_again_it_gets_what_was_set_aside(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 3)
            deliver(service)
            shop.reply = answering(200)
            endpoints.change_endpoint(
                service.runtime, "boss", endpoint.id, endpoints.EndpointChange(enabled=True)
            )
            deliver(service)
        assert [row.status for row in rows(service, endpoint)] == ["delivered"] * 3


class TestNobodyWaits:
    def test_a_hanging_receiver_delays_no_other(self, service: Service, payment: str) -> None:
        release = threading.Event()

        def hang(_got: Got) -> Reply:
            assert release.wait(30)
            return 200, {}, b""

        with receiver(hang) as slow, receiver() as quick, ThreadPoolExecutor(1) as background:
            add(service, slow.url)
            add(service, quick.url)
            tell(service, payment, 20)
            delivering = background.submit(deliver, service)
            try:
                quick.wait_for(20)
                slow.wait_for(1)
                tell(service, payment, 1)  # while the others hang
                quick.wait_for(21)
                assert len(slow.got) == LANES
                assert not delivering.done()
            finally:
                release.set()
            assert delivering.result(30) == 42
        assert Counter(row.status for row in deliveries(service)) == {"delivered": 42}

    def test_a_round_that_waits_for_one_is_relieved_by_the_next(self, service: Service, payment: str) -> None:
        """Both rounds began at once. If both claimed from the start, both would wait now."""
        release, turn = threading.Event(), threading.Lock()

        def hang(_got: Got) -> Reply:
            assert release.wait(30)
            return 200, {}, b""

        @contextmanager
        def before_an_event() -> Iterator[None]:
            with turn:
                yield
                tell(service, payment)

        with receiver(hang) as slow, receiver() as quick, ThreadPoolExecutor(2) as pool:
            add(service, slow.url)
            add(service, quick.url)
            tell(service, payment)
            rounds = [pool.submit(deliver, service, seconds=0.5, turn=before_an_event())]
            try:
                slow.wait_for(1)
                quick.wait_for(1)
                rounds.append(pool.submit(deliver, service, seconds=30, turn=turn))
                quick.wait_for(2)
                assert not rounds[0].done()
            finally:
                release.set()
            assert sum(one.result(30) for one in rounds) == 4

    def test_a_job_ends_its_turn_when_its_worker_does(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            add(service, shop.url)
            tell(service, payment)
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

        def hang(_got: Got) -> Reply:
            assert release.wait(30)
            return 500, {}, b""

        with receiver(hang) as dead, receiver() as quick, ThreadPoolExecutor(1) as background:
            for _ in range(6):
                add(service, dead.url)
            with service.runtime.database.begin() as session:
                session.execute(update(WebhookEndpoint).values(struggling=True))
            add(service, quick.url)
            tell(service, payment, 3)
            delivering = background.submit(deliver, service)
            try:
                quick.wait_for(3)
                dead.wait_for(2)
                tell(service, payment)
                quick.wait_for(4)
                assert len(dead.got) == 2
            finally:
                release.set()
            delivering.result(30)

    def test_a_struggling_receiver_has_one_lane(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        tell(service, payment, 10)
        with service.runtime.database.begin() as session:
            session.execute(update(WebhookEndpoint).values(struggling=True))
        assert len(take(service, Room(32, 16))) == 1
        assert take(service, Room(32, 16)) == []
        assert take(service, Room(32, 0)) == []
        assert take(service, Room(0, 0)) == []

    def test_endpoints_take_turns(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery_claims, "FIRST_BUNDLE", 1)
        ids = [add(service, "http://127.0.0.1:9/hooks").id for _ in range(3)]
        tell(service, payment, 4)
        turns = []
        for _ in range(6):
            service.clock.advance(1)
            [bundle] = take(service, Room(1, 1))
            turns.append(bundle.endpoint_id)
        assert turns == ids * 2

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
            tell(service, payment)
            poster = Poster(service.runtime.settings.webhook_networks, seconds=0.3)
            deliver(service, poster=poster)
            done.set()
        assert row_of(service, endpoint).last_error == "No answer within 0.3 seconds."
        assert row_of(service, endpoint).status == "waiting"


class TestForbiddenAddresses:
    @pytest.fixture
    def service_env(self, service_env: dict[str, str]) -> dict[str, str]:
        return {**service_env, "WEBHOOK_ALLOWED_NETWORKS": "10.9.8.0/24"}

    @pytest.mark.parametrize("host", ["127.0.0.1", "2130706433", "0x7f.1", "0177.1", "localhost", "127.1"])
    def test_an_address_that_was_fine_once_is_checked_at_every_attempt(
        self, service: Service, payment: str, host: str
    ) -> None:
        with receiver() as here:
            endpoint = add(service, "https://8.8.8.8/hooks")
            with service.runtime.database.begin() as session:
                session.execute(update(WebhookEndpoint).values(url=f"http://{host}:{here.port}/"))
            tell(service, payment)
            assert deliver(service) == 1
        assert here.got == []
        row = row_of(service, endpoint)
        assert row.last_error == "The address is in a private or special network that is not allowed."
        assert (row.status, row.attempts, row.last_status) == ("waiting", 1, None)


class TestManyWorkers:
    def test_two_at_once_never_send_one_attempt_twice(self, service: Service, payment: str) -> None:
        with receiver() as shop, receiver(answering(500)) as moody:
            good, bad = add(service, shop.url), add(service, moody.url)
            tell(service, payment, 30)
            with ThreadPoolExecutor(4) as pool:
                futures = [pool.submit(deliver, service) for _ in range(4)]
                counts = [future.result(60) for future in futures]
        assert sum(counts) == 60
        for endpoint, found in ((good, shop), (bad, moody)):
            assert Counter(Counter(got.id for got in found.got).values()) == {1: 30}
            assert {row.attempts for row in rows(service, endpoint)} == {1}

    def test_the_lanes_hold_for_all_workers_together(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        tell(service, payment, 30)
        with ThreadPoolExecutor(8) as pool:
            taken = [pool.submit(take, service, Room(32, 16)) for _ in range(8)]
            assert sum(len(future.result(30)) for future in taken) == LANES


class TestCrashes:
    def test_killed_between_the_post_and_the_record(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def killed(*_: Any) -> None:
            raise OperationalError("killed", None, Exception())

        with receiver() as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
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

    def test_what_keeps_crashing_is_set_aside_and_holds_nobody_up(
        self, service: Service, payment: str
    ) -> None:
        with receiver() as shop:
            broken, fine = add(service, shop.url), add(service, shop.url)
            with service.runtime.database.begin() as session:
                session.execute(
                    update(WebhookEndpoint)
                    .where(WebhookEndpoint.id == broken.id)
                    .values(secret_encrypted=b"rubbish")
                )
            tell(service, payment)
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
            tell(service, payment)
            first = take(service, Room(1, 1))
            service.clock.advance(90)
            second = take(service, Room(1, 1))
            assert (len(first), len(second)) == (1, 1)
            _send(service, first)
            assert row_of(service, endpoint).attempts == 0, "the second one decides"
            shop.reply = answering(200)
            _send(service, first)
            assert row_of(service, endpoint).status == "delivered", "but received is received"
            shop.reply = answering(500)
            _send(service, second)
        row = row_of(service, endpoint)
        assert (row.status, row.attempts, row.last_status) == ("delivered", 1, 200)

    def test_no_connection_is_held_during_the_post(self, service: Service, payment: str) -> None:
        held: list[int] = []

        def look(_got: Got) -> Reply:
            held.append(service.runtime.database.engine.pool.checkedout())  # type: ignore[attr-defined]
            return 200, {}, b""

        with receiver(look) as shop:
            add(service, shop.url)
            tell(service, payment)
            deliver(service)
        assert held == [0]

    def test_the_database_goes_away_while_something_is_under_way(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        gone = threading.Event()
        monkeypatch.setattr(delivery, "claim", _failing_after(1, gone))

        def wait(_got: Got) -> Reply:
            assert gone.wait(20)
            return 200, {}, b""

        with receiver(wait) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment)
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


class TestBundles:
    """A lane sends its deliveries one after the other; one that it does not begin is released unchanged."""

    def untouched(self, row: WebhookDelivery) -> bool:
        return (row.status, row.attempts, row.claims, row.lease_until) == ("waiting", 0, 0, None)

    def test_the_first_failure_ends_it(self, service: Service, payment: str) -> None:
        replies = iter([200, 200, 500])
        with receiver(lambda _got: (next(replies), {}, b"")) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 5)
            _send(service, take(service, Room(1, 1)))
        first, second, third, *rest = rows(service, endpoint)
        assert {first.status, second.status} == {"delivered"}
        assert (third.status, third.attempts, third.last_status) == ("waiting", 1, 500)
        assert all(self.untouched(row) for row in rest)
        [next_one] = take(service, Room(32, 16))
        assert [parcel.delivery_id for parcel in next_one.parcels] == [rest[0].id], "it struggles"

    def test_a_slow_receiver_gets_one_and_the_rest_is_given_back(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "BUNDLE_SECONDS", 0)
        with receiver() as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 6)
            _send(service, take(service, Room(1, 1)))
            assert [self.untouched(row) for row in rows(service, endpoint)] == [False] + [True] * 5
            assert deliver(service) == 5
        assert Counter(got.id for got in shop.got).most_common(1)[0][1] == 1
        assert {(row.status, row.attempts) for row in rows(service, endpoint)} == {("delivered", 1)}

    def test_it_grows_while_the_receiver_is_quick(self) -> None:
        sizes, seen = Sizes(), []
        for begun, left in [(10, 0), (20, 0), (40, 0), (50, 0), (1, 0), (3, 47), (3, 0), (0, 3)]:
            sizes.update("endpoint", begun, left)
            seen.append(sizes.of("endpoint"))
        assert seen == [20, 40, 50, 50, 50, 3, 6, 1]
        assert sizes.of("another") == 10

    def test_what_kills_its_workers_takes_no_other_with_it(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 12)
            killer = rows(service, endpoint)[5].id
            kills = 0
            while bundles := take(service, Room(32, 16)):
                deadly = [b for b in bundles if killer in {parcel.delivery_id for parcel in b.parcels}]
                kills += bool(deadly)
                if kills > 1:
                    assert all(len(bundle.parcels) == 1 for bundle in deadly)
                _send(service, [bundle for bundle in bundles if bundle not in deadly])
                if deadly:
                    service.clock.advance(91)
        assert kills == MAX_CLAIMS
        found = {row.id: row.status for row in rows(service, endpoint)}
        assert found.pop(killer) == "parked"
        assert set(found.values()) == {"delivered"}

    def test_a_crash_in_the_middle_costs_only_the_one(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        poster, posts = Poster(service.runtime.settings.webhook_networks), iter(range(100))
        post = poster.post

        def failing(*arguments: Any) -> Any:
            if next(posts) == 1:
                raise RuntimeError("a fault of ours")
            return post(*arguments)

        monkeypatch.setattr(poster, "post", failing)
        with receiver() as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 4)
            [bundle] = take(service, Room(1, 1))
            sent = delivery.send(service.runtime, poster, bundle)
            assert delivery.record(service.runtime, endpoint.id, [sent], middle) == 1
        first, second, *rest = rows(service, endpoint)
        assert (first.status, second.status, second.claims) == ("delivered", "waiting", 1)
        assert second.lease_until == service.clock() + delivery_claims.LEASE
        assert all(self.untouched(row) for row in rest)

    def test_who_was_overtaken_gives_nothing_back(self, service: Service, payment: str) -> None:
        endpoint = add(service, "http://127.0.0.1:9/hooks")
        tell(service, payment, 3)
        [late] = take(service, Room(1, 1))
        service.clock.advance(90)
        assert len(take(service, Room(32, 16))) == 3, "each on its own, after what happened"
        delivery.record(service.runtime, endpoint.id, [delivery.Sent(late)], middle)
        assert {(row.claims, row.lease_until is None) for row in rows(service, endpoint)} == {(2, False)}

    def test_lanes_claimed_at_one_moment_are_distinguished(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        tell(service, payment, 60)
        bundles = [bundle for _ in range(6) for bundle in take(service, Room(1, 1))]
        assert len(bundles) == len({bundle.lease_until for bundle in bundles}) == LANES

    def test_all_lanes_stop_after_the_receiver_is_gone(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop:
            endpoint = add(service, shop.url)
            tell(service, payment, 20)
            assert deliver(service) == LANES
        assert len(shop.got) == LANES
        assert {row.status for row in rows(service, endpoint)} == {"parked"}
        assert {row.claims for row in rows(service, endpoint)} == {0}, "a crash is not what set them aside"


class TestStopping:
    def test_a_stopped_round_takes_up_nothing(self, service: Service, payment: str) -> None:
        stop = threading.Event()
        stop.set()
        with receiver() as shop:
            add(service, shop.url)
            tell(service, payment)
            assert deliver(service, stop=stop) == 0
            assert deliver(service, seconds=0) == 0
            assert deliver(service, stop=threading.Event()) == 1
        assert len(shop.got) == 1

    def test_an_idle_look_writes_nothing(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def never() -> None:
            raise AssertionError

        monkeypatch.setattr(service.runtime.database, "begin", never)
        assert deliver(service) == 0


def test_events_of_a_payment_are_taken_up_in_their_order(service: Service, payment: str) -> None:
    add(service, "http://127.0.0.1:9/hooks")
    tell(service, payment, 6)
    bundles = take(service, Room(32, 16))
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
