"""The service on SQLite for the tests of the web."""

from typing import Any

import pytest

from daraja_simulator.server import SimulatorServer
from tests.support import Listening, Service, TestClock, start_service


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
