"""Operator commands that change paid payments: mpesa payments move, mpesa payments refund"""

import json
from dataclasses import replace
from typing import Any

import click
from flask.cli import with_appcontext

from mpesa_service.cli.options import EnumChoice, as_json, by, load, operator, reason, stated_phone
from mpesa_service.cli.output import RefundOutput, end_with, waits
from mpesa_service.cli.references import payment_argument
from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.counting import counted
from mpesa_service.domain.principal import Principal
from mpesa_service.errors import NotFound
from mpesa_service.orders.expected import find_order
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.refunds.request import refund
from mpesa_service.refunds.schemas import RefundRequestSchema
from mpesa_service.refunds.stated_phone import RefundRequest
from mpesa_service.review.moves import Moved, MoveRequest, move
from mpesa_service.review.schemas import MoveSchema
from mpesa_service.web.blueprint import runtime


@click.command("move")
@with_appcontext
@payment_argument
@click.option("--order", help="The expected order that the payment is for.")
@click.option("--to-unmatched", is_flag=True, help="Undo the match: the money is unmatched again.")
@reason
@by
@as_json
def move_(payment: str, order: str | None, to_unmatched: bool, why: str, who: str, as_json: bool) -> None:
    """Move a paid payment to another expected order, or back to unmatched money.

    Example: mpesa payments move 019a… --order ORDER-1002 --by amina --reason "he typed another account"
    """
    if (order is None) is not to_unmatched:
        raise click.UsageError("Give either --order ID or --to-unmatched.")
    body = load(MoveSchema(), reason=why, orderId=order) if order else _undo(why)
    request, done = MoveRequest(body["order_id"], body["reason"]), list[Moved]()

    def shown(moved: Moved | ApprovalRecord) -> Answer:
        done[:] = [moved] if isinstance(moved, Moved) else []
        return _in_json(moved) if as_json else _in_words(moved)

    answer = move(runtime(), operator(who), payment, request, shown)
    if done and done[0].changed and not as_json:
        answer = replace(answer, body=answer.body + _orders_after(operator(who), done[0]).encode())
    end_with(answer)


def _orders_after(who: Principal, moved: Moved) -> str:
    """Say what became of the orders of a move, and how to undo it."""
    lines = [
        _order_after(who, order)
        for order in (moved.previous_order_id, moved.payment.order_id)
        if order is not None
    ]
    undo = f"mpesa payments move {moved.payment.id}"
    if moved.previous_order_id is not None:
        match = f"mpesa unmatched match {moved.payment.id} {moved.previous_order_id}"
        undo = f"{undo} --order {moved.previous_order_id}" if moved.payment.order_id else match
        lines.append(f"To undo it: {undo} --by NAME --reason …")
    return "\n" + "\n".join(lines)


def _order_after(who: Principal, order_id: str) -> str:
    try:
        order = find_order(runtime(), who, order_id)
    except NotFound:  # the payment named it, and nobody registered it
        return f"Order {order_id} is not registered, so nothing counts its payments."
    words = f"Order {order.order_id} is {order.status.replace('_', ' ')}: {order.received_amount:,} of"
    words = f"{words} {counted(order.amount_due, 'shilling')} received"
    if order.overpaid_amount:
        return f"{words}, {order.overpaid_amount:,} too much."
    return f"{words}, {order.missing_amount:,} missing." if order.missing_amount else f"{words}."


def _undo(why: str) -> dict[str, Any]:
    """Check the reason like the API. `load` leaves out null, which is an order id here."""
    return {"order_id": None, **load(MoveSchema(only=("reason",)), reason=why)}


def _in_words(moved: Moved | ApprovalRecord) -> Answer:
    if isinstance(moved, ApprovalRecord):
        return waits(moved, as_json=False)
    return Answer(200, f"{moved.sentence}. Its status is {moved.payment.status}.".encode())


def _in_json(moved: Moved | ApprovalRecord) -> Answer:
    if isinstance(moved, ApprovalRecord):
        return waits(moved, as_json=True)
    return Answer(200, json.dumps(PaymentSchema().dump(moved.payment), indent=2).encode())


@click.command("refund")
@with_appcontext
@payment_argument
@click.option("--amount", type=int, help="Whole shillings. Default: all that is left.")
@click.option(
    "--method",
    type=EnumChoice(RefundMethod),
    help="Pay to a phone (b2c), or reverse. Default: b2c if the phone is known or given.",
)
@stated_phone
@click.option("--again", is_flag=True, help="Refund although an equal refund was requested shortly before.")
@reason
@by
@as_json
def refund_(payment: str, why: str, who: str, *, again: bool, as_json: bool, **given: Any) -> None:
    """Refund a payment, or a part of it: to the phone that paid, or to the number that you give.

    M-Pesa masks who paid by C2B, so a part of such a payment, such as a surplus, needs --phone.

    The command refuses a refund of the same amount to the same number while one is open or in review, and for
    15 minutes after it was requested. A warning says so if a paid order is left short.

    Example: mpesa payments refund 019a… --amount 40 --phone 0712345678 --by amina --reason "paid too much"
    """
    body = load(RefundRequestSchema(), reason=why, **given)
    request = RefundRequest(
        body.get("amount"),
        body.get("method"),
        body["reason"],
        body.get("phone_number"),
        confirm_different_payer=body.get("confirm_different_payer", False),
        refuse_repeated=not again,
    )
    shown = RefundOutput(as_json=as_json)
    shown.end_with(refund(runtime(), operator(who), payment, request, shown))


DECISIONS = (move_, refund_)
