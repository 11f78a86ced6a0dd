"""Settling callbacks that arrive together, with batching and without it."""

from benchmarks.bars import Row, at_least
from benchmarks.bench import CONNECTIONS, RESTARTS, Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import callbacks, pending_in
from benchmarks.processes import Program
from benchmarks.rounds import Samples, compare, cpu_us, database_us, extend, p99, rate, run_rounds
from benchmarks.service import Hosting, environment, hosted

PATH = f"settling callback, {CONNECTIONS} at once"
BATCHED, ALONE = "with batching", "without batching"
GAIN = 1.25
"""Batching stays only with this gain in the rate (docs/decisions/0027)."""


def measure(bench: Bench) -> list[Row]:
    """Settle payments with both services, which alternate; the servers restart several times."""
    settled: Samples = {}
    for _ in range(RESTARTS):
        extend(settled, _rounds(bench))
    bars = {rate: at_least(GAIN)}
    figures = {"requests/s": rate, "p99 ms": p99, "web CPU µs": cpu_us, "database CPU µs": database_us}
    return [
        compare(PATH, name, figure, settled, against=ALONE, ours=BATCHED, bar=bars.get(figure))
        for name, figure in figures.items()
    ]


def _rounds(bench: Bench) -> Samples:
    env = environment(small(bench), bench.daraja.port)
    count, rounds = bench.size.requests, bench.size.rounds
    with _host(bench, env, batched=True) as batched, _host(bench, env, batched=False) as alone:
        servers = {BATCHED: batched, ALONE: alone}
        batches = {name: [callbacks(pending_in(bench, "small", env, count))] for name in servers}
        for name, server in servers.items():
            bench.load(server, batches[name].pop())
            batches[name] = [callbacks(pending_in(bench, "small", env, count)) for _ in range(rounds)]
        bench.postgres.vacuum("small")
        return run_rounds(
            rounds,
            {
                BATCHED: lambda number: bench.load(batched, batches[BATCHED][number]),
                ALONE: lambda number: bench.load(alone, batches[ALONE][number]),
            },
        )


def _host(bench: Bench, env: dict[str, str], *, batched: bool) -> Program:
    return hosted(f"benchmarks.batching_host:create_app(batched={batched})", env, Hosting(), bench.logs)
