"""The service on SQLite for the tests of the web."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from daraja_simulator.server import SimulatorServer
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.database import Database
from mpesa_service.core.runtime import build_runtime
from tests.support import Listening, Service, TestClock, environment, start_service
from tests.web.tokens import AUDIENCE, ISSUER


@pytest.fixture
def make_service(
    listening: Listening,
    simulator: SimulatorServer,
    clock: TestClock,
    service_env: dict[str, str],
    sqlite_url: str,
) -> Any:
    started: list[Service] = []

    def make(**changes: str) -> Service:
        env = {**service_env, "DATABASE_URL": sqlite_url, **changes}
        started.append(start_service(listening, simulator, clock, env))
        return started[-1]

    yield make
    for service in started:
        service.runtime.database.dispose()


@pytest.fixture
def shop(make_service: Any) -> Service:
    """The service on SQLite, without rate limits."""
    found: Service = make_service()
    return found


@pytest.fixture(scope="module")
def template(migrated_sqlite: Any, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("auth") / "service.db"
    path.write_bytes(migrated_sqlite.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture(scope="module")
def make_app(template: str) -> Iterator[Any]:
    databases: list[Database] = []

    def make(**changes: str) -> Flask:
        settings = load_settings(environment(DATABASE_URL=template, **changes))
        runtime = build_runtime(settings)
        databases.append(runtime.database)
        return build_app(settings, runtime)

    yield make
    for database in databases:
        database.dispose()


@pytest.fixture(scope="module")
def app(make_app: Any) -> Flask:
    found: Flask = make_app()
    return found


@pytest.fixture(scope="module")
def strict_app(make_app: Any) -> Flask:
    found: Flask = make_app(JWT_ISSUER=ISSUER, JWT_AUDIENCE=AUDIENCE)
    return found
