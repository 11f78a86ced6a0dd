"""Exports through gunicorn: a file that is cut short looks cut short, and nobody writes to those who left."""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from sqlalchemy import text

from devtools.ports import free_port
from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.core.database import Database
from mpesa_service.core.runtime import build_runtime
from mpesa_service.payments.listing import BATCH
from mpesa_service.web.auth import make_token
from tests.battery.processes import Child, wait_for
from tests.support import environment
from tests.support.many import add_payments, phone_of

PAYMENTS = 8 * BATCH
HEAVY = {"metadata": {"note": "x" * 4_000}}
"""Together far more than the buffers between server and reader hold."""


@dataclass
class Served:
    url: str
    headers: dict[str, str]
    database: Database
    log: Path

    def export(self) -> requests.Response:
        path = f"{self.url}/api/mpesa/payments/export?format=jsonl"
        return requests.get(path, headers=self.headers, stream=True, timeout=30)

    def logged(self, words: str) -> bool:
        return words in self.log.read_text()


@pytest.fixture
def served(sqlite_url: str, tmp_path: Path) -> Iterator[Served]:
    port = free_port()
    env = environment(DATABASE_URL=sqlite_url)
    settings = load_settings(env)
    runtime = build_runtime(settings)
    numbers = [phone_of(1)] * PAYMENTS
    add_payments(runtime, PAYMENTS, lambda n: {**HEAVY, "phone": numbers[n]})
    token = make_token(build_app(settings, runtime), "shop", [], timedelta(hours=1))
    child = Child(
        [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py", "wsgi:app"],
        {**os.environ, **env, "BIND": f"127.0.0.1:{port}"},
        tmp_path / "web.log",
    )
    child.start()
    url = f"http://127.0.0.1:{port}"
    wait_for(lambda: answers(f"{url}/healthz"), "gunicorn")
    yield Served(url, {"Authorization": f"Bearer {token}"}, runtime.database, child.log)
    child.kill()
    runtime.database.dispose()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.ConnectionError:
        return False


def rename(database: Database, old: str, new: str) -> None:
    with database.begin() as session:
        session.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_a_whole_file_then_one_that_is_cut_then_a_reader_who_leaves(served: Served) -> None:
    with served.export() as answer:
        assert answer.headers["Transfer-Encoding"] == "chunked"
        assert sum(1 for _ in answer.iter_lines()) == PAYMENTS
    assert served.logged(f'"rows": {PAYMENTS}, "whole": true')

    with served.export() as answer:
        lines: Any = answer.iter_lines()
        next(lines)
        rename(served.database, "payments", "gone")
        with pytest.raises(requests.exceptions.ChunkedEncodingError):
            for _ in lines:
                pass
    rename(served.database, "gone", "payments")
    assert served.logged('"whole": false')

    before = served.log.read_text().count('"whole": false')
    with served.export() as answer:
        next(answer.iter_lines())
    wait_for(lambda: served.log.read_text().count('"whole": false') > before, "the export to stop")
    assert served.log.read_text().count('"whole": true') == 1
