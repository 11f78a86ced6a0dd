"""The cost of SQLAlchemy's execution layer: `load` and `commit` with and without it, in this process.

Both sides execute the same SQL texts on connections of the same pool. One passes them to psycopg, as the
service does, and the other one passes them to SQLAlchemy Core.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import Connection, CursorResult, Engine

from benchmarks import seed
from benchmarks.bars import Row
from benchmarks.bench import Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import pending_in
from benchmarks.rounds import Sample, compare, cpu_us, run_rounds
from benchmarks.service import environment, runtime_of
from mpesa_service.core.drivers import PostgresDriver
from mpesa_service.core.encryption import Encryption, token_hash
from mpesa_service.core.inbox import Posted, Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.planning import apply_report
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, Outcome, PaymentReport
from mpesa_service.models.commit import commit
from mpesa_service.models.driver import Driver, Values
from mpesa_service.models.load import About, load

PATH = "load and commit of a settling callback"
DRIVER, CORE = "driver", "SQLAlchemy Core"
Open = Callable[[], AbstractContextManager[Driver]]


class _CoreConnection:
    """A connection that executes through SQLAlchemy Core, in the form that the driver's connection has."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Values) -> CursorResult[Any]:
        parameters = dict(values) if isinstance(values, dict) else tuple(values)
        return self._connection.exec_driver_sql(sql, parameters)


def measure(bench: Bench) -> list[Row]:
    """Load and settle as many payments with each side in every round; the sides alternate."""
    env = environment(small(bench), bench.daraja.port)
    runtime = runtime_of(env)
    engine = runtime.database.engine.execution_options(autocommit=True)  # made once, as a service would
    sides: dict[str, Open] = {DRIVER: runtime.database.reading, CORE: lambda: _core(engine)}
    count, rounds = bench.size.requests, bench.size.rounds
    batches = {name: [pending_in(bench, "small", env, count) for _ in range(rounds + 1)] for name in sides}
    bench.postgres.vacuum("small")
    for name, opened in sides.items():  # fills the pool and the caches
        _settle(runtime, opened, batches[name].pop())
    samples = run_rounds(
        rounds,
        {
            DRIVER: lambda number: _settle(runtime, sides[DRIVER], batches[DRIVER][number]),
            CORE: lambda number: _settle(runtime, sides[CORE], batches[CORE][number]),
        },
    )
    runtime.database.dispose()
    return [compare(PATH, "CPU µs", cpu_us, samples, against=CORE, ours=DRIVER)]


@contextmanager
def _core(engine: Engine) -> Iterator[Driver]:
    """Give a connection as `Database.reading` does, but through SQLAlchemy Core."""
    with engine.connect() as connection:
        yield PostgresDriver(_CoreConnection(connection), lambda error: error)


def _settle(runtime: Runtime, opened: Open, pending: Sequence[seed.Pending]) -> Sample:
    """Return the time and CPU of loading and committing; the decisions between them do not count."""
    abouts = [_about(runtime.encryption, one) for one in pending]
    facts, loading = _timed(lambda: [_load(opened, about) for about in abouts])
    plans = [_plan(runtime, one, known) for one, known in zip(pending, facts, strict=True)]
    written, writing = _timed(lambda: [_commit(opened, plan) for plan in plans])
    if not all(written):
        raise RuntimeError("a payment was not settled")
    return Sample(len(pending), loading[0] + writing[0], loading[1] + writing[1])


def _timed(act: Callable[[], list[Any]]) -> tuple[list[Any], tuple[float, float]]:
    """Return the results, the seconds, and the CPU seconds of this process."""
    started, cpu = perf_counter(), process_time()
    found = act()
    return found, (perf_counter() - started, process_time() - cpu)


def _load(opened: Open, about: About) -> PaymentFacts | None:
    with opened() as connection:
        return load(connection, about)


def _commit(opened: Open, plan: Plan) -> bool:
    with opened() as connection:
        return commit(connection, plan) is not None


def _about(encryption: Encryption, one: seed.Pending) -> About:
    checkout = encryption.blind_index("checkout", one.checkout_id)
    return About(checkout=checkout, token=token_hash(one.token), receipt=one.receipt)


def _plan(runtime: Runtime, one: seed.Pending, facts: PaymentFacts) -> Plan:
    """Return what a callback of the paid prompt changes, with the callback's inbox row."""
    now = runtime.clock()
    report = PaymentReport(Evidence.CALLBACK, Outcome.PAID, now, "0", receipt=one.receipt, amount=seed.AMOUNT)
    posted = Posted(CallbackKind.STK, one.token, b"a callback", {}, None)
    received = Received.of(posted, runtime.encryption, now)
    change = PaymentChange(facts)
    decision = apply_report(change, report)
    return received.added_to(change.plan(decision.verdict, decision.reason), now)
