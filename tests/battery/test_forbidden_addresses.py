"""Addresses to which no event may go: none is taken, and none is reached if it is there all the same."""

import contextlib
import socket
import threading
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import func, select, update

from mpesa_service.models import WebhookDelivery, WebhookEndpoint
from tests.battery import rebinding
from tests.battery.client import PATIENCE, StackClient
from tests.battery.parties import Party, library_on
from tests.battery.processes import wait_for
from tests.battery.sizes import figures, sized
from tests.battery.stack import Stack
from tests.support.receivers import answering, receiver
from tests.webhooks.test_addresses import SPECIAL, SPELLINGS

PAYMENTS = sized(1, 30)
SCHEMES = sized(("http",), ("http", "https"))
ATTEMPTS = sized(1, 2)
HOSTS = [
    *SPELLINGS,
    *(f"[{address}]" if ":" in address else address for address in SPECIAL),
    "2852039166",  # 169.254.169.254
    "0xa9fea9fe",
    "[::ffff:a9fe:a9fe]",
    f"{rebinding.ALLOWED}@127.0.0.1",
    "user:password@127.0.0.1",
]
REDIRECTS = (301, 302, 303, 307, 308)
REFUSALS = ("The address ", "The host's name ")


class Trap:
    """Listens on one port of this machine's own forbidden addresses, and counts connections."""

    def __init__(self, running: contextlib.ExitStack, port: int) -> None:
        self.callers: list[str] = []
        self._over = threading.Event()
        for host in ("127.0.0.1", "127.0.0.2", "::1"):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = running.enter_context(socket.create_server((host, port), family=family))
            listener.settimeout(0.2)
            thread = threading.Thread(target=self._accept, args=[listener])
            thread.start()
            running.callback(thread.join)
        running.callback(self._over.set)

    def _accept(self, listener: socket.socket) -> None:
        while not self._over.is_set():
            with contextlib.suppress(TimeoutError):
                connection, caller = listener.accept()
                self.callers.append(str(caller))
                connection.close()


def smuggle(client: StackClient, allowed: str, url: str) -> str:
    """Put a forbidden address where only allowed ones are taken: as if it had been another one once."""
    endpoint = str(client.add(allowed)["_id"])
    with client.stack.runtime.database.begin() as session:
        session.execute(update(WebhookEndpoint).where(WebhookEndpoint.id == endpoint).values(url=url))
    return endpoint


def attempted(client: StackClient, endpoints: list[str], times: int) -> bool:
    """Return whether each delivery to these was tried so often."""
    wanted = (WebhookDelivery.endpoint_id.in_(endpoints), WebhookDelivery.attempts < times)
    with client.stack.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(WebhookDelivery).where(*wanted)) == 0


def results(client: StackClient, endpoints: list[str]) -> Counter[tuple[int | None, str | None]]:
    columns = (WebhookDelivery.last_status, WebhookDelivery.last_error)
    wanted = select(*columns).where(WebhookDelivery.endpoint_id.in_(endpoints))
    with client.stack.runtime.database.read() as session:
        return Counter((row.last_status, row.last_error) for row in session.execute(wanted))


@pytest.mark.timeout(sized(240, 1_200))
def test_forbidden_addresses(new_stack: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stack: Stack = new_stack(simulator={"pay_after": 0.2}, WEBHOOK_ALLOWED_NETWORKS=f"{rebinding.ALLOWED}/32")
    library_on(stack.clock, monkeypatch)
    client = StackClient(stack)
    with contextlib.ExitStack() as running:
        rebound = Party("rebound", answering(204), stack.clock)
        port = running.enter_context(receiver(rebound, host=rebinding.ALLOWED)).port
        trap = Trap(running, port)
        allowed = f"http://{rebinding.ALLOWED}:{port}/hooks"

        forbidden = [f"{scheme}://{host}:{port}/hooks" for host in HOSTS for scheme in SCHEMES]
        for url in forbidden:
            answer = client.call("POST", "/webhooks", {"url": url})
            assert (answer.status_code, answer.json()["code"]) == (400, "webhook_address_refused"), url
        smuggled = [smuggle(client, allowed, url) for url in forbidden]

        redirecting = []
        for code in REDIRECTS:
            reply = answering(code, Location=f"http://127.0.0.1:{port}/hooks")
            url = running.enter_context(receiver(reply, host=rebinding.ALLOWED)).url
            redirecting.append(str(client.add(url)["_id"]))
        client.register(rebound, f"http://{rebinding.NAME}:{port}/hooks")

        events = client.pay(PAYMENTS)
        for times in range(1, ATTEMPTS + 1):
            wait_for(
                lambda n=times: attempted(client, smuggled + redirecting, n), f"attempt {times}", PATIENCE
            )
            stack.advance(6)
        client.drain(rebound.endpoint)
        refused = results(client, smuggled)
        figures(
            "forbidden addresses",
            hosts=len(HOSTS),
            schemes=len(SCHEMES),
            attempts=ATTEMPTS,
            redirects=len(REDIRECTS),
            events=len(events),
            connections_to_forbidden_addresses=len(trap.callers),
            refusals={str(error): count for (_, error), count in refused.items()},
            requests_to_the_rebound_name=rebound.requests,
            violations=len(trap.callers),
        )
        assert trap.callers == []
        assert len(HOSTS) >= 40
        for status, error in refused:
            assert status is None
            assert str(error).startswith(REFUSALS), error
        assert {status for status, _ in results(client, redirecting)} == set(REDIRECTS)
        assert rebound.accepted >= events.keys()
        assert rebound.not_verified == []
