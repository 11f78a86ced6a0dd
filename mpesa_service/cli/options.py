"""What operator commands share: who is asking, options read as the API reads them, errors, JSON, times."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from marshmallow import Schema, ValidationError

from mpesa_service.api.blueprint import runtime
from mpesa_service.api.parsing import invalid
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import ServiceError
from mpesa_service.schemas.holds import HoldSchema
from mpesa_service.schemas.review import ResolveSchema
from mpesa_service.services import holds
from mpesa_service.services.review import Finding, Resolution

NAIROBI = ZoneInfo("Africa/Nairobi")

LONGEST_NAME = 100


class _Name(click.ParamType[str]):
    """A person's name: something that can be seen, without blanks around it."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = " ".join(value.split())
        if not 0 < len(found) <= LONGEST_NAME or not found.isprintable():
            self.fail(f"a name has 1 to {LONGEST_NAME} visible characters", param, ctx)
        return found


NAME = _Name()
as_json = click.option("--json", "as_json", is_flag=True, help="For scripts.")
by = click.option("--by", "who", required=True, type=NAME, help="Your name, for the audit trail.")
reason = click.option("--reason", "why", required=True, help="Why, for the audit trail.")


def operator(name: str) -> Principal:
    """Return who acts when somebody with this name types a command."""
    return Principal(f"operator:{name}", frozenset({ADMIN}))


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Let an error of ours end a command with its sentence."""
    try:
        yield
    except ServiceError as error:
        raise click.ClickException(error.message) from error


def load(schema: Schema, **given: Any) -> dict[str, Any]:
    """Read options, by the API's names, as the API reads its requests; what was not given is absent."""
    present = {name: value for name, value in given.items() if value not in (None, ())}
    try:
        found: dict[str, Any] = schema.load(present)
    except ValidationError as error:
        raise click.UsageError(invalid(error.messages).message) from error
    return found


def finding(action: Resolution, **given: Any) -> Finding:
    """Return what a person has found out about something in review, read as the API reads it."""
    found = load(ResolveSchema(), action=action.value, **given)
    return Finding(action, found["reason"], found["receipt"], found.get("amount"))


def resume_held(name: str, who: str, *, as_json: bool) -> None:
    """Let what is held go on, and say what came of it."""
    lifted = holds.resume(runtime(), operator(who).subject, name)
    if as_json:
        echo_json(HoldSchema(many=True).dump(lifted))
        return
    click.echo(holds.told(name, lifted))


def echo_json(data: Any) -> None:
    click.echo(json.dumps(data, indent=2))


def say(result: dict[str, object], sentence: str, as_json: bool) -> None:
    """Print what came of a command: `sentence` for people, or `result` as JSON for scripts."""
    if as_json:
        echo_json(result)
        return
    click.echo(sentence)


def local_time(at: datetime | None) -> str:
    """Return a time in Nairobi, for people; nothing for none."""
    return at.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S") if at else ""
