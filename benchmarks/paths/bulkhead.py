"""Callbacks while Daraja is slow: 64 clients start payments, and Daraja takes seconds to answer each push.

The clients start one after the other, spread over the time that one of them waits.
"""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Self

import requests

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import callbacks, pending_in
from benchmarks.processes import Program
from benchmarks.rounds import Sample, compare, p99, rate, run_rounds
from benchmarks.service import Hosting, bearer, environment, hosted, token_of
from benchmarks.stub import start as start_stub

ALONE = "callbacks alone"
CLIENTS = 64
THREADS = 96
"""Three quarters of the threads may wait for Daraja. That is more than there are clients."""
CONNECTIONS = 4


def measure(bench: Bench) -> list[Row]:
    """Send callbacks alone, then beside the clients that wait.

    The order changes from round to round. Between two samples beside the clients, the clients continue.
    """
    seconds = bench.size.daraja_seconds
    with start_stub(bench.logs, seconds) as slow_daraja:
        env = environment(small(bench), slow_daraja.port)
        with (
            hosted("wsgi:app", env, Hosting(threads=THREADS), bench.logs) as service,
            Clients(service, bearer(token_of(env)), seconds) as clients,
        ):

            def one() -> Sample:
                pending = pending_in(bench, "small", env, bench.size.fewer * 2)
                return bench.load(service, callbacks(pending), connections=CONNECTIONS)

            def alone(_: int) -> Sample:
                clients.stop()
                return one()

            def beside(_: int) -> Sample:
                clients.start()
                return one()

            one()
            samples = run_rounds(bench.size.rounds, {ALONE: alone, "service": beside})
            clients.stop()
    waited, path = clients.statuses, f"callbacks while {CLIENTS} initiates wait {seconds:g} s each"
    return [
        compare(path, "p99 ms", p99, samples, against=ALONE, bar=at_most(3, 1.5)),
        compare(path, "requests/s", rate, samples, against=ALONE),
        Row(path, "initiates accepted", float(waited.get(201, 0))),
        Row(path, "initiates refused for now (503)", float(waited.get(503, 0))),
    ]


class Clients:
    """Clients that start payments until they are stopped, and respect Retry-After."""

    def __init__(self, service: Program, headers: dict[str, str], seconds: float) -> None:
        self._seconds = seconds
        self._url = f"http://127.0.0.1:{service.port}/api/mpesa/initiate"
        self._headers = headers
        self.statuses: dict[int, int] = {}
        self._number = 0
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._pool = ThreadPoolExecutor(CLIENTS)
        self._clients: list[Future[None]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._pool.shutdown()

    def start(self) -> None:
        """Start all clients, unless they run already; return when each has sent its first request."""
        if self._clients:
            return
        self._over.clear()
        for _ in range(CLIENTS):
            self._clients.append(self._pool.submit(self._client))
            time.sleep(self._seconds / CLIENTS)

    def stop(self) -> None:
        """Return when every client has its last response; raise the exception of a client that failed."""
        self._over.set()
        for client in self._clients:  # a client that failed has ended already
            client.result()
        self._clients.clear()
        if strange := set(self.statuses) - {201, 503}:
            raise RuntimeError(f"initiates were answered with {strange}")

    def _client(self) -> None:
        with requests.Session() as session:
            while True:  # at least once
                answer = session.post(self._url, json=self._order(), headers=self._headers, timeout=60)
                with self._lock:
                    self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
                if self._over.wait(float(answer.headers.get("Retry-After", 0))):
                    return

    def _order(self) -> dict[str, object]:
        with self._lock:
            self._number += 1
            number = self._number
        return {"orderId": f"C-{time.time_ns()}-{number}", "amount": 100, "phoneNumber": f"2547{number:08d}"}
