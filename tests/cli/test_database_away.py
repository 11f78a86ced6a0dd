"""A database that is away, or has no tables, is one line for every command, and not a traceback."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from mpesa_service.app import build_app
from mpesa_service.cli import root
from mpesa_service.config import load_settings
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
        "Error: The database has no tables: run mpesa migrate. DATABASE_URL names the database; mpesa doctor"
        " checks it.\n"
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


def leaves(names: tuple[str, ...], command: click.Command) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if not isinstance(command, click.Group):
        yield names, command
        return
    for name, inner in command.commands.items():
        yield from leaves((*names, name), inner)


ALL = [leaf for name, lazy in root.COMMANDS.items() for leaf in leaves((name,), lazy.load())]


def value(parameter: click.Parameter, directory: Path) -> str:
    if isinstance(parameter.type, click.Choice):
        return str(parameter.type.choices[0])
    if isinstance(parameter.type, click.File | click.Path):
        path = directory / "file.csv"
        path.write_text("type,phoneNumber,amount\nb2c,0712345678,100\n")
        return str(path)
    return "10"


@pytest.mark.parametrize(
    ("names", "command"), ALL, ids=lambda one: " ".join(one) if type(one) is tuple else ""
)
def test_no_command_ends_with_a_traceback(
    tmp_path: Path, names: tuple[str, ...], command: click.Command
) -> None:
    words = list(names)
    for parameter in command.params:
        if parameter.required:
            words += [parameter.opts[0]] if isinstance(parameter, click.Option) else []
            words.append(value(parameter, tmp_path))
    app = build_app(load_settings(environment(DATABASE_URL=f"sqlite:///{tmp_path}/new.db")))
    result = app.test_cli_runner().invoke(args=["mpesa", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
