"""List pages of a hundred payments: the first and the deepest, in a small table and in a large one."""

import http.client
import json
from typing import Any

from benchmarks.bars import Row, at_least, at_most
from benchmarks.bench import RESTARTS, Bench
from benchmarks.databases import large, small
from benchmarks.paths.callbacks import floor_server
from benchmarks.processes import Program
from benchmarks.rounds import Sample, Samples, compare, cost, cpu_us, extend, p99, rate, run_rounds
from benchmarks.seed import OTHER_SHOP
from benchmarks.service import Hosting, bearer, environment, hosted, token_of
from benchmarks.wire import request
from mpesa_service.web.query_fields import cursor

PATH = "list page of 100"
FLOOR = "floor: the same SELECT and JSON"
LIMIT = 100
CONNECTIONS = 8
"""Few people read lists at the same time."""
FIRST, DEEPEST, IN_SMALL = "first page", "deepest page", "first page, small table"


def measure(bench: Bench) -> list[Row]:
    """Read the pages of one shop's payments.

    No other path adds payments of this shop, so the pages of both tables have rows of the same kind: a page
    of pending payments costs a tenth less than a page of paid ones.
    """
    samples: Samples = {}
    for _ in range(RESTARTS):
        extend(samples, _rounds(bench))
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
            PATH, "µs a page, deepest page", cost, samples, against=FIRST, ours=DEEPEST, bar=at_most(1.5)
        ),
        compare(
            PATH, f"µs a page, {size} payments", cost, samples, against=IN_SMALL, ours=FIRST, bar=at_most(1.1)
        ),
    ]


def _rounds(bench: Bench) -> Samples:
    """Start the servers and run all rounds. Two processes of the same code can differ by several percent."""
    large_env = environment(large(bench), bench.daraja.port)
    small_env = environment(small(bench), bench.daraja.port)
    headers = bearer(token_of(large_env, OTHER_SHOP))
    with (
        hosted("wsgi:app", large_env, Hosting(), bench.logs) as service,
        hosted("wsgi:app", small_env, Hosting(), bench.logs) as small_service,
        floor_server(bench, large(bench)) as floor,
    ):
        first = f"/api/mpesa/payments?limit={LIMIT}"
        contestants = {
            FIRST: (service, first),
            DEEPEST: (service, f"{first}&after={_cursor_of_the_last_page(bench)}"),
            IN_SMALL: (small_service, first),
            FLOOR: (floor, f"/list/{LIMIT}"),
        }
        for server, path in contestants.values():
            _check_full(server, path, headers)

        def pages(server: Program, path: str) -> Sample:
            wanted = [request("GET", path, headers=headers)] * (bench.size.fewer // 2)
            return bench.load(server, wanted, connections=CONNECTIONS)

        for contestant in contestants.values():
            pages(*contestant)
        return run_rounds(
            bench.size.rounds,
            {name: lambda _, c=contestant: pages(*c) for name, contestant in contestants.items()},  # type: ignore[misc]
        )


def get(server: Program, path: str, headers: dict[str, str]) -> Any:
    """Return the JSON of one response."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers=headers)
    answer = json.load(connection.getresponse())
    connection.close()
    return answer


def _check_full(server: Program, path: str, headers: dict[str, str]) -> None:
    """Raise RuntimeError unless the page is full: a page with fewer rows costs less."""
    rows = len(get(server, path, headers)["data"])
    if rows != LIMIT:
        raise RuntimeError(f"{path} has {rows} rows")


def _cursor_of_the_last_page(bench: Bench) -> str | None:
    """Return the cursor of the page with the oldest hundred payments of that shop."""
    query = "SELECT id FROM payments WHERE owner = %s ORDER BY id OFFSET %s LIMIT 1"
    with bench.postgres.connect("large") as connection:
        [before] = connection.execute(query, (OTHER_SHOP, LIMIT)).fetchone() or [None]
    return cursor(before)
