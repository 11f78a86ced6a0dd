"""The export of all payments: its speed, the time to its first byte, and its memory."""

import http.client
import threading
import time
from collections.abc import Callable
from datetime import timedelta

from benchmarks.bars import Row, at_least, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large
from benchmarks.floors import SHOWN
from benchmarks.processes import Program
from benchmarks.rounds import Sample, compare, cpu_us, median_of, rate, run_rounds
from benchmarks.service import Hosting, bearer, environment, hosted, runtime_of
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.web.auth import make_token

PATH = "export of every payment"
FLOOR = "floor: COPY of the same columns"
TARGET = "/api/mpesa/payments/export?format=csv"


def measure(bench: Bench) -> list[Row]:
    """Export the large table as an admin, and copy the same columns without a service."""
    env = environment(large(bench), bench.daraja.port)
    headers = bearer(_admin_token(env))
    with hosted("wsgi:app", env, Hosting(), bench.logs) as service:
        _download(service, headers)
        before = service.memory()
        watch = MemoryWatch(service)
        samples = run_rounds(
            bench.size.export_rounds,
            {
                "service": lambda _: watch.during(lambda: _download(service, headers)),
                FLOOR: lambda _: _copy(bench),
            },
        )
    growth, first = watch.most - before, median_of(samples["service"], _first_byte)
    return [
        compare(PATH, "rows/s", rate, samples, against=FLOOR, bar=at_least(0.1, 0.3)),
        Row(PATH, "web CPU µs a row", median_of(samples["service"], cpu_us)),
        Row(PATH, "ms to the first byte", first, ratio=first, bar=at_most(200)),
        Row(PATH, "MiB of memory more", growth, ratio=growth, bar=at_most(50)),
    ]


class MemoryWatch:
    """Reads a server's memory ten times a second while an export runs."""

    def __init__(self, server: Program) -> None:
        self._server = server
        self.most = 0.0

    def during(self, act: Callable[[], Sample]) -> Sample:
        over = threading.Event()
        watcher = threading.Thread(target=self._look, args=(over,))
        watcher.start()
        try:
            return act()
        finally:
            over.set()
            watcher.join()

    def _look(self, over: threading.Event) -> None:
        while not over.wait(0.1):
            self.most = max(self.most, self._server.memory())


def _admin_token(env: dict[str, str]) -> str:
    return make_token(build_app(load_settings(env), runtime_of(env)), "boss", ["admin"], timedelta(days=1))


def _download(service: Program, headers: dict[str, str]) -> Sample:
    """Read the whole file; the latency is the time to its first byte."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=300)
    started, cpu = time.perf_counter(), service.cpu()
    connection.request("GET", TARGET, headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"the export answered {answer.status}")
    lines = answer.read(1).count(b"\n")
    first = time.perf_counter() - started
    while piece := answer.read(262_144):
        lines += piece.count(b"\n")
    seconds = time.perf_counter() - started
    connection.close()
    return Sample(lines - 1, seconds, service.cpu() - cpu, latencies=(first,))


def _first_byte(sample: Sample) -> float:
    return sample.latencies[0] * 1e3


def _copy(bench: Bench) -> Sample:
    columns = ", ".join(SHOWN)
    started, lines = time.perf_counter(), 0
    with (
        bench.postgres.connect("large") as connection,
        connection.cursor() as cursor,
        cursor.copy(
            f"COPY (SELECT {columns} FROM payments ORDER BY id DESC) TO STDOUT (FORMAT csv)"
        ) as stream,
    ):
        for piece in stream:
            lines += bytes(piece).count(b"\n")
    return Sample(lines, time.perf_counter() - started)
