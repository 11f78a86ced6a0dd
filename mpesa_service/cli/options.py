"""Parts that operator commands share: options, the operator, errors, JSON, amounts, times."""

import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import click
from marshmallow import Schema, ValidationError

from mpesa_service.domain.moments import local_text
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.schemas import ResolvePaymentSchema
from mpesa_service.web.parsing import invalid
from mpesa_service.web.query_fields import QueryTime

NAIROBI = ZoneInfo("Africa/Nairobi")

LONGEST_NAME = 100
Option = Callable[[Callable[..., Any]], Callable[..., Any]]


class _Name(click.ParamType[str]):
    """A person's name: visible characters, with the spaces around them removed."""

    name = "name"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        found = " ".join(value.split())
        if not 0 < len(found) <= LONGEST_NAME or not found.isprintable():
            self.fail(f"a name has 1 to {LONGEST_NAME} visible characters", param, ctx)
        return found


class EnumChoice(click.Choice[str]):
    """One of the words of an enumeration; the command receives its member."""

    def __init__(self, words: type[StrEnum]) -> None:
        super().__init__([word.value for word in words])
        self._words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return self._words(super().convert(value, param, ctx))


class Moment(click.ParamType[datetime]):
    """A date or a date-time, read as in the API's query strings. With `end`, a date includes its day."""

    name = "time"

    def __init__(self, *, end: bool = False) -> None:
        self._field = QueryTime(end=end)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            found: datetime = self._field.deserialize(value)
        except ValidationError as error:
            self.fail(str(error.messages[0]), param, ctx)
        return found


NAME = _Name()
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
bom_option = click.option(
    "--bom", is_flag=True, help="Begin a CSV file with a byte order mark, so that Excel reads it as UTF-8."
)
by = click.option("--by", "who", required=True, type=NAME, help="Your name, for the audit trail.")
reason = click.option("--reason", "why", required=True, help="The reason, for the audit trail.")


def stated_phone(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a number that an operator states for a refund, under the API's names."""
    phone = click.option(
        "--phone", "phoneNumber", metavar="NUMBER", help="The number that the money goes to: 0712345678."
    )
    confirm = click.option(
        "--confirm-different-payer",
        "confirmDifferentPayer",
        is_flag=True,
        help="Pay to --phone although it is not the payer's number.",
    )
    return phone(confirm(command))


def limit_option(default: int, most: int | None, words: str = "Show at most this many.") -> Option:
    """Return the option `--limit`, from 1 to `most`."""
    numbers = click.IntRange(1, most)
    return click.option("--limit", default=default, show_default=True, type=numbers, help=words)


def status_option(words: type[StrEnum]) -> Option:
    """Return the option `--status`, for a list."""
    return click.option("--status", type=EnumChoice(words), help="Only this status.")


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
    found = load(ResolvePaymentSchema(), action=action.value, **given)
    return OperatorDecision(action, found["reason"], found["receipt"], found.get("amount"))


def echo_json(data: Any) -> None:
    """Print JSON with an indent of two."""
    click.echo(json.dumps(data, indent=2))


def print_result(result: Any, sentence: str, as_json: bool) -> None:
    """Print the result of a command: `sentence`, or `result` as JSON."""
    if as_json:
        echo_json(result)
        return
    click.echo(sentence)


def in_shillings(amount: Decimal | int | str | None) -> str:
    """Return an amount as M-Pesa's statement writes it, `1,500.00`, or an empty text for None.

    A text of M-Pesa that is no number is returned as it is.
    """
    try:
        return "" if amount is None else f"{Decimal(amount):,.2f}"
    except InvalidOperation:
        return str(amount)


def local_time(at: datetime | None) -> str:
    """Return a time as people in Nairobi write it, `2026-11-22 14:00:00`, or an empty text for None."""
    return local_text(at) if at else ""
