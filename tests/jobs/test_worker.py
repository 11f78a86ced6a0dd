"""The Celery app: a task and a beat entry for each job, over a folder or a server."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mpesa_service.config import load_settings
from mpesa_service.jobs import celery_app
from mpesa_service.jobs.table import JOBS
from tests.support import environment


def test_every_job_has_a_task_and_a_beat(tmp_path: Path) -> None:
    app = celery_app.make_celery(load_settings(environment(CELERY_BROKER_URL=f"filesystem://{tmp_path}/a")))
    assert set(app.conf.beat_schedule) == {job.name for job in JOBS}
    for job in JOBS:
        entry = app.conf.beat_schedule[job.name]
        assert entry["task"] in app.tasks
        assert entry["schedule"] == job.every
        assert entry["options"]["expires"] >= job.every
    assert (tmp_path / "a" / "control" / "mpesa_service.exchange").read_text() == "[]"
    assert app.connection().transport.polling_interval == celery_app.POLL_EVERY


def test_making_it_twice_keeps_what_is_there(tmp_path: Path) -> None:
    settings = load_settings(environment(CELERY_BROKER_URL=f"filesystem://{tmp_path}/a"))
    celery_app.make_celery(settings)
    table = tmp_path / "a" / "control" / "mpesa_service.exchange"
    table.write_text('[["key", "", "queue"]]')
    celery_app.make_celery(settings)
    assert table.read_text() == '[["key", "", "queue"]]'
    assert [path.name for path in table.parent.iterdir()] == ["mpesa_service.exchange"]


def test_a_server_needs_no_folders() -> None:
    app = celery_app.make_celery(load_settings(environment(CELERY_BROKER_URL="redis://127.0.0.1:1/0")))
    assert app.conf.broker_url == "redis://127.0.0.1:1/0"


def test_a_job_is_not_started_more_than_twice_beside_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    started = []

    def nested(_runtime: object, job: object) -> int:
        started.append(job)
        task()
        return 0

    monkeypatch.setattr(celery_app, "run", nested)
    monkeypatch.setattr(celery_app, "_runtime", lambda: None)
    task = celery_app._task_of(JOBS[0])
    task()
    assert len(started) == celery_app.AT_ONCE_PER_JOB
    task()
    assert len(started) == 2 * celery_app.AT_ONCE_PER_JOB, "places are released"


def test_a_real_worker_does_what_is_due(sqlite_url: str, tmp_path: Path) -> None:
    """A worker that has only its environment deletes an expired key."""
    engine = create_engine(sqlite_url)
    insert = text(
        "INSERT INTO callback_inbox (kind, body_encrypted, headers, received_at, verdict, attempts)"
        " VALUES ('stk', :body, '{}', '2020-01-01 00:00:00.000000', 'failed', 1)"
    )
    from mpesa_service.core.encryption import Encryption
    from tests.support import ENCRYPTION_KEY, SECRET

    with engine.begin() as connection:
        connection.execute(insert, {"body": Encryption([ENCRYPTION_KEY], SECRET).encrypt("not a callback")})
    env = {
        **os.environ,
        **environment(DATABASE_URL=sqlite_url, CELERY_BROKER_URL=f"filesystem://{tmp_path / 'broker'}"),
    }
    command = [sys.executable, "-m", "celery", "-A", "mpesa_service.jobs.worker", "worker", "--beat"]
    command += ["--pool", "threads", "--concurrency", "2"]
    with (tmp_path / "log").open("w") as log:
        process = subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        verdict = "failed"
        while verdict == "failed" and time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.2)
            with engine.connect() as connection:
                verdict = connection.execute(text("SELECT verdict FROM callback_inbox")).scalar_one()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        engine.dispose()
    assert verdict == "unreadable", (tmp_path / "log").read_text()[-2000:]
