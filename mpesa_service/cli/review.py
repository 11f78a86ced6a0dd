"""Operator commands for what waits for a person, and for money that goes back."""

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from mpesa_service.api.blueprint import runtime
from mpesa_service.cli.options import (
    as_json,
    by,
    echo_json,
    errors_as_sentences,
    finding,
    load,
    operator,
    reason,
    resume_held,
)
from mpesa_service.cli.output import Row, end_with, print_table, refund_shown
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.schemas.payouts import PayoutSchema
from mpesa_service.schemas.responses import PaymentSchema
from mpesa_service.schemas.review import LARGEST_AMOUNT
from mpesa_service.schemas.unmatched import ReturnSchema
from mpesa_service.services import holds
from mpesa_service.services.payout_records import PayoutRecord
from mpesa_service.services.payout_review import list_payouts_in_review
from mpesa_service.services.records import PaymentRecord
from mpesa_service.services.refund_terms import RefundWish
from mpesa_service.services.refunds import refund
from mpesa_service.services.review import Finding, Resolution, list_review, resolve

review_cli = AppGroup("review", help="Payments that wait for a person.")
refunds_cli = AppGroup("refunds", help="Refunds as a whole.")


@review_cli.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_waiting(limit: int, as_json: bool) -> None:
    """Show payments and then payouts that wait for a person, oldest first, and why.

    Example: mpesa review list
    """
    found, payouts = list_review(runtime(), limit), list_payouts_in_review(runtime(), limit)
    if as_json:
        echo_json(PaymentSchema(many=True).dump(found) + PayoutSchema(many=True).dump(payouts))
        return
    print_table(_PAYMENT, map(_payment_row, found))
    if payouts:
        print_table(_PAYOUT, map(_payout_row, payouts))
    click.echo(f"{len(found) + len(payouts)} waiting")


_PAYMENT = ("payment", "order", "amount", "status", "receipt", "evidence", "why")
_PAYOUT = ("payout", "batch", "row", "to", "amount", "receipt", "evidence", "why")


def _payment_row(record: PaymentRecord) -> Row:
    why = [record.failure_reason] if record.failure_reason else []
    why += [f"refund of {r.amount}: {r.failure_reason}" for r in record.refunds if r.status == "review"]
    cells = (record.id, record.order_id, str(record.amount), record.status, record.receipt)
    return (*cells, record.evidence, "\n".join(why))


def _payout_row(record: PayoutRecord) -> Row:
    cells = (record.id, record.batch_id, str(record.row_number), record.phone or record.business_number)
    return (*cells, str(record.amount), record.receipt, record.evidence, record.failure_reason)


def _decide(reference: str, who: str, found: Finding) -> PaymentRecord:
    with errors_as_sentences():
        return resolve(runtime(), operator(who), reference, found)


def _show(record: PaymentRecord, as_json: bool) -> None:
    if as_json:
        echo_json(PaymentSchema().dump(record))
        return
    click.echo(f"{record.id} is {record.status}")


def _options(command: Any) -> Any:
    return reason(by(as_json(command)))


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
def settle(payment: str, receipt: str | None, amount: int | None, who: str, why: str, as_json: bool) -> None:
    """Say that the money arrived (or the refund was paid).

    Example: mpesa review settle 019a… --by amina --reason "on the statement"
    """
    found = finding(Resolution.SETTLE, reason=why, receipt=receipt, amount=amount)
    _show(_decide(payment, who, found), as_json)


@review_cli.command("fail")
@click.argument("payment")
@_options
def fail(payment: str, who: str, why: str, as_json: bool) -> None:
    """Say that the money did not arrive (or the refund was not paid).

    Example: mpesa review fail 019a… --by amina --reason "not on the statement"
    """
    _show(_decide(payment, who, finding(Resolution.FAIL, reason=why)), as_json)


@review_cli.command("refund")
@click.argument("payment")
@click.option(
    "--method",
    type=click.Choice([method.value for method in RefundMethod]),
    help="To the phone that paid, or by reversal; by default to the phone, where it is known.",
)
@_AMOUNT
@_options
def pay_back(payment: str, method: str | None, amount: int | None, who: str, why: str, as_json: bool) -> None:
    """Say that the money arrived, and pay all of it back: what a customer paid twice, say.

    Example: mpesa review refund 019a… --by amina --reason "paid twice"
    """
    record = _decide(payment, who, finding(Resolution.SETTLE, reason=why, amount=amount))
    if not as_json:
        _show(record, as_json)
    wish = RefundWish(method=RefundMethod(method) if method else None, reason=why)
    _refund(payment, who, wish, as_json)


@click.command("reverse")
@with_appcontext
@click.argument("payment")
@_options
def reverse(payment: str, who: str, why: str, as_json: bool) -> None:
    """Have M-Pesa reverse a payment: all of it goes back to whoever paid.

    Example: mpesa reverse 019a… --by amina --reason "sent to the wrong shop"
    """
    wish = RefundWish(method=RefundMethod.REVERSAL, reason=load(ReturnSchema(), reason=why)["reason"])
    _refund(payment, who, wish, as_json)


def _refund(payment: str, who: str, wish: RefundWish, as_json: bool) -> None:
    with errors_as_sentences():
        answer = refund(runtime(), operator(who), payment, wish, refund_shown(as_json=as_json))
    end_with(answer)


@refunds_cli.command("resume")
@by
@as_json
def resume_refunds(who: str, as_json: bool) -> None:
    """Let refunds go on, after the initiator's credentials were mended.

    Example: mpesa refunds resume --by amina
    """
    resume_held(holds.REFUNDS, who, as_json=as_json)
