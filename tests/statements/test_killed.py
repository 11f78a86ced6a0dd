"""A process that is killed while it imports or applies leaves a state from which the next one goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.importing import read_statement
from mpesa_service.verification.payments import verify
from tests.c2b.support import expect_order, order_row
from tests.statements.files import as_csv, portal_row
from tests.statements.support import BOSS, line_count, own
from tests.support import Service

ROWS = 9
DAY = "22-11-2026"
PROGRAM = """
import os, signal, sys
from pathlib import Path
from mpesa_service.config import load_settings
from mpesa_service.core.runtime import build_runtime
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.statements import booking, evidence, storing
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.importing import read_statement

storing.CHUNK = storing.SQLITE_CHUNK = booking.PAGE = evidence.RANGE = 2
step, left = sys.argv[2], [int(sys.argv[3])]

def kill(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)

runtime, boss = build_runtime(load_settings()), Principal("boss", frozenset({ADMIN}))
path = Path(sys.argv[1])
reading = {"progress": kill} if step == "import" else {}
record = read_statement(runtime, boss, path, path.name, **reading)
request_apply(runtime, boss, record.id)
apply_statement(runtime, record.id, kill)
"""


@pytest.mark.parametrize(
    ("step", "count"), [("import", 1), ("import", 3), ("apply", 1), ("apply", 2), ("apply", 5), ("apply", 7)]
)
def test_killed_and_run_again_it_does_nothing_twice(
    service: Service, tmp_path: Path, service_env: dict[str, str], database_url: str, step: str, count: int
) -> None:
    for number in range(3):
        expect_order(service, f"ORDER{number}")
    rows: list[list[Any]] = [
        portal_row(
            f"UK1EXAMPL{n}", f"22-11-2026 10:00:0{n}", "100.00", "", f"{n + 1}00.00", typed=f"ORDER{n}"
        )
        for n in range(ROWS)
    ]
    path = as_csv(tmp_path / "s.csv", own(rows))
    env = {**os.environ, **service_env, "DATABASE_URL": database_url}
    command = [sys.executable, "-c", PROGRAM, str(path), step, str(count)]
    killed = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr

    record = read_statement(service.runtime, BOSS, path, path.name)
    assert (record.line_count, record.new_count, line_count(service)) == (ROWS, ROWS, ROWS)
    request_apply(service.runtime, BOSS, record.id)
    apply_statement(service.runtime, record.id)
    assert sorted(str(one.receipt) for one in service.payments()) == [f"UK1EXAMPL{n}" for n in range(ROWS)]
    assert [order_row(service, f"ORDER{n}").received_amount for n in range(3)] == [100, 100, 100]
    assert list(verify(service.runtime)) == []
