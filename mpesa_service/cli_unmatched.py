"""Operator commands for money that fits no order: flask --app wsgi mpesa unmatched …"""

import json

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from mpesa_service.api.blueprint import runtime
from mpesa_service.cli_options import as_json, by, echo_json, errors_as_sentences, load, local_time, operator
from mpesa_service.domain.suggestions import Suggestion
from mpesa_service.schemas.responses import PaymentSchema, RefundSchema
from mpesa_service.schemas.unmatched import MatchSchema, ReturnSchema, UnmatchedQuerySchema, UnmatchedSchema
from mpesa_service.services.idempotency import Answer
from mpesa_service.services.refunds import RefundStarted
from mpesa_service.services.unmatched import UnmatchedRecord, list_unmatched, match, send_back

unmatched_cli = AppGroup("unmatched", help="Money that fits no order.")
_why = click.option("--reason", required=True, help="Why, for the audit trail.")


@unmatched_cli.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 50))
@click.option("--after", default="", help="Go on after this payment.")
@as_json
def list_(limit: int, after: str, as_json: bool) -> None:
    """Show money that fits no order, oldest first, and which orders it may be meant for.

    Example: flask --app wsgi mpesa unmatched list
    """
    found = list_unmatched(runtime(), **load(UnmatchedQuerySchema(), limit=limit, after=after))
    if as_json:
        echo_json(UnmatchedSchema(many=True).dump(found))
        return
    table = Table("payment", "since", "amount", "typed", "payer", "receipt", "may be meant for")
    for one in found:
        table.add_row(*_cells(one))
    Console().print(table)
    click.echo(f"{len(found)} unmatched")


@unmatched_cli.command("match")
@click.argument("payment")
@click.argument("order")
@_why
@by
@as_json
def match_(payment: str, order: str, reason: str, who: str, as_json: bool) -> None:
    """Give money to an announced order.

    Example: flask --app wsgi mpesa unmatched match 019a… ORDER-1001 --by amina --reason "called him"
    """
    wish = load(MatchSchema(), orderId=order, reason=reason)
    with errors_as_sentences():
        record = match(runtime(), operator(who), payment, wish["order_id"], wish["reason"])
    if as_json:
        echo_json(PaymentSchema().dump(record))
        return
    click.echo(f"{record.id} is {record.status}, of {record.order_id}")


@unmatched_cli.command("return")
@click.argument("payment")
@_why
@by
@as_json
def return_(payment: str, reason: str, who: str, as_json: bool) -> None:
    """Have M-Pesa reverse it: all of it goes back to whoever paid.

    Example: flask --app wsgi mpesa unmatched return 019a… --by amina --reason "he paid the wrong shop"
    """
    why = load(ReturnSchema(), reason=reason)["reason"]
    with errors_as_sentences():
        answer = send_back(runtime(), operator(who), payment, why, _in_json if as_json else _in_words)
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)


def _in_json(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, json.dumps(started.refusal.body("")).encode())
    return Answer(200, json.dumps(RefundSchema().dump(started.refund), indent=2).encode())


def _in_words(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, started.refusal.message.encode())
    words = f"refund {started.refund.id} of {started.refund.amount} shillings is {started.refund.status}"
    return Answer(200, words.encode())


def _cells(one: UnmatchedRecord) -> tuple[str, ...]:
    payment = one.payment
    said = (payment.bill_reference or "", payment.phone or "", payment.receipt or "")
    likely = "\n".join(_words(suggestion) for suggestion in one.suggestions)
    return (payment.id, local_time(payment.created_at), str(payment.amount), *said, likely)


def _words(suggestion: Suggestion) -> str:
    reasons = ", ".join(reason.replace("_", " ") for reason in suggestion.reasons)
    return f"{suggestion.order_id} ({suggestion.score}: {reasons})"
