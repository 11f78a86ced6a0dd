"""Operator commands for reviews, and to reverse a payment: mpesa review …, mpesa reverse"""

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from mpesa_service.cli.options import (
    EnumChoice,
    as_json,
    by,
    echo_json,
    in_shillings,
    limit_option,
    load,
    operator,
    operator_decision,
    print_result,
    reason,
)
from mpesa_service.cli.output import RefundOutput, TableRow, end_with, print_table, waits
from mpesa_service.cli.references import payment_argument
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.payments.views import PaymentRecord
from mpesa_service.payouts.schemas import PayoutSchema
from mpesa_service.payouts.views import PayoutRecord
from mpesa_service.refunds.request import refund
from mpesa_service.refunds.stated_phone import RefundRequest
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.discrepancies import list_discrepancies
from mpesa_service.review.payments import ReviewRecord, list_review, resolve
from mpesa_service.review.payouts import list_payouts_in_review
from mpesa_service.review.schemas import ReturnSchema, ReviewedPaymentSchema
from mpesa_service.web.blueprint import runtime

review_cli = AppGroup("review", help="Payments and payouts that need a person's decision.")


@review_cli.command("list")
@limit_option(50, 1000, "Show at most this many of each kind.")
@as_json
def list_waiting(limit: int, as_json: bool) -> None:
    """Show the payments and payouts in review, oldest first, and the reasons.

    The last line says how many discrepancies wait, which have a list of their own.

    Example: mpesa review list
    """
    found, payouts = list_review(runtime(), limit), list_payouts_in_review(runtime(), limit)
    if as_json:
        echo_json(ReviewedPaymentSchema(many=True).dump(found) + PayoutSchema(many=True).dump(payouts))
        return
    print_table(_PAYMENT, map(_payment_row, found))
    if payouts:
        print_table(_PAYOUT, map(_payout_row, payouts))
    click.echo(f"{len(found) + len(payouts)} waiting")
    if others := len(list_discrepancies(runtime(), limit)):
        click.echo(f"Besides, discrepancies: {others}. List them: mpesa discrepancies list")


_PAYMENT = ("payment", "order", "amount", "status", "receipt", "payer", "evidence", "why")
_PAYOUT = ("payout", "batch", "row", "to", "amount", "receipt", "evidence", "why")


def _payment_row(record: ReviewRecord) -> TableRow:
    why = [record.failure_reason] if record.failure_reason else []
    waiting = [one for one in record.refunds if one.status == "review"]
    why += [f"refund of {in_shillings(one.amount)}: {one.failure_reason}" for one in waiting]
    cells = (record.id, record.order_id, in_shillings(record.amount), record.status, record.receipt)
    return (*cells, record.payer_name, record.evidence, "\n".join(why))


def _payout_row(record: PayoutRecord) -> TableRow:
    cells = (record.id, record.batch_id, str(record.row_number), record.phone or record.business_number)
    return (*cells, in_shillings(record.amount), record.receipt, record.evidence, record.failure_reason)


def _decide(reference: str, who: str, decision: OperatorDecision) -> PaymentRecord | ApprovalRecord:
    return resolve(runtime(), operator(who), reference, decision)


def _show(record: PaymentRecord | ApprovalRecord, as_json: bool) -> None:
    if isinstance(record, ApprovalRecord):
        end_with(waits(record, as_json=as_json))
        return
    print_result(PaymentSchema().dump(record), f"{record.id} is {record.status}", as_json)


def _options(command: Any) -> Any:
    return reason(by(as_json(command)))


_AMOUNT = click.option(
    "--amount",
    type=click.IntRange(1),
    help="The amount that was paid, if it is not the requested one. More needs a receipt that M-Pesa has"
    " confirmed: mpesa status RECEIPT.",
)
_RECEIPT = click.option("--receipt", help="The M-Pesa receipt that proves it.")


@review_cli.command("settle")
@payment_argument
@_RECEIPT
@_AMOUNT
@_options
def settle(payment: str, receipt: str | None, amount: int | None, who: str, why: str, as_json: bool) -> None:
    """Record that the money arrived, or that the refund in review was paid.

    Example: mpesa review settle 019a… --by amina --reason "on the statement"
    """
    decision = operator_decision(Resolution.SETTLE, reason=why, receipt=receipt, amount=amount)
    _show(_decide(payment, who, decision), as_json)


@review_cli.command("fail")
@payment_argument
@_options
def fail(payment: str, who: str, why: str, as_json: bool) -> None:
    """Record that the money did not arrive, or that the refund in review was not paid.

    Example: mpesa review fail 019a… --by amina --reason "not on the statement"
    """
    _show(_decide(payment, who, operator_decision(Resolution.FAIL, reason=why)), as_json)


@review_cli.command("refund")
@payment_argument
@click.option(
    "--method",
    type=EnumChoice(RefundMethod),
    help="Pay to the customer's phone (b2c), or reverse. Default: b2c if the phone is known.",
)
@_RECEIPT
@_AMOUNT
@_options
def pay_back(
    payment: str,
    method: RefundMethod | None,
    receipt: str | None,
    amount: int | None,
    who: str,
    why: str,
    as_json: bool,
) -> None:
    """Record that the money arrived, and refund all of it.

    Use this command for a duplicate payment.

    Example: mpesa review refund 019a… --by amina --reason "duplicate payment"
    """
    decision = operator_decision(Resolution.SETTLE, reason=why, receipt=receipt, amount=amount)
    record = _decide(payment, who, decision)
    if not as_json or isinstance(record, ApprovalRecord):
        _show(record, as_json)
    if isinstance(record, ApprovalRecord):
        return
    request = RefundRequest(method=method, reason=why)
    _refund(payment, who, request, as_json)


@click.command("reverse")
@with_appcontext
@payment_argument
@_options
def reverse(payment: str, who: str, why: str, as_json: bool) -> None:
    """Reverse a payment: M-Pesa returns all of it to the payer.

    Example: mpesa reverse 019a… --by amina --reason "sent to the wrong shop"
    """
    request = RefundRequest(method=RefundMethod.REVERSAL, reason=load(ReturnSchema(), reason=why)["reason"])
    _refund(payment, who, request, as_json)


def _refund(payment: str, who: str, request: RefundRequest, as_json: bool) -> None:
    shown = RefundOutput(as_json=as_json)
    shown.end_with(refund(runtime(), operator(who), payment, request, shown))
