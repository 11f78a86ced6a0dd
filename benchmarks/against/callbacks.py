"""Payments that are started and settled: one at a time, 32 at once, and on SQLite."""

from benchmarks import seed
from benchmarks.against.comparison import NEW, Comparison, Load, against_old, settle_alternately
from benchmarks.bars import Row, at_least, at_most
from benchmarks.bench import CONNECTIONS
from benchmarks.paths.callbacks import FLOOR, floor_server, raw_posts
from benchmarks.rounds import compare, cpu_us, database_us, p99, rate

ALONE = "settling callback, alone"
TOGETHER = f"settling callback, {CONNECTIONS} at once"
INITIATE_ALONE = "initiate, alone"
INITIATE = f"initiate, {CONNECTIONS} at once"
SQLITE = f"settling callback, {CONNECTIONS} at once, SQLite"
"""Names of the table's paths."""


def alone(comparison: Comparison) -> list[Row]:
    """One connection: no callback shares its statements with another."""
    amounts = comparison.amounts
    load = Load(amounts.alone, 1, starting_connections=1, restarts=amounts.restarts)
    started, settled = settle_alternately(comparison, comparison.postgres_urls(), load)
    return [
        against_old(ALONE, "web CPU µs", cpu_us, settled, at_most(0.75, 0.65)),
        against_old(ALONE, "database CPU µs", database_us, settled),
        against_old(INITIATE_ALONE, "web CPU µs", cpu_us, started),
    ]


def together(comparison: Comparison) -> list[Row]:
    """32 connections, beside the floor that only stores the raw body."""
    bench, amounts = comparison.bench, comparison.amounts
    load = Load(amounts.together, CONNECTIONS, starting_connections=CONNECTIONS, restarts=amounts.restarts)
    urls = comparison.postgres_urls()
    posts = raw_posts(seed.new_pending(load.requests))
    with floor_server(bench, urls[NEW]) as floor:
        bench.load(floor, posts)
        floors = {FLOOR: lambda _: bench.load(floor, posts)}
        started, settled = settle_alternately(comparison, urls, load, floors)
    return [
        against_old(TOGETHER, "web CPU µs", cpu_us, settled, at_most(1)),
        against_old(TOGETHER, "database CPU µs", database_us, settled, at_most(1.5)),
        against_old(TOGETHER, "requests/s", rate, settled),
        against_old(TOGETHER, "p99 ms", p99, settled),
        compare(TOGETHER, "requests/s", rate, settled, against=FLOOR, ours=NEW, bar=at_least(0.6)),
        against_old(INITIATE, "web CPU µs", cpu_us, started, at_most(0.8)),
        against_old(INITIATE, "database CPU µs", database_us, started),
        against_old(INITIATE, "requests/s", rate, started),
    ]


def sqlite(comparison: Comparison) -> list[Row]:
    """32 connections on a database with a single writer; payments are started over two."""
    amounts = comparison.amounts
    load = Load(2 * amounts.together, CONNECTIONS, starting_connections=2, restarts=amounts.sqlite_restarts)
    _, settled = settle_alternately(comparison, comparison.sqlite_urls(), load)
    return [
        against_old(SQLITE, "requests/s", rate, settled, at_least(2)),
        against_old(SQLITE, "p99 ms", p99, settled, at_most(0.2)),
        against_old(SQLITE, "web CPU µs", cpu_us, settled),
    ]
