"""Operator commands for what waits for a person, and for money that goes back."""

from collections.abc import Sequence
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext
from rich.console import Console
from rich.table import Table

from mpesa_service.api.blueprint import runtime
from mpesa_service.cli_options import as_json, by, echo_json, errors_as_sentences, finding, load, operator
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.schemas.payouts import PayoutSchema
from mpesa_service.schemas.responses import PaymentSchema
from mpesa_service.schemas.review import LARGEST_AMOUNT
from mpesa_service.schemas.unmatched import ReturnSchema
from mpesa_service.services import holds
from mpesa_service.services.idempotency import Answer
from mpesa_service.services.payout_records import PayoutRecord
from mpesa_service.services.payout_review import list_payouts_in_review
from mpesa_service.services.refund_terms import RefundWish
from mpesa_service.services.refunds import RefundStarted, refund
from mpesa_service.services.review import Finding, Resolution, list_review, resolve

review_cli = AppGroup("review", help="Payments that wait for a person.")
refunds_cli = AppGroup("refunds", help="Refunds as a whole.")


@review_cli.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_waiting(limit: int, as_json: bool) -> None:
    """Show payments and then payouts that wait for a person, oldest first, and why.

    Example: flask --app wsgi mpesa review list
    """
    found, payouts = list_review(runtime(), limit), list_payouts_in_review(runtime(), limit)
    if as_json:
        echo_json(PaymentSchema(many=True).dump(found) + PayoutSchema(many=True).dump(payouts))
        return
    table = Table("payment", "order", "amount", "status", "receipt", "evidence", "why")
    for record in found:
        why = [record.failure_reason] if record.failure_reason else []
        why += [f"refund of {r.amount}: {r.failure_reason}" for r in record.refunds if r.status == "review"]
        cells = (record.id, record.order_id, str(record.amount), record.status, record.receipt or "")
        table.add_row(*cells, record.evidence or "", "\n".join(why))
    Console().print(table)
    if payouts:
        Console().print(_payouts_table(payouts))
    click.echo(f"{len(found) + len(payouts)} waiting")


def _payouts_table(payouts: Sequence[PayoutRecord]) -> Table:
    table = Table("payout", "batch", "row", "to", "amount", "receipt", "evidence", "why")
    for record in payouts:
        cells = (record.id, record.batch_id, str(record.row_number), record.phone or record.business_number)
        rest = (str(record.amount), record.receipt or "", record.evidence or "", record.failure_reason)
        table.add_row(*cells, *rest)
    return table


def _decide(reference: str, who: str, found: Finding) -> None:
    with errors_as_sentences():
        record = resolve(runtime(), operator(who), reference, found)
    click.echo(f"{record.id} is {record.status}")


def _options(command: Any) -> Any:
    return click.option("--reason", required=True, help="Why, for the audit trail.")(by(command))


_AMOUNT = click.option(
    "--amount",
    type=click.IntRange(1, LARGEST_AMOUNT),
    help="What the customer really paid, if the statement shows another amount than was asked.",
)


@review_cli.command("settle")
@click.argument("payment")
@click.option("--receipt", help="The M-Pesa receipt that proves it.")
@_AMOUNT
@_options
def settle(payment: str, receipt: str | None, amount: int | None, who: str, reason: str) -> None:
    """Say that the money arrived (or the refund was paid).

    Example: flask --app wsgi mpesa review settle 019a… --by amina --reason "on the statement"
    """
    _decide(payment, who, finding(Resolution.SETTLE, reason=reason, receipt=receipt, amount=amount))


@review_cli.command("fail")
@click.argument("payment")
@_options
def fail(payment: str, who: str, reason: str) -> None:
    """Say that the money did not arrive (or the refund was not paid).

    Example: flask --app wsgi mpesa review fail 019a… --by amina --reason "not on the statement"
    """
    _decide(payment, who, finding(Resolution.FAIL, reason=reason))


@review_cli.command("refund")
@click.argument("payment")
@click.option(
    "--method",
    type=click.Choice([method.value for method in RefundMethod]),
    help="To the phone that paid, or by reversal; by default to the phone, where it is known.",
)
@_AMOUNT
@_options
def pay_back(payment: str, method: str | None, amount: int | None, who: str, reason: str) -> None:
    """Say that the money arrived, and pay all of it back: what a customer paid twice, say.

    Example: flask --app wsgi mpesa review refund 019a… --by amina --reason "paid twice"
    """
    _decide(payment, who, finding(Resolution.SETTLE, reason=reason, amount=amount))
    _refund(payment, who, RefundWish(method=RefundMethod(method) if method else None, reason=reason))


@click.command("reverse")
@with_appcontext
@click.argument("payment")
@_options
def reverse(payment: str, who: str, reason: str) -> None:
    """Have M-Pesa reverse a payment: all of it goes back to whoever paid.

    Example: flask --app wsgi mpesa reverse 019a… --by amina --reason "sent to the wrong shop"
    """
    why = load(ReturnSchema(), reason=reason)["reason"]
    _refund(payment, who, RefundWish(method=RefundMethod.REVERSAL, reason=why))


def _refund(payment: str, who: str, wish: RefundWish) -> None:
    with errors_as_sentences():
        answer = refund(runtime(), operator(who), payment, wish, _plainly)
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)


def _plainly(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, started.refusal.message.encode())
    words = f"refund {started.refund.id} of {started.refund.amount} shillings is {started.refund.status}"
    return Answer(200, words.encode())


@refunds_cli.command("resume")
def resume_refunds() -> None:
    """Let refunds go on, after the initiator's credentials were mended.

    Example: flask --app wsgi mpesa refunds resume
    """
    stopped = holds.resume(runtime(), holds.REFUNDS)
    click.echo("Refunds go on." if stopped else "Refunds were not stopped.")
