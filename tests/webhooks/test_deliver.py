"""Receivers get each event at least once, with the same bytes, and no receiver waits for another."""

from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from standardwebhooks import Webhook

from mpesa_service.models import WebhookEndpoint
from mpesa_service.webhooks import endpoints
from mpesa_service.webhooks.claim import LANES, Capacity
from mpesa_service.webhooks.deliver import deliver_due
from tests.support import Service
from tests.support.receivers import ReceivedRequest, Reply, answering, receiver
from tests.webhooks.support import add, deliver, publish_events, row_of, rows, send_bundles, take
from tests.webhooks.test_outbox import outgoing

DELAYS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]


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
            publish_events(service, payment, len(statuses))
            while len(shop.got) < len(statuses):
                service.clock.advance(0.1)
                send_bundles(service, take(service, Capacity(1, 1)))
        found = {row.last_status: row.status for row in rows(service, endpoint)}
        assert found == {code: "delivered" if code < 300 else "waiting" for code in statuses}

    def test_what_the_receiver_says_is_kept_without_what_is_secret(
        self, service: Service, payment: str
    ) -> None:
        body = b"No\x00 254712345678 Bearer abc.def \xff" + b"x" * 100_000
        with receiver(answering(500, body)) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment)
            deliver(service)
        shown = str(row_of(service, endpoint).last_body)
        assert len(shown) == 500
        assert shown.startswith("No  25471***78 Bearer *** \N{REPLACEMENT CHARACTER}xxx")


class TestRetries:
    def test_ten_attempts_of_the_same_bytes_on_schedule_then_failed(
        self, service: Service, payment: str
    ) -> None:
        with receiver(answering(500)) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment)
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
            publish_events(service, payment)
            deliver_due(service.runtime, chance=lambda: chance)
        wait = row_of(service, endpoint).due_at - service.clock()
        assert wait.total_seconds() == pytest.approx(seconds, abs=0.001)

    def test_a_third_of_errors_costs_no_event(self, service: Service, payment: str) -> None:
        seen: Counter[str] = Counter()

        def reply(got: ReceivedRequest) -> Reply:
            seen[got.id] += 1
            unlucky = sum(got.id.encode()) % 10 < 3 and seen[got.id] < 3
            return (500 if unlucky else 200, {}, b"")

        with receiver(reply) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment, 60)
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
            publish_events(service, payment)
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
            publish_events(service, payment)
            deliver(service)
        assert row_of(service, endpoint).due_at == service.clock() + timedelta(seconds=seconds)

    def test_nobody_listens(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            endpoint = add(service, shop.url)
        publish_events(service, payment)
        deliver(service)
        row = row_of(service, endpoint)
        assert (row.last_status, row.last_error) == (None, "No answer: the connection was refused.")


class TestGone:
    def test_410_disables_and_parks(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop, receiver() as other:
            gone = add(service, shop.url)
            kept = add(service, other.url)
            publish_events(service, payment, 1)
            service.clock.advance(1)
            publish_events(service, payment, 9)
            send_bundles(service, take(service, Capacity(1, 1)))
            deliver(service)
            deliver(service)
        assert len(shop.got) <= LANES
        found = endpoints.get_endpoint(service.runtime, gone.id)
        assert (found.enabled, found.disabled_reason) == (False, "The receiver answered 410 Gone.")
        assert {row.status for row in rows(service, gone)} == {"parked"}
        reasons = {row.last_error for row in rows(service, gone)}
        assert reasons == {"Parked: The receiver answered 410 Gone."}
        assert {row.status for row in rows(service, kept)} == {"delivered"}
        publish_events(service, payment)
        assert len(rows(service, gone)) == 10, "nothing new for it"

    def test_enabled_again_it_gets_what_was_parked(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment, 3)
            deliver(service)
            shop.reply = answering(200)
            endpoints.change_endpoint(
                service.runtime, "boss", endpoint.id, endpoints.EndpointChange(enabled=True)
            )
            deliver(service)
        assert [row.status for row in rows(service, endpoint)] == ["delivered"] * 3


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
            publish_events(service, payment)
            assert deliver(service) == 1
        assert here.got == []
        row = row_of(service, endpoint)
        assert row.last_error == "The address is in a private or special network that is not allowed."
        assert (row.status, row.attempts, row.last_status) == ("waiting", 1, None)
