"""The same callbacks for peers: mainfinity-django-mpesa, django-daraja, and a view from a tutorial."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine

from benchmarks import peer_hosting, seed, tutorial
from benchmarks.bars import Row, at_least
from benchmarks.bench import CONNECTIONS, RESTARTS, Bench
from benchmarks.databases import small
from benchmarks.paths.callbacks import callbacks, pending_in
from benchmarks.rounds import Sample, Samples, compare, cpu_us, extend, p99, rate, run_rounds
from benchmarks.service import Hosting, environment, hosted
from benchmarks.wire import request

PATH = "callback that settles a payment, others"
MAINFINITY = "mainfinity-django-mpesa"
TUNED = "the same, tuned"
DARAJA = "django-daraja and a view"
TUTORIAL = "Flask + SQLAlchemy tutorial"
BARS = {MAINFINITY: 4.5, TUNED: 3, DARAJA: 1.15, TUTORIAL: 1.3}
"""The least ratio of settled callbacks per second, the service's to the peer's."""
_TRANSACTION = (
    *("id", "transaction_type", "status", "checkout_request_id", "merchant_request_id", "phone_number"),
    *("amount", "account_reference", "transaction_desc", "initiated_at", "idempotency_locked"),
)


@dataclass(frozen=True)
class _Environments:
    """The environment of each server."""

    service: dict[str, str]
    as_it_comes: dict[str, str]
    tuned: dict[str, str]
    tutorial: dict[str, str]


def measure(bench: Bench) -> list[Row]:
    """Settle the same number of pending payments with each; all use the same hosting and PostgreSQL.

    mainfinity is measured twice: as Django comes, with a new database connection for each request, and tuned,
    with connections that are kept (CONN_MAX_AGE). django-daraja runs on the tuned site. Every server has one
    worker on the same core.
    """
    python = peer_hosting.install()
    bench.versions.update(peer_hosting.versions(python))
    database = bench.postgres.database("peers")
    service = environment(small(bench), bench.daraja.port)
    envs = _Environments(
        service=service,
        as_it_comes=peer_hosting.environment(database),
        tuned=peer_hosting.environment(database, tuned=True),
        tutorial={**service, "TUTORIAL_DATABASE_URL": _tutorial_database(bench)},
    )
    peer_hosting.make_tables(python, envs.as_it_comes)
    samples: Samples = {}
    for _ in range(RESTARTS):
        extend(samples, _rounds(bench, envs, python))
    _check_settled(bench)
    rows = [
        compare(PATH, "requests/s", rate, samples, against=other, bar=at_least(limit))
        for other, limit in BARS.items()
    ]
    for other in BARS:
        rows.append(compare(PATH, "p99 ms", p99, samples, against=other))
        rows.append(compare(PATH, "web CPU µs", cpu_us, samples, against=other))
    return rows


def _rounds(bench: Bench, envs: _Environments, python: Path) -> Samples:
    """Start the servers and run all rounds."""
    count = max(bench.size.requests // 4, CONNECTIONS)
    with (
        hosted("wsgi:app", envs.service, Hosting(), bench.logs) as service,
        peer_hosting.hosted(python, envs.as_it_comes, Hosting(), bench.logs) as plain_site,
        peer_hosting.hosted(python, envs.tuned, Hosting(), bench.logs) as site,
        hosted("benchmarks.tutorial:create_app()", envs.tutorial, Hosting(), bench.logs) as tutorial_server,
    ):
        contestants: dict[str, Callable[[int], Sample]] = {
            "service": lambda _: bench.load(
                service, callbacks(pending_in(bench, "small", envs.service, count))
            ),
            MAINFINITY: lambda _: bench.load(plain_site, _to_mainfinity(bench, count)),
            TUNED: lambda _: bench.load(site, _to_mainfinity(bench, count)),
            DARAJA: lambda _: bench.load(site, _to_daraja(bench, count)),
            TUTORIAL: lambda _: bench.load(tutorial_server, _to_tutorial(bench, count)),
        }
        for contestant in contestants.values():
            contestant(0)
        return run_rounds(bench.size.rounds, contestants)


def _tutorial_database(bench: Bench) -> str:
    url = bench.postgres.database("tutorial")
    engine = create_engine(url)
    tutorial.TutorialBase.metadata.create_all(engine)
    engine.dispose()
    return url


def _posts(path: str, pending: Sequence[seed.Pending]) -> list[bytes]:
    return [request("POST", path, one.callback()) for one in pending]


def _store(
    bench: Bench, database: str, table: str, columns: Sequence[str], rows: list[tuple[Any, ...]]
) -> None:
    with (
        bench.postgres.connect(database) as connection,
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN") as stream,
    ):
        for row in rows:
            stream.write_row(row)


def _to_mainfinity(bench: Bench, count: int) -> list[bytes]:
    pending, now = seed.new_pending(count), datetime.now(UTC)
    kind, amount = "STK_PUSH", seed.AMOUNT
    rows: list[tuple[Any, ...]] = [
        (
            uuid.uuid4(),
            kind,
            "PENDING",
            p.checkout_id,
            p.merchant_id,
            p.phone,
            amount,
            "ORDER1",
            "Payment",
            now,
            False,
        )
        for p in pending
    ]
    _store(bench, "peers", "shop_mpesatransaction", _TRANSACTION, rows)
    return _posts("/mpesa/stk/callback/", pending)


def _to_daraja(bench: Bench, count: int) -> list[bytes]:
    pending = seed.new_pending(count)
    columns = ("checkout_request_id", "amount", "phone_number", "status")
    rows: list[tuple[Any, ...]] = [(p.checkout_id, seed.AMOUNT, p.phone, "PENDING") for p in pending]
    _store(bench, "peers", "shop_darajapayment", columns, rows)
    return _posts("/daraja/callback/", pending)


def _to_tutorial(bench: Bench, count: int) -> list[bytes]:
    pending = seed.new_pending(count)
    columns = ("checkout_request_id", "amount", "phone_number", "status")
    rows: list[tuple[Any, ...]] = [(p.checkout_id, seed.AMOUNT, p.phone, "pending") for p in pending]
    _store(bench, "tutorial", "tutorial_payments", columns, rows)
    return _posts("/callback", pending)


def _check_settled(bench: Bench) -> None:
    """Raise RuntimeError if a peer answered a callback and did not settle its payment."""
    left = "SELECT count(*) FROM {} WHERE status NOT IN ('SUCCESS', 'paid')"
    tables = (
        ("peers", "shop_mpesatransaction"),
        ("peers", "shop_darajapayment"),
        ("tutorial", "tutorial_payments"),
    )
    for database, table in tables:
        with bench.postgres.connect(database) as connection:
            count = connection.execute(left.format(table)).fetchone()
        if count != (0,):
            raise RuntimeError(f"{table}: {count} payments are not settled after their callbacks")
