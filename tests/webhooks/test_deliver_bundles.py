"""Several deliveries to one endpoint are claimed and sent together."""

from collections import Counter
from typing import Any

import pytest

from mpesa_service.models import WebhookDelivery
from mpesa_service.webhooks import claim as delivery_claims
from mpesa_service.webhooks import deliver as delivery
from mpesa_service.webhooks.claim import LANES, MAX_CLAIMS, Capacity, Sizes
from mpesa_service.webhooks.posting import Poster
from tests.support import Service
from tests.support.receivers import answering, receiver
from tests.webhooks.support import add, deliver, middle, publish_events, rows, send_bundles, take


class TestBundles:
    """A lane sends its deliveries one after the other; one that it does not begin is released unchanged."""

    def untouched(self, row: WebhookDelivery) -> bool:
        return (row.status, row.attempts, row.claims, row.lease_until) == ("waiting", 0, 0, None)

    def test_the_first_failure_ends_it(self, service: Service, payment: str) -> None:
        replies = iter([200, 200, 500])
        with receiver(lambda _got: (next(replies), {}, b"")) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment, 5)
            send_bundles(service, take(service, Capacity(1, 1)))
        first, second, third, *rest = rows(service, endpoint)
        assert {first.status, second.status} == {"delivered"}
        assert (third.status, third.attempts, third.last_status) == ("waiting", 1, 500)
        assert all(self.untouched(row) for row in rest)
        [next_one] = take(service, Capacity(32, 16))
        assert [parcel.delivery_id for parcel in next_one.parcels] == [rest[0].id], "it struggles"

    def test_a_slow_receiver_gets_one_and_the_others_are_released(
        self, service: Service, payment: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(delivery, "BUNDLE_SECONDS", 0)
        with receiver() as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment, 6)
            send_bundles(service, take(service, Capacity(1, 1)))
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
            publish_events(service, payment, 12)
            killer = rows(service, endpoint)[5].id
            kills = 0
            while bundles := take(service, Capacity(32, 16)):
                deadly = [b for b in bundles if killer in {parcel.delivery_id for parcel in b.parcels}]
                kills += bool(deadly)
                if kills > 1:
                    assert all(len(bundle.parcels) == 1 for bundle in deadly)
                send_bundles(service, [bundle for bundle in bundles if bundle not in deadly])
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
            publish_events(service, payment, 4)
            [bundle] = take(service, Capacity(1, 1))
            sent = delivery.send(service.runtime, poster, bundle)
            assert delivery.record(service.runtime, endpoint.id, [sent], middle) == 1
        first, second, *rest = rows(service, endpoint)
        assert (first.status, second.status, second.claims) == ("delivered", "waiting", 1)
        assert second.lease_until == service.clock() + delivery_claims.LEASE
        assert all(self.untouched(row) for row in rest)

    def test_who_was_overtaken_gives_nothing_back(self, service: Service, payment: str) -> None:
        endpoint = add(service, "http://127.0.0.1:9/hooks")
        publish_events(service, payment, 3)
        [late] = take(service, Capacity(1, 1))
        service.clock.advance(90)
        assert len(take(service, Capacity(32, 16))) == 3, "each on its own, after what happened"
        delivery.record(service.runtime, endpoint.id, [delivery.Sent(late)], middle)
        assert {(row.claims, row.lease_until is None) for row in rows(service, endpoint)} == {(2, False)}

    def test_lanes_claimed_at_one_moment_are_distinguished(self, service: Service, payment: str) -> None:
        add(service, "http://127.0.0.1:9/hooks")
        publish_events(service, payment, 60)
        bundles = [bundle for _ in range(6) for bundle in take(service, Capacity(1, 1))]
        assert len(bundles) == len({bundle.lease_until for bundle in bundles}) == LANES

    def test_all_lanes_stop_after_the_receiver_is_gone(self, service: Service, payment: str) -> None:
        with receiver(answering(410)) as shop:
            endpoint = add(service, shop.url)
            publish_events(service, payment, 20)
            assert deliver(service) == LANES
        assert len(shop.got) == LANES
        assert {row.status for row in rows(service, endpoint)} == {"parked"}
        assert {row.claims for row in rows(service, endpoint)} == {0}, "a crash is not what set them aside"
