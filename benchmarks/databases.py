"""The databases that several paths share, created at first use."""

from benchmarks import floors, seed
from benchmarks.bench import Bench
from benchmarks.postgres import migrate
from benchmarks.service import environment, runtime_of
from mpesa_service.core.database import Database

FLOOR = "floor"


def service_database(bench: Bench, name: str, payments: int = 0) -> str:
    """Return the address of a migrated database with this number of settled payments."""
    if name not in bench.urls:
        url = bench.postgres.database(name)
        migrate(url)
        if payments:
            encryption = runtime_of(environment(url, bench.daraja.port)).encryption
            with bench.postgres.connect(name) as connection:
                seed.fill(connection, encryption, payments, bench.note)
            bench.postgres.vacuum(name)
        bench.urls[name] = url
    return bench.urls[name]


def small(bench: Bench) -> str:
    return service_database(bench, "small", bench.size.small)


def large(bench: Bench) -> str:
    return service_database(bench, "large", bench.size.large)


def floor_database(bench: Bench) -> str:
    """Return the address of the database that the floors write to."""
    if FLOOR not in bench.urls:
        url = bench.postgres.database(FLOOR)
        database = Database(url)
        floors.metadata.create_all(database.engine)
        database.dispose()
        bench.urls[FLOOR] = url
    return bench.urls[FLOOR]
