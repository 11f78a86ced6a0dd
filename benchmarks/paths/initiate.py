"""Initiates: a token, an idempotency key, two transactions, and a push that Daraja answers at once."""

import itertools
import secrets

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import floor_server
from benchmarks.rounds import compare, cpu_us, p99, rate, run_rounds
from benchmarks.service import Hosting, bearer, environment, hosted, token_of
from benchmarks.wire import request

PATH = "initiate, upstream answering at once"
FLOOR = "floor: JWT, two commits, one POST"
_numbers = itertools.count(1)


def measure(bench: Bench) -> list[Row]:
    """Start payments; each has its own order and phone."""
    env = environment(small(bench), bench.daraja.port)
    headers = bearer(token_of(env))
    count = bench.size.fewer
    with (
        hosted("wsgi:app", env, Hosting(), bench.logs) as service,
        floor_server(bench, small(bench)) as floor,
    ):
        bench.load(service, initiates(count, headers), 201)
        bench.load(floor, initiates(count, headers, "/initiate"), 201)
        samples = run_rounds(
            bench.size.rounds,
            {
                "service": lambda _: bench.load(service, initiates(count, headers), 201),
                FLOOR: lambda _: bench.load(floor, initiates(count, headers, "/initiate"), 201),
            },
        )
    return [
        compare(PATH, "web CPU µs", cpu_us, samples, against=FLOOR, bar=at_most(2, 1.4)),
        compare(PATH, "requests/s", rate, samples, against=FLOOR),
        compare(PATH, "p99 ms", p99, samples, against=FLOOR),
    ]


def initiates(count: int, headers: dict[str, str], path: str = "/api/mpesa/initiate") -> list[bytes]:
    """Return `count` requests that start a payment, each with its own idempotency key."""
    made = []
    for number in itertools.islice(_numbers, count):
        order = f"B-{secrets.token_hex(8)}"
        body = {
            "orderId": order,
            "amount": 100,
            "phoneNumber": f"2541{number:08d}",
            "metadata": {"basket": 7},
        }
        made.append(request("POST", path, body, {**headers, "Idempotency-Key": order}))
    return made
