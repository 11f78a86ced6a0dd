"""Claiming payments that are due to be asked about, among very many that are not."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large
from benchmarks.rounds import Sample, compare, play
from benchmarks.service import environment, runtime_of
from mpesa_service.services import reconcile
from mpesa_service.services.runtime import Runtime

PATH = "claim due payments, one by one"
FLOOR = "floor: the bare claiming statement"
BARE = (
    "UPDATE payments SET ask_at = %(lease)s, asked_at = %(now)s, asks_made = asks_made + 1 WHERE id ="
    " (SELECT id FROM payments WHERE ask_at <= %(now)s ORDER BY ask_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
    " RETURNING id, checkout_id_encrypted"
)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def measure(bench: Bench) -> list[Row]:
    """Claim as the job does, one payment a transaction with its pace, and as barely as can be."""
    env = environment(large(bench), bench.daraja.port, MPESA_QUERIES_PER_MINUTE="600000000")
    runtime = runtime_of(env)

    def ours(_: int) -> Sample:
        make_due(bench)
        return timed(lambda: claim_all(runtime), bench.size.due)

    def barely(_: int) -> Sample:
        make_due(bench)
        return timed(lambda: claim_barely(bench), bench.size.due)

    samples = play(bench.size.rounds, {"service": ours, FLOOR: barely})
    runtime.database.dispose()
    return [compare(PATH, "ms a claim", milliseconds, samples, against=FLOOR, bar=at_most(2, 1.3))]


def make_due(bench: Bench) -> None:
    """Make so many payments due, from all over the table, and nothing else."""
    with bench.postgres.connect("large") as connection:
        connection.execute("UPDATE payments SET ask_at = NULL WHERE ask_at IS NOT NULL")
        connection.execute(
            "UPDATE payments SET ask_at = now() - interval '1 minute', status = 'unknown' WHERE id IN"
            " (SELECT id FROM payments ORDER BY callback_token_hash LIMIT %s)",
            (bench.size.due,),
        )
        connection.execute("VACUUM ANALYZE payments")


def claim_all(runtime: Runtime) -> int:
    """Take every turn that is due, as `ask_due` does, without asking."""
    taken = 0
    while reconcile.next_turn(runtime) is not None:
        taken += 1
    return taken


def claim_barely(bench: Bench) -> int:
    """Claim with one statement a payment."""
    taken = 0
    with bench.postgres.connect("large") as connection:
        while connection.execute(BARE, {"now": datetime.now(UTC), "lease": NEVER}).fetchone() is not None:
            taken += 1
    return taken


def timed(act: Callable[[], int], expected: int) -> Sample:
    """Return the sample of an act that has to come to `expected`."""
    started = time.perf_counter()
    count = act()
    seconds = time.perf_counter() - started
    if count != expected:
        raise RuntimeError(f"{count} were claimed instead of {expected}")
    return Sample(count, seconds)


def milliseconds(sample: Sample) -> float:
    return sample.seconds / sample.count * 1e3
