"""Arguments that name money. An operator gives an id, a receipt or an order; the command receives the id."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click

from mpesa_service.c2b.fractional import named_fractional, refuse_fractional
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.payments.naming import named_payment
from mpesa_service.web.blueprint import runtime

ANYBODY = Principal("operator", frozenset({ADMIN}))
_PAYMENT = "PAYMENT is the payment's id, its receipt, or its order's id if the order has one payment."
_MONEY = "{} is the id or the receipt."
_Command = Callable[..., Any]


def payment_argument(command: _Command) -> _Command:
    """Add the argument PAYMENT. The command receives the payment's id."""
    return _argument(command, "payment", _payment_id, _PAYMENT)


def money_argument(name: str) -> Callable[[_Command], _Command]:
    """Return the argument for unmatched money, a payment or a fractional amount, by its id or receipt."""
    return lambda command: _argument(command, name, _money_id, _MONEY.format(name.upper()))


def _argument(command: _Command, name: str, find: Callable[[str], str], words: str) -> _Command:
    @wraps(command)
    def with_id(*arguments: Any, **given: Any) -> Any:
        return command(*arguments, **{**given, name: find(given[name])})

    text, example, rest = (command.__doc__ or "").partition("Example:")
    with_id.__doc__ = f"{text.rstrip()}\n\n    {words}\n\n    {example}{rest}"
    return click.argument(name)(with_id)


def _payment_id(text: str) -> str:
    fractional = named_fractional(runtime(), text)
    if fractional is not None:
        refuse_fractional(runtime(), fractional)
    return named_payment(runtime(), ANYBODY, text)


def _money_id(text: str) -> str:
    return named_fractional(runtime(), text) or named_payment(runtime(), ANYBODY, text)
