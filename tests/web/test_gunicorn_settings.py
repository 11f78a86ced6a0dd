"""The production start: a valid environment starts; any other prints the reason and exits."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from devtools.ports import free_port
from tests.battery.processes import Child, wait_for
from tests.support import environment

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", "gunicorn.conf.py"]
OURS = ("MPESA_", "JWT_", "PHONE_", "RATELIMIT_", "WEB_", "DATABASE_", "LOG_", "GUNICORN_", "PORT", "BIND")


def start(environ: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return subprocess.run(
        [*GUNICORN, *words, "wsgi:app"],
        cwd=ROOT,
        env={**inherited, "BIND": "127.0.0.1:0", **environ},
        capture_output=True,
        text=True,
        timeout=30,
    )


def limited(**changes: str) -> dict[str, str]:
    return environment(RATELIMIT_ENABLED="true", **changes)


def test_a_sound_environment_passes(tmp_path: Path) -> None:
    # The start reads which keys the stored data needs, so it opens the database.
    result = start(environment(DATABASE_URL=f"sqlite:///{tmp_path / 'new.db'}"), "--check-config")
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--check-config"], []], ids=["check", "start"])
def test_two_workers_with_limits_in_memory_do_not_start(words: list[str]) -> None:
    result = start(limited(WEB_CONCURRENCY="2"), *words)
    assert result.returncode != 0
    assert "2 workers cannot share rate limits kept in memory." in result.stderr
    assert "RATELIMIT_STORAGE_URI=redis://" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [["-w", "2"], ["--workers=3"]], ids=str)
def test_nor_when_the_command_line_sets_them(words: list[str]) -> None:
    result = start(limited(), *words)
    assert result.returncode != 0
    assert "workers cannot share rate limits kept in memory." in result.stderr
    assert "RATELIMIT_STORAGE_URI=redis://" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Booting worker" not in result.stderr


def test_two_workers_with_shared_limits_pass() -> None:
    environ = limited(
        DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none",
        WEB_CONCURRENCY="2",
        RATELIMIT_STORAGE_URI="redis://127.0.0.1:1/0",
    )
    assert start(environ, "--check-config").returncode == 0


@pytest.mark.parametrize("words", [["--check-config"], []], ids=["check", "start"])
def test_everything_that_is_missing_is_listed(words: list[str]) -> None:
    result = start({"MPESA_ENVIRONMENT": "production"}, *words)
    assert result.returncode != 0
    for name in ("MPESA_CONSUMER_KEY", "MPESA_PASSKEY", "DATABASE_URL", "JWT_SECRET_KEY", "PHONE_HASH_KEY"):
        assert f"  - {name} " in result.stderr
    assert result.stderr.startswith("The settings are not complete or not safe:\n")
    assert "Traceback" not in result.stderr


def test_secrets_are_not_in_the_complaint() -> None:
    result = start(environment(JWT_SECRET_KEY="canary", PHONE_HASH_KEY="canary"), "--check-config")
    assert result.returncode != 0
    assert "canary" not in result.stdout + result.stderr


def test_the_application_says_the_same_without_gunicorns_settings() -> None:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    result = subprocess.run(
        [sys.executable, "-c", "import wsgi"],
        cwd=ROOT,
        env=inherited,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert result.returncode == 1
    assert result.stderr.startswith(
        "The settings are not complete or not safe:\n  - MPESA_ENVIRONMENT is not set."
    )
    assert "Traceback" not in result.stderr


def test_garbage_is_collected_as_usual_once_the_application_is_loaded(tmp_path: Path) -> None:
    url = f"127.0.0.1:{free_port()}"
    child = Child(
        [*GUNICORN, "tests.web.probe:app"], {**os.environ, **environment(BIND=url)}, tmp_path / "log"
    )

    def facts() -> dict[str, bool] | None:
        try:
            return dict(requests.get(f"http://{url}", timeout=5).json())
        except requests.ConnectionError:
            return None

    child.start()
    try:
        wait_for(lambda: facts() is not None, "the probe")
        assert facts() == {"loaded_with_fewer": True, "as_usual": True}
    finally:
        child.kill()
