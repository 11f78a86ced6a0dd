"""Receivers in trouble: no receiver waits for another, and every living one finally receives everything."""

import contextlib
import statistics
import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.battery.client import StackClient
from tests.battery.parties import Party, dripping, failing_until, hanging, library_on, sometimes_failing
from tests.battery.processes import wait_for
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack
from tests.support.receivers import ReceivedRequest, Reply, answering, receiver

PAYMENTS = sized(15, 600)
"""In each of the two parts: before the trouble, and in it."""
OF_EACH = sized(1, 3)
MOST_DELAY = sized(2.0, 1.0)
"""Seconds that the trouble of some may cost the others: 1, and the small size runs beside other tests."""
GONE, DEAF = "410 gone", "nobody listens"
ACCEPT = answering(204)


def spread(seconds: list[float]) -> str:
    return f"median {statistics.median(seconds):.2f} s, most {max(seconds):.2f} s"


class Receivers:
    """All receivers of one run; those in trouble get well together."""

    def __init__(self, client: StackClient, running: contextlib.ExitStack) -> None:
        self._client, self._running = client, running
        self.well = threading.Event()
        running.callback(self.well.set)
        self.trap = running.enter_context(receiver())
        self.healthy = self._open("healthy", ACCEPT)
        self.troubled: list[Party] = []

    @property
    def all(self) -> list[Party]:
        return [self.healthy, *self.troubled]

    @property
    def living(self) -> list[Party]:
        return [party for party in self.all if party.kind not in {GONE, DEAF}]

    def add_trouble(self) -> None:
        """Open one receiver of every kind."""
        well, url = self.well, self.trap.url
        self.troubled += [
            self._open("500 to 30 %", sometimes_failing()),
            self._open("hanging", failing_until(hanging(well), well)),
            self._open("redirects (302)", failing_until(answering(302, Location=url), well)),
            self._open("redirects (307)", failing_until(answering(307, Location=url), well)),
            self._open(GONE, answering(410)),
            self._slow_loris(),
            self._deaf(),
        ]

    def _open(self, kind: str, behave: Callable[[ReceivedRequest], Reply]) -> Party:
        party = Party(kind, behave, self._client.stack.clock)
        self._client.register(party, self._running.enter_context(receiver(party)).url)
        return party

    def _slow_loris(self) -> Party:
        party = Party("slow-loris", ACCEPT, self._client.stack.clock)
        address = self._running.enter_context(dripping(party, self.well))
        self._client.register(party, f"http://{address}/hooks")
        return party

    def _deaf(self) -> Party:
        party = Party(DEAF, ACCEPT, self._client.stack.clock)
        with receiver(party) as closed_again:
            pass
        self._client.register(party, closed_again.url)
        return party


@pytest.mark.timeout(sized(240, 1_200))
def test_receivers_in_trouble(new_stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack: Stack = new_stack(simulator={"pay_after": 0.2})
    library_on(stack.clock, monkeypatch)
    client = StackClient(stack)
    with contextlib.ExitStack() as running:
        receivers = Receivers(client, running)
        healthy = receivers.healthy

        def part() -> tuple[set[str], list[float]]:
            events = client.pay(PAYMENTS)
            wait_for(lambda: healthy.accepted >= events.keys(), "the healthy receiver's events")
            return set(events), [(healthy.arrived[n] - at).total_seconds() for n, at in events.items()]

        _, calm = part()
        for _ in range(OF_EACH):
            receivers.add_trouble()
        events, troubled = part()
        receivers.well.set()
        drained = client.drain(*(party.endpoint for party in receivers.living))
        stack.settle()
        violations, tally = stack.audit()
        requests_of: Counter[str] = Counter()
        for party in receivers.all:
            requests_of[party.kind] += party.requests
        figures(
            "webhook receivers in trouble",
            payments_a_part=PAYMENTS,
            of_each=OF_EACH,
            requests=dict(requests_of),
            delay_of_the_healthy_before=spread(calm),
            delay_of_the_healthy_in_trouble=spread(troubled),
            rounds_to_deliver_all=drained,
            checked=dict(tally.counts),
            violations=len(violations),
        )
        assert violations == []
        assert max(troubled) <= max(calm) + MOST_DELAY
        for party in receivers.living:
            assert party.accepted >= events, party.kind
            assert set(client.statuses(party.endpoint)) == {"delivered"}, party.kind
        written = client.events()
        for party in receivers.all:
            assert party.not_verified == [], party.kind
            assert all(bodies == {written[n].payload} for n, bodies in party.bodies.items()), party.kind
        for party in receivers.troubled:
            if party.kind == GONE:
                assert client.get(party.endpoint)["disabledReason"] == "The receiver answered 410 Gone."
                assert 0 < party.requests < len(events)
        assert receivers.trap.got == []
