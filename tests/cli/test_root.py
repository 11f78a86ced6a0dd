"""The `mpesa` command: what its help says, and what it imports."""

import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from mpesa_service import __version__
from mpesa_service.cli.root import mpesa_cli
from tests.cli.commands import EVERY, LEAVES

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("alembic", "celery", "cryptography", "flask", "marshmallow", "requests", "rich", "sqlalchemy")


def named(command: click.Command) -> list[click.Parameter]:
    """Return the option that says who acts, if the command has it."""
    return [parameter for parameter in command.params if parameter.name == "who"]


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_explains_itself(path: tuple[str, ...]) -> None:
    result = CliRunner().invoke(mpesa_cli, [*path, "--help"])
    assert result.exit_code == 0
    usage, _, rest = result.output.partition("\n\n")
    assert usage.startswith("Usage:")
    assert rest.strip()[:1].isupper()


@pytest.mark.parametrize("path", LEAVES, ids=" ".join)
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    assert f"Example: mpesa {' '.join(path)}" in str(LEAVES[path].help)


def test_the_list_of_commands_says_what_each_says_of_itself() -> None:
    listed = {name: lazy.line for section in mpesa_cli.sections.values() for name, lazy in section.items()}
    assert listed == {name: EVERY[name,].get_short_help_str(limit=200) for name in listed}


def test_the_version_is_that_of_the_package() -> None:
    result = CliRunner().invoke(mpesa_cli, ["--version"])
    assert result.output.rstrip().endswith(f"version {__version__}")


def test_a_misspelt_command_is_answered_with_the_right_one() -> None:
    result = CliRunner().invoke(mpesa_cli, ["paymets", "list"])
    assert result.exit_code == 2
    assert "'payments'" in result.output


def test_the_list_of_commands_is_printed_without_importing_them() -> None:
    """So that it is quick, and works where a dependency is broken."""
    code = (
        "import sys; from mpesa_service.cli.root import mpesa_cli as cli; "
        "cli(['--help'], standalone_mode=False); "
        f"print(*set(sys.modules) & {{*{HEAVY}}}, file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert "payments" in result.stdout
    assert result.stderr == "\n"


@pytest.mark.parametrize("path", [p for p in LEAVES if named(LEAVES[p])], ids=" ".join)
@pytest.mark.parametrize("name", ["", " \t", "\u200b", "a" * 101], ids=repr)
def test_nobody_acts_without_a_name(path: tuple[str, ...], name: str) -> None:
    [option] = named(LEAVES[path])
    with pytest.raises(click.BadParameter, match="1 to 100 visible characters"):
        option.type_cast_value(click.Context(LEAVES[path]), name)


def flask(*words: str) -> "subprocess.CompletedProcess[str]":
    """Run the `flask` command where nothing is configured."""
    command = [sys.executable, "-m", "flask", "--app", "wsgi", *words]
    return subprocess.run(command, cwd=ROOT, env={}, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ([], "mpesa"),
        (["mpesa", "payments", "export"], "Example: mpesa payments export"),
    ],
    ids=str,
)
def test_help_needs_no_configuration(words: list[str], shown: str) -> None:
    result = flask(*words, "--help")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("Usage:")
    assert shown in result.stdout


def test_anything_else_says_what_is_missing() -> None:
    for words in (["mpesa", "payments", "list"], ["run"]):
        result = flask(*words)
        assert (result.returncode, result.stdout) == (1, "")
        assert "MPESA_ENVIRONMENT is not set" in result.stderr
