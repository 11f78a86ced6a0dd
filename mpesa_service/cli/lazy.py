"""A group of commands that imports a command when it is used."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import click

from mpesa_service.errors import ServiceError


@dataclass(frozen=True, slots=True)
class Lazy:
    """Where a command is, as `module:attribute`, and its line in the list of commands."""

    where: str
    line: str

    def load(self) -> click.Command:
        """Import the command."""
        module, _, attribute = self.where.partition(":")
        command: click.Command = getattr(import_module(module), attribute)
        return command


_OPTIONS = {"confirmDifferentPayer": "--confirm-different-payer", "phoneNumber": "--phone"}
"""Fields of the API that messages name, and the options of the same meaning."""
_UNMATCHED = (
    "\nMatch it to an order:  mpesa unmatched match {_id} ORDER --by NAME --reason …"
    "\nReturn it to its payer: mpesa unmatched return {_id} --by NAME --reason …"
)
_ADVICE = {
    "refund_repeated": "If the money goes out a second time on purpose, add --again.",
    "unmatched": _UNMATCHED,
    "not_matched": _UNMATCHED,
    "not_unmatched": "To change its order: mpesa payments move. To return money: mpesa payments refund.",
    "fractional_amount": "The command is: mpesa unmatched close {_id} --by NAME --reason …",
    "is_payout": "To decide on it: mpesa payouts settle {payoutId} or mpesa payouts fail {payoutId}.",
}
"""What an operator can do, by the code of the error. Names in braces are among the error's details."""


def _for_people(error: ServiceError) -> str:
    """Return the message of an error, with the options of the command line in place of the API's fields."""
    advice = _ADVICE.get(error.code, "").format_map(defaultdict(lambda: "ID", error.details))
    message = f"{error.message}{' ' if advice[:1].strip() else ''}{advice}"
    for field, option in _OPTIONS.items():
        message = message.replace(field, option)
    return message


def _database_errors() -> tuple[type[Exception], ...]:
    """Return SQLAlchemy's errors. They are imported only for a command that failed."""
    from sqlalchemy.exc import SQLAlchemyError

    return (SQLAlchemyError,)


def _database_problem(ctx: click.Context) -> str | None:
    """Return why no command can use the database, or None if it can be used: then the error is a fault."""
    from flask.cli import ScriptInfo

    from mpesa_service.operations.readiness import unready_because
    from mpesa_service.web.blueprint import RUNTIME

    info = ctx.find_object(ScriptInfo)
    problem = None if info is None else unready_because(info.load_app().extensions[RUNTIME])
    return problem and f"{problem} DATABASE_URL names the database; mpesa doctor checks it."


class LazyGroup(click.Group):
    """Lists its commands from a table, so that its `--help` imports none of them.

    `sections` maps a heading of the help page to the commands under it, by name.
    """

    def __init__(self, *, sections: Mapping[str, Mapping[str, Lazy]], **settings: Any) -> None:
        self.sections = sections
        self._lazy = {name: lazy for section in sections.values() for name, lazy in section.items()}
        # Placeholders: click lists their names, and suggests one for a misspelled name.
        super().__init__(commands=[click.Command(name) for name in self._lazy], **settings)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import and return a command, or return None when no command has this name."""
        lazy = self._lazy.get(cmd_name)
        return lazy.load() if lazy else None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. What an operator can fix ends it with a sentence, without a traceback."""
        try:
            return super().invoke(ctx)
        except ServiceError as error:
            raise click.ClickException(_for_people(error)) from error
        except _database_errors() as error:
            problem = _database_problem(ctx)
            if problem is None:
                raise
            raise click.ClickException(problem) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the list of commands from the table."""
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                formatter.write_dl([(name, lazy.line) for name, lazy in sorted(commands.items())])
