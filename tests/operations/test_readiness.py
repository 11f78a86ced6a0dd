"""The reasons why the service is not ready."""

import shutil
from pathlib import Path

from sqlalchemy import text

from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from mpesa_service.operations.readiness import not_ready_because, unready_because
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


def test_not_ready_on_a_database_that_takes_no_writes(tmp_path: Path, migrated_sqlite: Path) -> None:
    copy = shutil.copy(migrated_sqlite, tmp_path / "service.db")
    runtime = build_runtime(load_settings(environment(DATABASE_URL=f"sqlite:///{copy}")))
    refuse = "BEFORE INSERT ON used_keys BEGIN SELECT RAISE(ABORT, 'no writes'); END"
    with runtime.database.begin() as session:
        session.execute(text(f"CREATE TRIGGER refuse {refuse}"))
    assert unready_because(runtime) is None
    assert not_ready_because(runtime) == "The database cannot be reached, or not be written."
    runtime.database.dispose()
