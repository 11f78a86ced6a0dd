"""A database that is away, or has no tables, is one line for every command, and not a traceback."""

from pathlib import Path

import pytest

from mpesa_service.app import build_app
from mpesa_service.config import load_settings
from mpesa_service.operations.readiness import SCHEMA_REVISION
from tests.support import environment

BY = ("--by", "amina", "--reason", "why")
COMMANDS = [
    ("balance",),
    ("c2b-rules", "show"),
    ("callbacks", "list"),
    ("orders", "list"),
    ("payments", "list"),
    ("payments", "events", "X"),
    ("payouts", "list"),
    ("pull", "list"),
    ("review", "list"),
    ("statements", "list"),
    ("status", "RKL51ZDR4F"),
    ("suspensions", "list"),
    ("unmatched", "list"),
    ("unmatched", "match", "X", "ORDER1", *BY),
    ("verify",),
    ("webhooks", "list"),
]


def run(database_url: str, *words: str) -> tuple[int, str]:
    app = build_app(load_settings(environment(DATABASE_URL=database_url)))
    result = app.test_cli_runner().invoke(args=["mpesa", *words])
    return result.exit_code, result.output


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_a_database_without_tables(tmp_path: Path, words: tuple[str, ...]) -> None:
    code, text = run(f"sqlite:///{tmp_path}/new.db", *words)
    line = (
        f"Error: The schema is at None, not at {SCHEMA_REVISION}: run mpesa migrate. DATABASE_URL names the"
        " database; mpesa doctor checks it.\n"
    )
    assert (code, text) == (1, line)


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
@pytest.mark.parametrize(
    "url", ["postgresql+psycopg://shop:canary@127.0.0.1:9/none", "sqlite:////no/such/folder.db"]
)
def test_a_database_that_is_away(url: str, words: tuple[str, ...]) -> None:
    code, text = run(url, *words)
    line = "Error: The database cannot be reached. DATABASE_URL names the database; mpesa doctor checks it.\n"
    assert (code, text) == (1, line)
    assert "canary" not in text
