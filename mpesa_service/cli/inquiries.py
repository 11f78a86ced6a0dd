"""Operator commands that query M-Pesa: mpesa status, mpesa balance"""

from collections.abc import Callable

import click
from flask.cli import with_appcontext

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import echo_json, in_shillings, local_time
from mpesa_service.cli.output import TableRow, print_table, show_list
from mpesa_service.inquiries.balances import BalanceRecord, latest_balances
from mpesa_service.inquiries.ours import Ours
from mpesa_service.inquiries.request import (
    InquiryRecord,
    Transaction,
    query_balance,
    transaction_status,
    wait_for,
)
from mpesa_service.inquiries.schemas import BalancesSchema, InquirySchema, parse_receipt
from mpesa_service.web.blueprint import runtime

OPERATOR = "operator"
WAIT_SECONDS = 60
_NOT_OURS = "Nothing here has this receipt. If the money arrived: mpesa receipts book {} --by NAME"
_BALANCE = ("account", "available", "current", "reserved", "uncleared", "at")

_wait = click.option("--wait", is_flag=True, help=f"Wait for the answer, at most {WAIT_SECONDS} seconds.")


@click.command("status")
@click.argument("receipt")
@_wait
@as_json_option
@with_appcontext
def status(receipt: str, *, wait: bool, as_json: bool) -> None:
    """Query M-Pesa for the status of a transaction, by its receipt. Show it beside our record of the receipt.

    M-Pesa answers later. Without --wait, run the command again within a minute to see the answer.

    Example: mpesa status UKN2ABCDEF --wait
    """
    record = _queried(lambda: transaction_status(runtime(), OPERATOR, parse_receipt(receipt)), wait=wait)
    if as_json:
        echo_json(InquirySchema().dump(record))
    else:
        print_table(("", "M-Pesa", "our record"), _compared(record))
        if record.ours is None:
            click.echo(_NOT_OURS.format(record.receipt))
    _exit(record)


@click.command("balance")
@_wait
@as_json_option
@with_appcontext
def balance(*, wait: bool, as_json: bool) -> None:
    """Query M-Pesa for the account balances and show them.

    M-Pesa answers later. Without --wait, run the command again within a minute to see the answer.

    Example: mpesa balance --wait
    """
    record = _queried(lambda: query_balance(runtime(), OPERATOR), wait=wait)
    balances = latest_balances(runtime())
    data = BalancesSchema().dump({"balances": balances, "inquiry": record})
    show_list(as_json, data, _BALANCE, map(_balance_row, balances))
    _exit(record)


def _queried(query: Callable[[], InquiryRecord], *, wait: bool) -> InquiryRecord:
    return wait_for(runtime(), query(), WAIT_SECONDS if wait else 0)


def _balance_row(one: BalanceRecord) -> TableRow:
    amounts = (one.available, one.current, one.reserved, one.uncleared)
    return (one.account, *map(in_shillings, amounts), local_time(one.at))


def _compared(record: InquiryRecord) -> list[TableRow]:
    """Return what M-Pesa reports about a receipt beside the record that has it."""
    theirs = record.transaction or Transaction(None, None, None, None, None, None, None)
    ours = record.ours or Ours("", "", "no record", None, None, None, None)
    receipt = record.receipt if record.ours else None
    return [
        ("status", theirs.status or _no_answer(record), ours.status),
        ("amount", in_shillings(theirs.amount), in_shillings(ours.amount)),
        ("receipt", theirs.receipt, receipt),
        ("time", local_time(theirs.finalised_at), local_time(ours.at)),
        ("kind", theirs.reason, ours.kind),
        ("id", None, ours.id),
        ("order", None, ours.order_id),
        ("evidence", None, ours.evidence),
        ("paid by", theirs.debit_party, None),
        ("paid to", theirs.credit_party, None),
    ]


def _no_answer(record: InquiryRecord) -> str:
    if record.completed_at is None:
        return "not answered yet"
    return record.failure_reason or "not stated"


def _exit(record: InquiryRecord) -> None:
    """Print on standard error that the answer is missing, or exit with 1 if the inquiry failed."""
    if record.completed_at is None:
        click.echo("M-Pesa has not answered yet. Run the command again.", err=True)
    elif record.failure_reason is not None:
        raise SystemExit(1)
