"""How the cost grows with gunicorn workers, connections and the size of the table; and SQLite."""

from benchmarks import seed
from benchmarks.bars import Row, at_most
from benchmarks.bench import Bench
from benchmarks.databases import large, small
from benchmarks.paths.callbacks import callbacks, pending_in
from benchmarks.postgres import migrate
from benchmarks.processes import Program
from benchmarks.rounds import Sample, compare, cost, cpu_us, database_us, median_of, p99, rate, run_rounds
from benchmarks.service import THREADS, Hosting, environment, hosted, runtime_of
from mpesa_service.core.database import Database
from mpesa_service.models import Payment

WORKERS = "callbacks by gunicorn workers"
CLIENTS = "callbacks by connections"
TABLE = "callbacks by payments in the table"
DISK = "payments on disk"
MEMORY = "memory"


def measure(bench: Bench) -> list[Row]:
    """Settle payments in each setting; only the size of the table has a bar."""
    return [*_by_workers(bench), *_by_table(bench), *_on_disk(bench), *_on_sqlite(bench)]


def _settle(bench: Bench, service: Program, database: str, env: dict[str, str]) -> Sample:
    return bench.load(service, callbacks(pending_in(bench, database, env)))


def _figures(path: str, setting: str, samples: list[Sample]) -> list[Row]:
    figures = {"requests/s": rate, "p99 ms": p99, "web CPU µs": cpu_us, "database CPU µs": database_us}
    return [Row(path, f"{setting}: {name}", median_of(samples, figure)) for name, figure in figures.items()]


def _by_workers(bench: Bench) -> list[Row]:
    env = environment(small(bench), bench.daraja.port)
    rows = []
    for workers in bench.size.worker_counts:
        with hosted("wsgi:app", env, Hosting(workers=workers), bench.logs) as service:
            _settle(bench, service, "small", env)
            samples = [_settle(bench, service, "small", env) for _ in range(bench.size.rounds)]
            memory = service.memory()
        name = f"{workers} × {THREADS} threads"  # noqa: RUF001
        rows += _figures(WORKERS, name, samples)
        rows.append(Row(MEMORY, f"{name}: MiB of the largest worker", memory))
    return rows


def _by_table(bench: Bench) -> list[Row]:
    few, many = (f"{count:,} payments" for count in (bench.size.small, bench.size.large))
    small_env = environment(small(bench), bench.daraja.port)
    large_env = environment(large(bench), bench.daraja.port)
    with (
        hosted("wsgi:app", small_env, Hosting(), bench.logs) as small_service,
        hosted("wsgi:app", large_env, Hosting(), bench.logs) as large_service,
    ):
        for service, name, env in ((small_service, "small", small_env), (large_service, "large", large_env)):
            _settle(bench, service, name, env)
        samples = run_rounds(
            bench.size.rounds,
            {
                few: lambda _: _settle(bench, small_service, "small", small_env),
                many: lambda _: _settle(bench, large_service, "large", large_env),
            },
        )
        by_clients = _by_connections(bench, small_service, small_env)
    figure = f"µs a callback, {many}"
    grown = compare(TABLE, figure, cost, samples, against=few, ours=many, bar=at_most(1.2))
    return [*by_clients, grown]


def _by_connections(bench: Bench, service: Program, env: dict[str, str]) -> list[Row]:
    def settle(connections: int) -> Sample:
        pending = pending_in(bench, "small", env, bench.size.fewer)
        return bench.load(service, callbacks(pending), connections=connections)

    samples = run_rounds(
        bench.size.rounds,
        {f"{count} at once": lambda _, n=count: settle(n) for count in bench.size.connection_counts},  # type: ignore[misc]
    )
    return [row for name, of_it in samples.items() for row in _figures(CLIENTS, name, of_it)]


def _on_disk(bench: Bench) -> list[Row]:
    """Return the sizes of the large table of payments, without audit trails and stored callbacks."""
    with bench.postgres.connect("large") as connection:
        sizes = connection.execute("SELECT pg_table_size('payments'), pg_indexes_size('payments')").fetchone()
    name = f"{bench.size.large:,} payments"
    return [
        Row(DISK, f"{name}: MiB of {what}", size / 2**20)
        for what, size in zip(("rows", "indexes"), sizes or (), strict=True)
    ]


def _on_sqlite(bench: Bench) -> list[Row]:
    url = f"sqlite:///{bench.logs / 'service.db'}"
    migrate(url)
    env = environment(url, bench.daraja.port)
    with hosted("wsgi:app", env, Hosting(), bench.logs) as service:
        _settle_on_sqlite(bench, service, env)
        samples = [_settle_on_sqlite(bench, service, env) for _ in range(bench.size.rounds)]
        memory = service.memory()
    return [
        Row("callbacks on SQLite", "requests/s", median_of(samples, rate)),
        Row("callbacks on SQLite", "p99 ms", median_of(samples, p99)),
        Row("callbacks on SQLite", "web CPU µs", median_of(samples, cpu_us)),
        Row(MEMORY, "SQLite: MiB of the worker", memory),
    ]


def _settle_on_sqlite(bench: Bench, service: Program, env: dict[str, str]) -> Sample:
    pending = seed.new_pending(bench.size.requests // 2)
    encryption = runtime_of(env).encryption
    database = Database(env["DATABASE_URL"])
    with database.begin() as session:
        session.add_all(Payment(**seed.as_attributes(seed.pending_row(encryption, one))) for one in pending)
    database.dispose()
    return bench.load(service, callbacks(pending))
