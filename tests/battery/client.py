"""The admin's and the shop's side of one stack: endpoints, payments at an even rate, and their events."""

import time
from collections import Counter
from datetime import datetime
from typing import Any

import requests
from sqlalchemy import Row, func, or_, select

from mpesa_service.models import OutgoingEvent, WebhookDelivery, WebhookEndpoint
from tests.battery.load import Outcomes, Shop
from tests.battery.parties import Party
from tests.battery.processes import wait_for
from tests.battery.stack import Stack

PER_SECOND = 6
ROUNDS = 30
PATIENCE = 600.0
"""Seconds for the attempts of a round: thousands, at full size."""


class StackClient:
    """The admin's and the shop's side of one stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.shop = Shop(stack, clients=1)
        self._headers = {"Authorization": f"Bearer {stack.token('boss', 'admin')}"}
        self._number = 0

    def call(self, method: str, path: str, body: Any = None) -> requests.Response:
        url = f"{self.stack.url}/api/mpesa{path}"
        return requests.request(method, url, json=body, headers=self._headers, timeout=30)

    def add(self, url: str) -> Any:
        answer = self.call("POST", "/webhooks", {"url": url})
        assert answer.status_code == 201, answer.text
        return answer.json()["data"]

    def register(self, party: Party, url: str) -> None:
        added = self.add(url)
        party.endpoint, party.secret = added["_id"], added["secret"]

    def pay(self, count: int) -> dict[str, datetime]:
        """Make this many payments, at an even rate, and wait for their results.

        Return their events' times.
        """
        before, outcomes = self.events(), Outcomes()
        for _ in range(count):
            began = time.monotonic()
            self._number += 1
            self.shop.pay([self._number], outcomes)
            time.sleep(max(0.0, began + 1 / PER_SECOND - time.monotonic()))
        assert outcomes.answers == {"201": count}
        wait_for(lambda: len(self.events()) >= len(before) + count, "the ends of the payments")
        return {name: row.created_at for name, row in self.events().items() if name not in before}

    def events(self) -> dict[str, Row[Any]]:
        columns = (OutgoingEvent.event_id, OutgoingEvent.created_at, OutgoingEvent.payload)
        with self.stack.runtime.database.read() as session:
            return {row.event_id: row for row in session.execute(select(*columns))}

    def get(self, endpoint: str) -> Any:
        return self.call("GET", f"/webhooks/{endpoint}").json()["data"]

    def statuses(self, endpoint: str) -> Counter[str]:
        found = select(WebhookDelivery.status).where(WebhookDelivery.endpoint_id == endpoint)
        with self.stack.runtime.database.read() as session:
            return Counter(session.scalars(found))

    def idle(self) -> bool:
        """Return whether no delivery is due or under way."""
        busy = or_(WebhookDelivery.due_at <= self.stack.clock(), WebhookDelivery.lease_until.is_not(None))
        return self._count(WebhookDelivery.status == "waiting", busy, WebhookEndpoint.enabled) == 0

    def _count(self, *conditions: Any) -> int:
        joined = select(func.count()).select_from(WebhookDelivery).join(WebhookEndpoint)
        with self.stack.runtime.database.read() as session:
            return session.scalar(joined.where(*conditions)) or 0

    def drain(self, *endpoints: str) -> int:
        """Hand in time until nothing waits for these endpoints; return the rounds that it took."""
        for number in range(ROUNDS):
            wait_for(self.idle, "the attempts under way", PATIENCE)
            wanted = (WebhookDelivery.status == "waiting", WebhookDelivery.endpoint_id.in_(endpoints))
            if self._count(*wanted) == 0:
                return number
            with self.stack.runtime.database.read() as session:
                due = session.scalars(select(WebhookDelivery.due_at).where(*wanted)).all()
            self.stack.advance(max(0.0, (max(due) - self.stack.clock()).total_seconds()))
        raise AssertionError("some deliveries wait without end")
