"""Operator commands that change paid payments: mpesa payments move"""

import json
from typing import Any

import click
from flask.cli import with_appcontext

from mpesa_service.cli.options import as_json, by, load, operator, reason
from mpesa_service.cli.output import end_with
from mpesa_service.core.idempotency import Answer
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.review.moves import Moved, MoveRequest, move
from mpesa_service.review.schemas import MoveSchema
from mpesa_service.web.blueprint import runtime


@click.command("move")
@with_appcontext
@click.argument("payment")
@click.option("--order", help="The expected order that the payment is for.")
@click.option("--to-unmatched", is_flag=True, help="Undo the match: the money is unmatched again.")
@reason
@by
@as_json
def move_(payment: str, order: str | None, to_unmatched: bool, why: str, who: str, as_json: bool) -> None:
    """Move a paid payment to another expected order, or back to unmatched money.

    Example: mpesa payments move 019a… --order ORDER-1002 --by amina --reason "he typed a neighbor's account"
    """
    if (order is None) is not to_unmatched:
        raise click.UsageError("Give either --order ID or --to-unmatched.")
    body = load(MoveSchema(), reason=why, orderId=order) if order else _undo(why)
    shown = _in_json if as_json else _in_words
    request = MoveRequest(body["order_id"], body["reason"])
    end_with(move(runtime(), operator(who), payment, request, shown))


def _undo(why: str) -> dict[str, Any]:
    """Check the reason like the API. `load` leaves out null, which is an order id here."""
    return {"order_id": None, **load(MoveSchema(only=("reason",)), reason=why)}


def _in_words(moved: Moved) -> Answer:
    return Answer(200, f"{moved.sentence}. Its status is {moved.payment.status}.".encode())


def _in_json(moved: Moved) -> Answer:
    return Answer(200, json.dumps(PaymentSchema().dump(moved.payment), indent=2).encode())


DECISIONS = (move_,)
