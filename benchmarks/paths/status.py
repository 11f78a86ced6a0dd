"""Status reads of settled payments: one row, and no query to Daraja."""

from collections.abc import Sequence

from benchmarks.bars import Row, at_least
from benchmarks.bench import Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import floor_server
from benchmarks.rounds import compare, cpu_us, p99, rate, run_rounds
from benchmarks.service import SHOP, Hosting, bearer, environment, hosted, token_of
from benchmarks.wire import request

PATH = "status read"
FLOOR = "floor: JWT and one SELECT"


def measure(bench: Bench) -> list[Row]:
    """Read payments by their id."""
    env = environment(small(bench), bench.daraja.port)
    headers = bearer(token_of(env))
    ids = ids_of(bench, "small", bench.size.requests)
    ours = [request("GET", f"/api/mpesa/query/{one}", headers=headers) for one in ids]
    theirs = [request("GET", f"/status/{one}", headers=headers) for one in ids]
    with (
        hosted("wsgi:app", env, Hosting(), bench.logs) as service,
        floor_server(bench, small(bench)) as floor,
    ):
        bench.load(service, ours)
        bench.load(floor, theirs)
        samples = run_rounds(
            bench.size.rounds,
            {"service": lambda _: bench.load(service, ours), FLOOR: lambda _: bench.load(floor, theirs)},
        )
    return [
        compare(PATH, "requests/s", rate, samples, against=FLOOR, bar=at_least(0.6, 0.8)),
        compare(PATH, "p99 ms", p99, samples, against=FLOOR),
        compare(PATH, "web CPU µs", cpu_us, samples, against=FLOOR),
    ]


def ids_of(bench: Bench, database: str, count: int) -> Sequence[str]:
    """Return `count` ids of the shop's settled payments, from all parts of the table."""
    query = (
        "SELECT id FROM payments WHERE owner = %s AND status = 'succeeded' AND completed_at IS NOT NULL"
        " ORDER BY callback_token_hash LIMIT %s"
    )
    with bench.postgres.connect(database) as connection:
        found = [row[0] for row in connection.execute(query, (SHOP, count)).fetchall()]
    return [found[number % len(found)] for number in range(count)]
