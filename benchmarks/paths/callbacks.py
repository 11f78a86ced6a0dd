"""Callbacks on a payment's own address: the first one, which settles it, and its duplicate."""

from collections.abc import Sequence

from benchmarks import seed
from benchmarks.bars import Row, at_least, at_most
from benchmarks.bench import RESTARTS, Bench
from benchmarks.databases import floor_database, small
from benchmarks.processes import Program
from benchmarks.rounds import Sample, Samples, compare, cpu_us, database_us, extend, p99, rate, run_rounds
from benchmarks.service import Hosting, environment, hosted, runtime_of
from benchmarks.wire import request

SETTLES = "callback that settles a payment"
DUPLICATE = "duplicate callback"
FLOOR = "floor: one INSERT"


def measure(bench: Bench) -> list[Row]:
    """Settle payments, post the same callbacks again, and store as many raw bodies on the floor."""
    settled: Samples = {}
    again: Samples = {}
    for _ in range(RESTARTS):
        first, second = _rounds(bench)
        extend(settled, first)
        extend(again, second)
    return [
        compare(SETTLES, "requests/s", rate, settled, against=FLOOR, bar=at_least(0.6)),
        compare(SETTLES, "p99 ms", p99, settled, against=FLOOR, bar=at_most(3)),
        compare(SETTLES, "web CPU µs", cpu_us, settled, against=FLOOR),
        compare(SETTLES, "database CPU µs", database_us, settled, against=FLOOR),
        compare(DUPLICATE, "requests/s", rate, again, against=FLOOR, bar=at_least(0.6, 0.8)),
        compare(DUPLICATE, "p99 ms", p99, again, against=FLOOR),
        compare(DUPLICATE, "web CPU µs", cpu_us, again, against=FLOOR),
    ]


def _rounds(bench: Bench) -> tuple[Samples, Samples]:
    """Start the servers, and run the rounds of the first callbacks and of their duplicates."""
    env, count = environment(small(bench), bench.daraja.port), bench.size.requests // 2
    with (
        hosted("wsgi:app", env, Hosting(), bench.logs) as service,
        floor_server(bench, small(bench)) as floor,
    ):
        batches = [pending_in(bench, "small", env, count) for _ in range(bench.size.rounds + 1)]
        warm_up(bench, service, floor, callbacks(batches.pop()))
        contestants = {
            "service": lambda n: bench.load(service, callbacks(batches[n])),
            FLOOR: lambda n: bench.load(floor, raw_posts(batches[n])),
        }
        return run_rounds(bench.size.rounds, contestants), run_rounds(bench.size.rounds, contestants)


def floor_server(bench: Bench, database_url: str, hosting: Hosting | None = None) -> Program:
    """Return a server of the floors; it reads from the service's own tables."""
    env = environment(database_url, bench.daraja.port)
    env["FLOOR_DATABASE_URL"] = floor_database(bench)
    env["FLOOR_READ_URL"] = database_url
    env["FLOOR_DARAJA_URL"] = env["MPESA_BASE_URL"]
    return hosted("benchmarks.floors:create_app()", env, hosting or Hosting(), bench.logs)


def pending_in(
    bench: Bench, database: str, env: dict[str, str], count: int | None = None
) -> list[seed.Pending]:
    """Store new pending payments and return them."""
    pending = seed.new_pending(count or bench.size.requests)
    with bench.postgres.connect(database) as connection:
        seed.store(connection, runtime_of(env).encryption, pending)
    return pending


def callbacks(pending: Sequence[seed.Pending]) -> list[bytes]:
    return [request("POST", f"/api/mpesa/callback/{one.token}", one.callback()) for one in pending]


def raw_posts(pending: Sequence[seed.Pending]) -> list[bytes]:
    return [request("POST", "/callback", one.callback()) for one in pending]


def warm_up(bench: Bench, service: Program, floor: Program, posts: Sequence[bytes]) -> Sample:
    """Fill the pools and compile the statements before the first round."""
    bench.load(floor, [request("POST", "/callback", {"warm": "up"})] * len(posts))
    return bench.load(service, posts)
