"""Callbacks while Daraja is slow: 64 clients start payments, each push takes seconds to be answered.

The clients begin one after the other, over as long as one of them waits: people do not pay in step.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import callbacks, pending_in
from benchmarks.processes import Program
from benchmarks.rounds import Sample, compare, p99, play, rate
from benchmarks.service import Hosting, bearer, environment, hosted, token_of
from benchmarks.stub import start as start_stub

ALONE = "callbacks alone"
CLIENTS = 64
THREADS = 96
"""Three quarters of them may wait for Daraja: more than there are clients."""
CONNECTIONS = 4


def measure(bench: Bench) -> list[Row]:
    """Send callbacks alone, then beside the clients that wait; who is told to wait longer does."""
    seconds = bench.size.daraja_seconds
    with start_stub(bench.logs, seconds) as slow_daraja:
        env = environment(small(bench), slow_daraja.port)
        with hosted("wsgi:app", env, Hosting(threads=THREADS), bench.logs) as service:
            crowd = Crowd(service, bearer(token_of(env)), seconds)

            def one(_: int) -> Sample:
                pending = pending_in(bench, "small", env, bench.size.fewer * 2)
                return bench.load(service, callbacks(pending), connections=CONNECTIONS)

            def beside(number: int) -> Sample:
                return crowd.around(lambda: one(number))

            one(0)
            samples = play(bench.size.rounds, {ALONE: one, "service": beside})
    waited, path = crowd.statuses, f"callbacks while {CLIENTS} initiates wait {seconds:g} s each"
    return [
        compare(path, "p99 ms", p99, samples, against=ALONE, bar=at_most(3, 1.5)),
        compare(path, "requests/s", rate, samples, against=ALONE),
        Row(path, "initiates begun", float(waited.get(201, 0))),
        Row(path, "initiates told to come back", float(waited.get(503, 0))),
    ]


class Crowd:
    """Clients that start payments as long as they are wanted, and keep to Retry-After."""

    def __init__(self, service: Program, headers: dict[str, str], seconds: float) -> None:
        self._seconds = seconds
        self._url = f"http://127.0.0.1:{service.port}/api/mpesa/initiate"
        self._headers = headers
        self.statuses: dict[int, int] = {}
        self._number = 0
        self._lock = threading.Lock()

    def around(self, act: Callable[[], Sample]) -> Sample:
        """Return what `act` measures while all clients are at it."""
        over = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = []
            try:
                for _ in range(CLIENTS):
                    clients.append(pool.submit(self._client, over))
                    time.sleep(self._seconds / CLIENTS)
                sample = act()
            finally:
                over.set()
            for client in clients:  # one that failed has not waited
                client.result()
        if strange := set(self.statuses) - {201, 503}:
            raise RuntimeError(f"initiates were answered with {strange}")
        return sample

    def _client(self, over: threading.Event) -> None:
        with requests.Session() as session:
            while not over.is_set():
                answer = session.post(self._url, json=self._order(), headers=self._headers, timeout=60)
                with self._lock:
                    self.statuses[answer.status_code] = self.statuses.get(answer.status_code, 0) + 1
                over.wait(float(answer.headers.get("Retry-After", 0)))

    def _order(self) -> dict[str, object]:
        with self._lock:
            self._number += 1
            number = self._number
        return {"orderId": f"C-{time.time_ns()}-{number}", "amount": 100, "phoneNumber": f"2547{number:08d}"}
