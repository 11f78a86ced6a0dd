"""migrate, serve and worker, where settings are missing or wrong. tests/test_wheel.py has them at work."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from cryptography.fernet import Fernet

from mpesa_service.cli.root import mpesa_cli
from mpesa_service.operations.readiness import SCHEMA_REVISION

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("words", [("serve",), ("worker",), ("payments", "list")], ids=" ".join)
def test_every_missing_setting_is_named(words: tuple[str, ...]) -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mpesa_service", *words],
        cwd=ROOT,
        env={"PATH": os.defpath, "MPESA_ENVIRONMENT": "simulator"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stdout) == (1, "")
    first, *problems = result.stderr.splitlines()
    assert first == "The settings are not complete or not safe:"
    assert {line.removeprefix("  - ").partition(" ")[0] for line in problems} == {
        "DATABASE_URL",
        "JWT_SECRET_KEY",
        "PHONE_ENCRYPTION_KEYS",
        "PHONE_HASH_KEY",
    }


def test_a_key_is_made_without_settings() -> None:
    """The settings need the key first."""
    result = subprocess.run(
        [sys.executable, "-m", "mpesa_service", "keys", "new"],
        cwd=ROOT,
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert len(Fernet(result.stdout.strip()).encrypt(b"text")) > 0


def test_options_after_two_dashes_go_to_gunicorn() -> None:
    result = subprocess.run(
        [sys.executable, "-m", "mpesa_service", "serve", "--", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "gunicorn" in result.stdout


def test_migrate_twice_is_migrate_once(tmp_path: Path) -> None:
    for _ in range(2):
        result = CliRunner().invoke(
            mpesa_cli, ["migrate"], env={"DATABASE_URL": f"sqlite:///{tmp_path}/service.db"}
        )
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"The tables are at revision {SCHEMA_REVISION}.\n"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "DATABASE_URL is not set"),
        ("mysql://localhost/mpesa", "DATABASE_URL must be like"),
        ("sqlite:mpesa.db", "DATABASE_URL cannot be read"),
        ("sqlite:////no/such/folder/mpesa.db", "unable to open database file"),
        ("postgresql+psycopg://user:canary@127.0.0.1:1/mpesa", "Connection refused"),
    ],
)
def test_migrate_says_what_is_wrong_with_the_database(url: str, message: str) -> None:
    result = CliRunner().invoke(mpesa_cli, ["migrate"], env={"DATABASE_URL": url})
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("Error: ")
    assert message in result.stderr
    assert result.stderr.count("\n") == 1
    assert "canary" not in result.stderr
