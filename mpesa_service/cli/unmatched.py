"""Operator commands for unmatched money: mpesa unmatched …"""

from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.c2b.fractional import FractionalRecord
from mpesa_service.cli.options import (
    as_json,
    by,
    echo_json,
    in_shillings,
    limit_option,
    load,
    local_time,
    operator,
    print_result,
    reason,
    stated_phone,
)
from mpesa_service.cli.output import RefundOutput, TableRow, print_table
from mpesa_service.cli.references import money_argument
from mpesa_service.domain.suggestions import Suggestion
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.review.schemas import (
    CloseSchema,
    FractionalSchema,
    MatchSchema,
    ReturnSchema,
    UnmatchedQuerySchema,
    UnmatchedSchema,
)
from mpesa_service.review.unmatched import UnmatchedRecord, close, list_unmatched, match, return_money
from mpesa_service.web.blueprint import runtime

unmatched_cli = AppGroup("unmatched", help="C2B payments that fit no order.")
SEND_BACK = (
    "an order has no cents: return the money by hand, then: mpesa unmatched close ID --by NAME --reason …"
)


@unmatched_cli.command("list")
@limit_option(20, 50)
@click.option("--after", default="", help="Show the next page: the id of the last entry of the page before.")
@as_json
def list_(limit: int, after: str, as_json: bool) -> None:
    """Show unmatched payments, oldest first, with the orders that they may belong to.

    Example: mpesa unmatched list
    """
    found = list_unmatched(runtime(), **load(UnmatchedQuerySchema(), limit=limit, after=after))
    if as_json:
        echo_json(UnmatchedSchema(many=True).dump(found))
        return
    headings = ("id", "since", "amount", "typed", "payer", "name", "receipt", "why", "possible orders")
    print_table(headings, map(_cells, found))
    click.echo(f"{len(found)} unmatched")


@unmatched_cli.command("match")
@money_argument("payment")
@click.argument("order")
@reason
@by
@as_json
def match_(payment: str, order: str, why: str, who: str, as_json: bool) -> None:
    """Assign a payment to an expected order.

    Example: mpesa unmatched match 019a… ORDER-1001 --by amina --reason "called him"
    """
    request = load(MatchSchema(), orderId=order, reason=why)
    record = match(runtime(), operator(who), payment, request["order_id"], request["reason"])
    message = f"{record.id} is {record.status}, order {record.order_id}"
    print_result(PaymentSchema().dump(record), message, as_json)


@unmatched_cli.command("return")
@money_argument("payment")
@stated_phone
@reason
@by
@as_json
def return_(payment: str, why: str, who: str, as_json: bool, **given: Any) -> None:
    """Reverse a payment: M-Pesa returns all of it to the payer. With --phone, pay it to that number.

    Example: mpesa unmatched return 019a… --by amina --reason "he paid the wrong shop"
    """
    request = load(ReturnSchema(), reason=why, **given)
    shown = RefundOutput(as_json=as_json)
    answer = return_money(
        runtime(),
        operator(who),
        payment,
        request["reason"],
        shown,
        request.get("phone_number"),
        confirm_different_payer=request.get("confirm_different_payer", False),
    )
    shown.end_with(answer)


@unmatched_cli.command("close")
@money_argument("money")
@reason
@by
@as_json
def close_(money: str, why: str, who: str, as_json: bool) -> None:
    """Remove a fractional amount from the list.

    First return the money in M-Pesa's organization portal.

    Example: mpesa unmatched close 019a… --by amina --reason "reversed in the portal"
    """
    request = load(CloseSchema(), reason=why)
    record = close(runtime(), operator(who), money, request["reason"])
    message = f"{record.id} of {record.amount} shillings is closed"
    print_result(FractionalSchema().dump(record), message, as_json)


def _cells(one: UnmatchedRecord) -> TableRow:
    money = one.money
    why = one.reason.replace("_", " ")
    reference = (money.bill_reference, money.phone, one.payer_name, money.receipt, why)
    if isinstance(money, FractionalRecord):
        return (money.id, local_time(money.received_at), in_shillings(money.amount), *reference, SEND_BACK)
    likely = "\n".join(_words(suggestion) for suggestion in one.suggestions)
    return (money.id, local_time(money.created_at), in_shillings(money.amount), *reference, likely)


def _words(suggestion: Suggestion) -> str:
    reasons = ", ".join(reason.replace("_", " ") for reason in suggestion.reasons)
    return f"{suggestion.order_id} ({suggestion.score}: {reasons})"
