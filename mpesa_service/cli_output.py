"""What operator commands print alike: refunds that were asked for."""

import json
from collections.abc import Callable

import click

from mpesa_service.schemas.responses import RefundSchema
from mpesa_service.services.idempotency import Answer
from mpesa_service.services.refunds import RefundStarted


def refund_shown(*, as_json: bool) -> Callable[[RefundStarted], Answer]:
    """Return how a refund that was asked for is told, or why M-Pesa refused it."""
    return _in_json if as_json else _in_words


def _in_json(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, json.dumps(started.refusal.body("")).encode())
    return Answer(200, json.dumps(RefundSchema().dump(started.refund), indent=2).encode())


def _in_words(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, started.refusal.message.encode())
    words = f"refund {started.refund.id} of {started.refund.amount} shillings is {started.refund.status}"
    return Answer(200, words.encode())


def end_with(answer: Answer) -> None:
    """Print what was answered; end with 1 if it was refused."""
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)
