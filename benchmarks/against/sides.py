"""One build under load: it starts payments through its API, and settles them by callbacks."""

import http.client
import itertools
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt

from benchmarks import stub
from benchmarks.against.builds import Build
from benchmarks.bench import Bench
from benchmarks.messages import paid_callback
from benchmarks.paths.initiate import initiates
from benchmarks.processes import Program
from benchmarks.rounds import Sample
from benchmarks.service import SECRET, SHOP, bearer, environment
from benchmarks.wire import request

WARM_UP = 2
"""Batches that are settled before anything counts."""
SETTLED = "succeeded"
_receipts = itertools.count(1)


@dataclass
class Side:
    """A build's running server, and the callbacks of the payments that it has started."""

    bench: Bench
    server: Program
    callbacks: list[list[bytes]] = field(default_factory=list)
    """One list of requests for each batch that was started and not settled yet."""
    checkout_ids: list[str] = field(default_factory=list)
    """The last payment of each of these batches."""

    def start(self, count: int, connections: int) -> Sample:
        """Start `count` payments through the API; keep their callbacks for `settle`."""
        sample = self.bench.load(self.server, initiates(count, bearer(token())), 201, connections=connections)
        pushes = stub.pushes(self.bench.daraja.port)
        if len(pushes) != count:
            raise RuntimeError(f"{count} payments were started with {len(pushes)} pushes")
        self.callbacks.append([paid_request(push) for push in pushes])
        self.checkout_ids.append(pushes[-1].checkout_id)
        return sample

    def settle(self, connections: int) -> Sample:
        """Post the callbacks of the oldest batch; raise RuntimeError unless its payment is settled."""
        sample = self.bench.load(self.server, self.callbacks.pop(0), connections=connections)
        path = f"/api/mpesa/query/{self.checkout_ids.pop(0)}"
        status = get(self.server, path, bearer(token()))["data"]["status"]
        if status != SETTLED:
            raise RuntimeError(f"a payment is {status} after its callback")
        return sample


def paid_request(push: stub.Push) -> bytes:
    """Return the request that M-Pesa sends when the customer has paid."""
    receipt = f"T{next(_receipts):09d}"
    body = paid_callback(push.merchant_id, push.checkout_id, receipt, push.phone, push.amount)
    return request("POST", push.callback_path, body)


def get(server: Program, path: str, headers: Mapping[str, str] | None = None) -> Any:
    """Return the JSON of a 200 answer; raise RuntimeError for any other status."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers=dict(headers or {}))
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    if answer.status != 200:
        raise RuntimeError(f"GET {path} was answered with {answer.status}: {body!r}")
    return json.loads(body)


def token() -> str:
    """Return a bearer token of the shop that lives for a day."""
    now = int(time.time())
    return jwt.encode({"sub": SHOP, "iat": now, "exp": now + 86_400}, SECRET, algorithm="HS256")


@contextmanager
def hosted_sides(bench: Bench, builds: Sequence[Build], urls: Mapping[str, str]) -> Iterator[dict[str, Side]]:
    """Yield a server of each build on its own database; both are ended afterwards."""
    with ExitStack() as opened:
        yield {
            build.name: Side(
                bench,
                opened.enter_context(
                    build.serve(environment(urls[build.name], bench.daraja.port), bench.logs)
                ),
            )
            for build in builds
        }
