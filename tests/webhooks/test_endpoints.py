"""Endpoints and what operators do with deliveries."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.errors import Conflict, InvalidRequest, NotFound
from mpesa_service.operations.key_rotation import rotate
from mpesa_service.webhooks import endpoints, history
from mpesa_service.webhooks.endpoints import EndpointChange
from mpesa_service.webhooks.history import list_deliveries, replay, resend
from tests.support import Service
from tests.support.receivers import Receiver, answering, receiver
from tests.webhooks.support import add, deliver, publish_events, rows
from tests.webhooks.test_outbox import outgoing

URL = "http://127.0.0.1:9/hooks"
BOSS = "boss"
NEVER = "0" * 24


def verifies(secret: str | None, shop: Receiver) -> bool:
    got = shop.got[-1]
    try:
        Webhook(str(secret)).verify(got.body, got.headers)
    except WebhookVerificationError:
        return False
    return True


class TestEndpoints:
    def test_added(self, service: Service) -> None:
        types = [EventType.REFUND_FAILED, EventType.PAYMENT_SUCCEEDED]
        added = endpoints.add_endpoint(service.runtime, BOSS, URL, types, "the order service")
        assert added.secret is not None
        assert added.event_types == ("payment.succeeded", "refund.failed")
        [listed] = endpoints.list_endpoints(service.runtime)
        assert listed.secret is None
        assert (listed.url, listed.description, listed.enabled) == (URL, "the order service", True)
        assert (listed.created_by, listed.updated_by, listed.created_at) == (BOSS, BOSS, service.clock())
        assert endpoints.get_endpoint(service.runtime, added.id) == listed

    def test_secrets_are_encrypted_and_differ(self, service: Service) -> None:
        one, other = add(service, URL), add(service, URL)
        assert one.secret != other.secret
        with service.runtime.database.read() as session:
            stored = endpoints.find_endpoint(session, one.id).secret_encrypted
        assert str(one.secret).encode() not in stored
        assert service.runtime.encryption.decrypt(stored) == one.secret

    @pytest.mark.parametrize(
        "url",
        ["http://10.0.0.1/", "https://192.168.1.1/", "http://[fd00::1]/", "nonsense", "http://8.8.8.8/"],
    )
    def test_addresses_are_checked(self, service: Service, url: str) -> None:
        with pytest.raises(InvalidRequest) as caught:
            endpoints.add_endpoint(service.runtime, BOSS, url)
        assert caught.value.code == "webhook_address_refused"
        kept = add(service, URL)
        with pytest.raises(InvalidRequest):
            endpoints.change_endpoint(service.runtime, BOSS, kept.id, EndpointChange(url=url))
        assert [row.url for row in endpoints.list_endpoints(service.runtime)] == [URL]

    def test_changed(self, service: Service) -> None:
        added = endpoints.add_endpoint(service.runtime, BOSS, URL, [EventType.PAYMENT_FAILED], "old")
        service.clock.advance(60)
        change = EndpointChange(url=URL + "/2", description="new", event_types=[])
        changed = endpoints.change_endpoint(service.runtime, "amina", added.id, change)
        assert (changed.url, changed.description, changed.event_types) == (URL + "/2", "new", ())
        assert (changed.created_by, changed.updated_by) == (BOSS, "amina")
        assert changed.updated_at == added.created_at + timedelta(seconds=60)
        same = endpoints.change_endpoint(service.runtime, "amina", added.id, EndpointChange(enabled=True))
        assert same == changed

    def test_disabled_and_enabled(self, service: Service, payment: str) -> None:
        added = add(service, URL)
        publish_events(service, payment, 2)
        off = endpoints.disable_endpoint(service.runtime, BOSS, added.id)
        assert (off.enabled, off.disabled_reason) == (False, "Disabled by an operator.")
        assert {row.status for row in rows(service, added)} == {"parked"}
        assert deliver(service) == 0
        endpoints.disable_endpoint(service.runtime, BOSS, added.id)
        on = endpoints.change_endpoint(service.runtime, BOSS, added.id, EndpointChange(enabled=True))
        assert (on.enabled, on.disabled_reason) == (True, None)
        assert {row.status for row in rows(service, added)} == {"waiting"}

    @pytest.mark.parametrize("endpoint", [NEVER, "", "\x00", "x" * 300])
    def test_no_such_endpoint(self, service: Service, endpoint: str) -> None:
        now = service.clock()
        for call in (
            lambda: endpoints.get_endpoint(service.runtime, endpoint),
            lambda: endpoints.disable_endpoint(service.runtime, BOSS, endpoint),
            lambda: endpoints.rotate_secret(service.runtime, BOSS, endpoint),
            lambda: list_deliveries(service.runtime, endpoint),
            lambda: replay(service.runtime, BOSS, endpoint, now - timedelta(1), now),
        ):
            with pytest.raises(NotFound):
                call()


class TestRotation:
    def test_two_secrets_are_valid_for_a_day(self, service: Service, payment: str) -> None:
        service.clock.now = datetime.now(UTC) - timedelta(hours=24)
        with receiver() as shop:
            first = add(service, shop.url)
            second = endpoints.rotate_secret(service.runtime, BOSS, first.id)
            assert second.previous_secret_valid_until == service.clock() + timedelta(hours=24)
            service.clock.now = second.previous_secret_valid_until - timedelta(seconds=1)
            publish_events(service, payment)
            deliver(service)
            assert len(shop.got[-1].headers["webhook-signature"].split()) == 2
            assert verifies(first.secret, shop)
            assert verifies(second.secret, shop)
            service.clock.advance(1)
            publish_events(service, payment)
            deliver(service)
        assert not verifies(first.secret, shop)
        assert verifies(second.secret, shop)

    def test_a_third_secret_ends_the_first(self, service: Service, payment: str) -> None:
        service.clock.now = datetime.now(UTC)
        with receiver() as shop:
            first = add(service, shop.url)
            second = endpoints.rotate_secret(service.runtime, BOSS, first.id)
            third = endpoints.rotate_secret(service.runtime, BOSS, first.id)
            publish_events(service, payment)
            deliver(service)
        assert [verifies(made.secret, shop) for made in (first, second, third)] == [False, True, True]

    def test_secrets_come_under_the_newest_encryption_key(self, service: Service) -> None:
        added = add(service, URL)
        with service.runtime.database.read() as session:
            before = endpoints.find_endpoint(session, added.id).secret_encrypted
        assert rotate(service.runtime) == 1
        with service.runtime.database.read() as session:
            after = endpoints.find_endpoint(session, added.id).secret_encrypted
        assert before != after
        assert service.runtime.encryption.decrypt(after) == added.secret


class TestDeliveries:
    def test_pages_latest_first(self, service: Service, payment: str) -> None:
        added, other = add(service, URL), add(service, URL)
        publish_events(service, payment, 5)
        ids = [row.id for row in reversed(rows(service, added))]
        first = list_deliveries(service.runtime, added.id, limit=2)
        second = list_deliveries(service.runtime, added.id, limit=2, before=first[-1].id)
        third = list_deliveries(service.runtime, added.id, limit=2, before=second[-1].id)
        assert [row.id for row in (*first, *second, *third)] == ids
        assert list_deliveries(service.runtime, added.id, before=10**30)[0].id == ids[0]
        assert {row.endpoint_id for row in list_deliveries(service.runtime, other.id)} == {other.id}
        assert [row.sequence for row in first] == [5, 4]

    def test_by_status(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            added = add(service, shop.url)
            publish_events(service, payment, 2)
            deliver(service)
        publish_events(service, payment)
        waiting = list_deliveries(service.runtime, added.id, DeliveryStatus.WAITING)
        assert [(row.sequence, row.due_at) for row in waiting] == [(3, service.clock())]
        delivered = list_deliveries(service.runtime, added.id, DeliveryStatus.DELIVERED)
        assert [(row.sequence, row.due_at, row.last_status) for row in delivered] == [
            (2, None, 204),
            (1, None, 204),
        ]

    def test_one_is_sent_again_as_it_was(self, service: Service, payment: str) -> None:
        with receiver() as shop:
            added = add(service, shop.url)
            publish_events(service, payment)
            deliver(service)
            [row] = rows(service, added)
            for number in (1, 2):
                again = resend(service.runtime, BOSS, row.id)
                assert (again.resend, again.status, again.attempts) == (number, "waiting", 0)
                with pytest.raises(Conflict) as caught:
                    resend(service.runtime, BOSS, row.id)
                assert caught.value.code == "already_waiting"
                assert deliver(service) == 1
        assert len({(got.id, got.body) for got in shop.got}) == 1
        assert [row.status for row in rows(service, added)] == ["delivered"] * 3

    def test_a_failed_one_is_sent_again(self, service: Service, payment: str) -> None:
        with receiver(answering(500)) as shop:
            added = add(service, shop.url)
            publish_events(service, payment)
            for _ in range(10):
                deliver(service)
                service.clock.advance(86_400 * 2)
            assert [row.status for row in rows(service, added)] == ["failed"]
            shop.reply = answering(200)
            resend(service.runtime, BOSS, rows(service, added)[0].id)
            deliver(service)
        assert [row.status for row in rows(service, added)] == ["failed", "delivered"]

    @pytest.mark.parametrize("delivery", [4711, 10**30])
    def test_no_such_delivery(self, service: Service, delivery: int) -> None:
        with pytest.raises(NotFound):
            resend(service.runtime, BOSS, delivery)

    def test_a_disabled_endpoint_gets_nothing_again(
        self,
        service: Service,
        payment: str,
    ) -> None:
        added = add(service, URL)
        publish_events(service, payment)
        endpoints.disable_endpoint(service.runtime, BOSS, added.id)
        now = service.clock()
        for call in (
            lambda: resend(service.runtime, BOSS, rows(service, added)[0].id),
            lambda: replay(service.runtime, BOSS, added.id, now, now + timedelta(1)),
        ):
            with pytest.raises(Conflict) as caught:
                call()
            assert caught.value.code == "endpoint_disabled"


class TestReplay:
    def test_a_time_is_sent_again_also_what_was_before_the_endpoint(
        self,
        service: Service,
        payment: str,
    ) -> None:
        start = service.clock()
        for _ in range(4):
            publish_events(service, payment)
            service.clock.advance(60)
        with receiver() as shop:
            added = add(service, shop.url)
            since, until = start + timedelta(seconds=60), start + timedelta(seconds=180)
            assert replay(service.runtime, BOSS, added.id, since, until) == 2
            assert replay(service.runtime, BOSS, added.id, since, until) == 0, "on their way already"
            deliver(service)
            assert replay(service.runtime, BOSS, added.id, since, until) == 2
            deliver(service)
        wanted = [event.event_id for event in outgoing(service)[1:3]]
        assert sorted(got.id for got in shop.got) == sorted(wanted * 2)
        assert [row.resend for row in rows(service, added)] == [0, 0, 1, 1]

    def test_only_what_it_wants(self, service: Service, payment: str) -> None:
        publish_events(service, payment, 2)
        added = add(service, URL, EventType.REFUND_FAILED)
        now = service.clock()
        assert replay(service.runtime, BOSS, added.id, now - timedelta(1), now + timedelta(1)) == 0

    def test_limits(
        self,
        service: Service,
        payment: str,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(history, "REPLAY_LIMIT", 2)
        publish_events(service, payment, 3)
        added = add(service, URL)
        now = service.clock()
        with pytest.raises(InvalidRequest) as caught:
            replay(service.runtime, BOSS, added.id, now - timedelta(1), now)
        assert caught.value.code == "too_many_events"
        assert rows(service, added) == []
        with pytest.raises(InvalidRequest) as caught:
            replay(service.runtime, BOSS, added.id, now, now)
        assert caught.value.code == "invalid_time_range"
        first = datetime.min.replace(tzinfo=timezone(timedelta(hours=14)))
        last = datetime.max.replace(tzinfo=timezone(timedelta(hours=-23)))
        for since, until in ((first, now), (now, last)):
            with pytest.raises(InvalidRequest) as caught:
                replay(service.runtime, BOSS, added.id, since, until)
            assert caught.value.code == "invalid_time_range"
