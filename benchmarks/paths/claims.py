"""Claiming payments that are due to be asked about, a batch at a time, among very many that are not."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large
from benchmarks.rounds import Sample, compare, play, timed
from benchmarks.service import environment, runtime_of
from mpesa_service.services import turns
from mpesa_service.services.runtime import Runtime

PATH = "claim due payments"
FLOOR = f"floor: the bare statement, {turns.BATCH} at once"
BARE = (
    "UPDATE payments SET ask_at = %(lease)s, asked_at = %(now)s, asks_made = asks_made + 1 WHERE id IN"
    " (SELECT id FROM payments WHERE ask_at <= %(now)s ORDER BY ask_at LIMIT %(most)s FOR UPDATE SKIP LOCKED)"
    " RETURNING id, checkout_id_encrypted"
)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def measure(bench: Bench) -> list[Row]:
    """Claim as the job does, a batch a transaction with its turns of the pace, and as barely as can be."""
    env = environment(large(bench), bench.daraja.port, MPESA_QUERIES_PER_MINUTE="600000000")
    runtime = runtime_of(env)

    def ours(_: int) -> Sample:
        make_due(bench)
        return timed(lambda: claim_all(runtime), bench.size.due)

    with bench.postgres.connect("large") as connection:

        def barely(_: int) -> Sample:
            make_due(bench)
            return timed(lambda: claim_barely(connection), bench.size.due)

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
    """Take whatever is due, as `ask_due` does, without asking."""
    count = 0
    for take in (turns.take_unaskable, turns.take_askable):
        while taken := take(runtime, turns.BATCH):
            count += len(taken)
    return count


def claim_barely(connection: "psycopg.Connection[Any]") -> int:
    """Claim with one statement a batch, as large as the job's."""
    count = 0
    while taken := connection.execute(BARE, _barely_now()).fetchall():
        count += len(taken)
    return count


def _barely_now() -> dict[str, Any]:
    return {"now": datetime.now(UTC), "lease": NEVER, "most": turns.BATCH}


def milliseconds(sample: Sample) -> float:
    return sample.seconds / sample.count * 1e3
