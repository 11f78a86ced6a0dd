"""The wheel alone runs the service: it is built, installed into an empty environment, and used there."""

import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from daraja_simulator.options import SANDBOX_INITIATOR_PASSWORD
from daraja_simulator.server import SimulatorServer
from devtools.ports import free_port
from tests.support import environment

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ("mpesa_service", "migrations", "setup.py", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")
UV = [sys.executable, "-m", "uv", "--quiet"]
PATIENCE = 40
pytestmark = pytest.mark.xdist_group("wheel")  # one process builds and installs it, once


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built wheel; setuptools leaves files where it builds, so a copy of the sources is built."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, folder / name)
    build = ["build", "--wheel", "--no-build-isolation", "--python", sys.executable, "-o", folder / "dist"]
    subprocess.run([*UV, *build, folder], check=True, cwd=folder, timeout=PATIENCE)
    [built] = (folder / "dist").glob("*.whl")
    return built


class Installed:
    """The `mpesa` command of the installed wheel, far from the sources."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.command = folder / "venv" / "bin" / "mpesa"

    def run(self, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.command, *words],
            cwd=self.folder,
            env={"PATH": os.defpath, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    @contextmanager
    def running(self, *words: str, **settings: str) -> Iterator[Path]:
        """Run a program for the length of the block, and stop it as Ctrl-C does; yields its log."""
        path = self.folder / f"{words[0]}.log"
        with path.open("w") as log:
            process = subprocess.Popen(
                [self.command, *words],
                cwd=self.folder,
                env={"PATH": os.defpath, **settings},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            yield path
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)
            assert "Traceback" not in path.read_text()
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """An environment with the wheel and its dependencies, in the versions of the lock file."""
    found = Installed(tmp_path_factory.mktemp("installed"))
    venv = found.folder / "venv"
    subprocess.run([*UV, "venv", "--python", sys.executable, venv], check=True, timeout=PATIENCE)
    install = ["pip", "install", "--python", venv / "bin" / "python", "-c", ROOT / "requirements.lock", wheel]
    subprocess.run([*UV, *install], check=True, timeout=PATIENCE)
    return found


@pytest.fixture(scope="module")
def settings(installed: Installed, shared_simulator: SimulatorServer, certificate: Path) -> dict[str, str]:
    """The settings of a service whose tables are made, on a port of its own."""
    address = f"127.0.0.1:{free_port()}"
    found = environment(
        DATABASE_URL=f"sqlite:///{installed.folder}/service.db",
        BIND=address,
        MPESA_BASE_URL=shared_simulator.url,
        MPESA_CALLBACK_URL=f"http://{address}/api/mpesa/callback",
        MPESA_CERTIFICATE_PATH=str(certificate),
        MPESA_INITIATOR_PASSWORD=SANDBOX_INITIATOR_PASSWORD,
    )
    made = installed.run("migrate", DATABASE_URL=found["DATABASE_URL"])
    assert (made.returncode, made.stderr) == (0, "")
    assert made.stdout.startswith("The tables are at revision ")
    return found


def until(ready: Any) -> Any:
    """Return what `ready` returns as soon as that is true."""
    deadline = time.monotonic() + PATIENCE
    while not (found := ready()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def test_the_wheel_holds_the_service_and_nothing_beside_it(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].partition("-")[0] for name in names} == {"mpesa_service"}
    sources = {
        f"mpesa_service/{path.relative_to(ROOT / 'mpesa_service')}"
        for path in (ROOT / "mpesa_service").rglob("*.py")
    }
    steps = {f"mpesa_service/{path.relative_to(ROOT)}" for path in (ROOT / "migrations").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources | steps
    assert "mpesa_service/py.typed" in names


def test_help_needs_no_settings(installed: Installed) -> None:
    shown = installed.run("--help")
    assert (shown.returncode, shown.stderr) == (0, "")
    for name in ("migrate", "serve", "worker", "payments", "doctor"):
        assert f"\n  {name} " in shown.stdout


def test_migrate_names_the_package_that_postgresql_needs(installed: Installed) -> None:
    result = installed.run("migrate", DATABASE_URL="postgresql+psycopg://localhost:1/mpesa")
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: PostgreSQL needs the package psycopg: pip install 'mpesa-service[postgres]'\n"
    )


def test_the_service_answers_and_the_worker_sends_a_payout(
    installed: Installed, settings: dict[str, str], shared_simulator: SimulatorServer
) -> None:
    address = f"http://{settings['BIND']}"
    rows = installed.folder / "salaries.csv"
    rows.write_text("type,phoneNumber,amount\nb2c,0712345678,100\n")
    # The simulator is shared: other tests may have paid out there before.
    before = len(shared_simulator.get("/simulator/ledger")["payouts"])

    def get(path: str) -> int:
        try:
            return requests.get(f"{address}{path}", timeout=5).status_code
        except (requests.ConnectionError, requests.Timeout):
            return 0

    with installed.running("serve", **settings), installed.running("worker", **settings):
        until(lambda: get("/healthz") == 200)
        assert get("/readyz") == 200
        words = ("payouts", "create", str(rows), "--reference", "PAY-1", "--by", "amina")
        made = installed.run(*words, **settings)
        assert made.returncode == 0, made.stderr
        [payout] = until(lambda: shared_simulator.get("/simulator/ledger")["payouts"][before:])
        assert (payout["partyB"], payout["amount"]) == ("254712345678", 100)
