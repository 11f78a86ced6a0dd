"""Claims of payments whose check is due, a batch at a time, among a large number of other payments."""

from datetime import UTC, datetime
from typing import Any

import psycopg

from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large
from benchmarks.rounds import Sample, compare, run_rounds, timed
from benchmarks.service import environment, runtime_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.payments import due

PATH = "claim due payments"
FLOOR = f"floor: the bare statement, {due.BATCH} at once"
BARE = (
    "UPDATE payments SET next_check_at = %(lease)s, last_checked_at = %(now)s,"
    " check_attempts = check_attempts + 1 WHERE id IN"
    " (SELECT id FROM payments WHERE next_check_at <= %(now)s ORDER BY next_check_at"
    " LIMIT %(most)s FOR UPDATE SKIP LOCKED)"
    " RETURNING id, checkout_id_encrypted"
)
NEVER = datetime(2100, 1, 1, tzinfo=UTC)


def measure(bench: Bench) -> list[Row]:
    """Claim as the job does, a batch in a transaction with its rate-limiter tokens; and on the floor."""
    env = environment(large(bench), bench.daraja.port, MPESA_QUERIES_PER_MINUTE="600000000")
    runtime = runtime_of(env)

    def ours(_: int) -> Sample:
        make_due(bench)
        return timed(lambda: claim_service(runtime), bench.size.due)

    with bench.postgres.connect("large") as connection:

        def floor(_: int) -> Sample:
            make_due(bench)
            return timed(lambda: claim_floor(connection), bench.size.due)

        samples = run_rounds(bench.size.rounds, {"service": ours, FLOOR: floor})
    runtime.database.dispose()
    return [compare(PATH, "ms a claim", milliseconds, samples, against=FLOOR, bar=at_most(2, 1.3))]


def make_due(bench: Bench) -> None:
    """Make payments from all parts of the table due, and no others."""
    with bench.postgres.connect("large") as connection:
        connection.execute("UPDATE payments SET next_check_at = NULL WHERE next_check_at IS NOT NULL")
        connection.execute(
            "UPDATE payments SET next_check_at = now() - interval '1 minute', status = 'unknown' WHERE id IN"
            " (SELECT id FROM payments ORDER BY callback_token_hash LIMIT %s)",
            (bench.size.due,),
        )
        connection.execute("VACUUM ANALYZE payments")


def claim_service(runtime: Runtime) -> int:
    """Claim all due payments as the job does, without a query to Daraja."""
    count = 0
    for claim in (due.claim_unqueryable, due.claim_queryable):
        while claimed := claim(runtime, due.BATCH):
            count += len(claimed)
    return count


def claim_floor(connection: "psycopg.Connection[Any]") -> int:
    """Claim with one statement for each batch; the batches are as large as the job's."""
    count = 0
    while claimed := connection.execute(BARE, _barely_now()).fetchall():
        count += len(claimed)
    return count


def _barely_now() -> dict[str, Any]:
    return {"now": datetime.now(UTC), "lease": NEVER, "most": due.BATCH}


def milliseconds(sample: Sample) -> float:
    return sample.seconds / sample.count * 1e3
