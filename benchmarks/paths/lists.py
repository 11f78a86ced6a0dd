"""A page of a hundred payments: the first and the deepest, in a small table and in a large one."""

import http.client
import json
from typing import Any

from benchmarks.bars import Row, at_least, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large, small
from benchmarks.paths.callbacks import floor_server
from benchmarks.processes import Program
from benchmarks.rounds import Sample, Samples, compare, cpu_us, p99, play, rate
from benchmarks.service import SHOP, Hosting, bearer, environment, hosted, token_of
from benchmarks.wire import request
from mpesa_service.schemas.query_fields import cursor

PATH = "list page of 100"
FLOOR = "floor: the same SELECT and JSON"
LIMIT = 100
CONNECTIONS = 8
"""Lists are for people and for reports."""
FIRST, DEEPEST, IN_SMALL = "first page", "deepest page", "first page, small table"


def measure(bench: Bench) -> list[Row]:
    """Read pages of the shop's own payments, each again and again."""
    large_env = environment(large(bench), bench.daraja.port)
    small_env = environment(small(bench), bench.daraja.port)
    headers = bearer(token_of(large_env))
    with (
        hosted("wsgi:app", large_env, Hosting(), bench.logs) as service,
        hosted("wsgi:app", small_env, Hosting(), bench.logs) as small_service,
        floor_server(bench, large(bench)) as floor,
    ):
        first = f"/api/mpesa/payments?limit={LIMIT}"
        deepest = f"{first}&after={_cursor_of_the_last_page(bench)}"
        contestants = {
            FIRST: (service, first),
            DEEPEST: (service, deepest),
            IN_SMALL: (small_service, first),
            FLOOR: (floor, f"/list/{LIMIT}"),
        }
        for server, path in contestants.values():
            _check_full(server, path, headers)

        def pages(server: Program, path: str) -> Sample:
            wanted = [request("GET", path, headers=headers)] * bench.size.fewer
            return bench.load(server, wanted, connections=CONNECTIONS)

        for contestant in contestants.values():
            pages(*contestant)
        samples: Samples = play(
            bench.size.rounds,
            {name: lambda _, c=contestant: pages(*c) for name, contestant in contestants.items()},  # type: ignore[misc]
        )
    size = f"{bench.size.large:,}"
    return [
        compare(
            PATH,
            f"requests/s, {size} payments",
            rate,
            samples,
            against=FLOOR,
            ours=FIRST,
            bar=at_least(0.5, 0.75),
        ),
        compare(PATH, "web CPU µs", cpu_us, samples, against=FLOOR, ours=FIRST),
        compare(PATH, "p99 ms", p99, samples, against=FLOOR, ours=FIRST),
        compare(
            PATH, "µs a page, deepest page", _cost, samples, against=FIRST, ours=DEEPEST, bar=at_most(1.5)
        ),
        compare(
            PATH,
            f"µs a page, {size} payments",
            _cost,
            samples,
            against=IN_SMALL,
            ours=FIRST,
            bar=at_most(1.2),
        ),
    ]


def _cost(sample: Sample) -> float:
    """Microseconds of the web processes and the database together, a page."""
    return sample.cpu_us + sample.database_us


def get(server: Program, path: str, headers: dict[str, str]) -> Any:
    """Return the JSON of one answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


def _check_full(server: Program, path: str, headers: dict[str, str]) -> None:
    """A page with fewer rows would be fast for nothing: raise RuntimeError."""
    rows = len(get(server, path, headers)["data"])
    if rows != LIMIT:
        raise RuntimeError(f"{path} has {rows} rows")


def _cursor_of_the_last_page(bench: Bench) -> str | None:
    """Return the cursor that leads to the oldest hundred of the shop's payments."""
    query = "SELECT id FROM payments WHERE owner = %s ORDER BY id OFFSET %s LIMIT 1"
    with bench.postgres.connect("large") as connection:
        [before] = connection.execute(query, (SHOP, LIMIT)).fetchone() or [None]
    return cursor(before)
