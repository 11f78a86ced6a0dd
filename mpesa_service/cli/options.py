"""Parts that operator commands share: options, the operator, errors, JSON, times."""

import json
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import click
from marshmallow import Schema, ValidationError

from mpesa_service.core import suspensions
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.operations.suspension_schemas import HoldSchema
from mpesa_service.review.payments import OperatorDecision, Resolution
from mpesa_service.review.schemas import ResolveSchema
from mpesa_service.web.blueprint import runtime
from mpesa_service.web.parsing import invalid

NAIROBI = ZoneInfo("Africa/Nairobi")

LONGEST_NAME = 100


class _Name(click.ParamType[str]):
    """A person's name: visible characters, with the spaces around them removed."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = " ".join(value.split())
        if not 0 < len(found) <= LONGEST_NAME or not found.isprintable():
            self.fail(f"a name has 1 to {LONGEST_NAME} visible characters", param, ctx)
        return found


NAME = _Name()
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
by = click.option("--by", "who", required=True, type=NAME, help="Your name, for the audit trail.")
reason = click.option("--reason", "why", required=True, help="The reason, for the audit trail.")


def operator(name: str) -> Principal:
    """Return the principal for an operator with this name."""
    return Principal(f"operator:{name}", frozenset({ADMIN}))


def load(schema: Schema, **given: Any) -> dict[str, Any]:
    """Read options with a schema of the API, under the API's names.

    Options that are None or empty are left out. Raise click.UsageError with the API's message.
    """
    present = {name: value for name, value in given.items() if value not in (None, ())}
    try:
        found: dict[str, Any] = schema.load(present)
    except ValidationError as error:
        raise click.UsageError(invalid(error.messages).message) from error
    return found


def operator_decision(action: Resolution, **given: Any) -> OperatorDecision:
    """Return an operator's decision on a payment or payout in review."""
    found = load(ResolveSchema(), action=action.value, **given)
    return OperatorDecision(action, found["reason"], found["receipt"], found.get("amount"))


def resume_held(name: str, who: str, *, as_json: bool) -> None:
    """End the suspension of refunds or payouts, and print the result."""
    lifted = suspensions.resume(runtime(), operator(who).subject, name)
    if as_json:
        echo_json(HoldSchema(many=True).dump(lifted))
        return
    click.echo(suspensions.told(name, lifted))


def echo_json(data: Any) -> None:
    """Print JSON with an indent of two."""
    click.echo(json.dumps(data, indent=2))


def say(result: dict[str, object], sentence: str, as_json: bool) -> None:
    """Print the result of a command: `sentence`, or `result` as JSON."""
    if as_json:
        echo_json(result)
        return
    click.echo(sentence)


def local_time(at: datetime | None) -> str:
    """Return a time as people in Nairobi write it, `2026-11-22 14:00:00`, or an empty text for None."""
    return at.astimezone(NAIROBI).strftime("%Y-%m-%d %H:%M:%S") if at else ""
