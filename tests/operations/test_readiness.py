"""The reasons why the service is not ready."""

from pathlib import Path

from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from mpesa_service.operations.readiness import unready_because
from tests.support import environment


def test_not_ready_without_database() -> None:
    env = environment(DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    runtime = build_runtime(load_settings(env))
    assert unready_because(runtime) == "The database cannot be reached."
    runtime.database.dispose()


def test_not_ready_on_an_empty_database(tmp_path: Path) -> None:
    runtime = build_runtime(load_settings(environment(DATABASE_URL=f"sqlite:///{tmp_path}/empty.db")))
    reason = unready_because(runtime)
    assert reason == "The database has no tables: run mpesa migrate."
    runtime.database.dispose()
