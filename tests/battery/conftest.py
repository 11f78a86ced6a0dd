"""What the battery's tests share. A failure's first line is the command that repeats it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.battery.clocks import TickingClock
from tests.battery.processes import Watched
from tests.battery.sizes import SEED, replay
from tests.battery.stack import Stack
from tests.battery.sweep import MANUAL, StepRunner, step_runner
from tests.support import Listening, Service, start_service


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    report = yield
    if report.failed:
        report.longrepr = f"{replay(item.nodeid)}\n\n{report.longreprtext}"
    return report


@pytest.fixture(scope="session", autouse=True)
def _watchdog() -> Iterator[None]:
    yield
    Watched.close()


@pytest.fixture(autouse=True)
def _seed() -> None:
    print(f"seed {SEED}")


@pytest.fixture
def new_stack(new_migrated_database: Any, tmp_path: Path, certificate: Path) -> Iterator[Any]:
    """Starts the service with gunicorn, the job runner and a simulator, on a PostgreSQL database."""
    stacks: list[Stack] = []

    def make(database_url: str | None = None, simulator: dict[str, Any] | None = None, **env: str) -> Stack:
        if database_url is None:
            database_url = new_migrated_database("battery")
        stacks.append(Stack(tmp_path, database_url, simulator or {}, env))
        stacks[-1].start()
        return stacks[-1]

    yield make
    for stack in stacks:
        stack.stop()


@pytest.fixture
def service(listening: Listening, simulator: Any, environment: dict[str, str]) -> Iterator[Service]:
    simulator.post("/simulator/reset", MANUAL)
    started = start_service(listening, simulator, TickingClock(), environment)
    yield started
    started.runtime.database.dispose()


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepRunner]:
    with step_runner(tmp_path_factory.mktemp("sweep") / "step_runner.log") as found:
        yield found


@pytest.fixture
def runner(process: StepRunner, environment: dict[str, str]) -> StepRunner:
    process.env = environment
    return process
