"""Operator commands that query M-Pesa: mpesa status, mpesa balance"""

from collections.abc import Callable, Iterator

import click
from flask.cli import with_appcontext

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import echo_json
from mpesa_service.cli.output import print_facts, show_list
from mpesa_service.inquiries.balances import latest_balances
from mpesa_service.inquiries.request import InquiryRecord, query_balance, transaction_status, wait_for
from mpesa_service.inquiries.schemas import BalancesSchema, InquirySchema, parse_receipt
from mpesa_service.web.blueprint import runtime

OPERATOR = "operator"
WAIT_SECONDS = 60
_BALANCE = ("account", "available", "current", "reserved", "uncleared", "at")

_wait = click.option("--wait", is_flag=True, help=f"Wait for the answer, at most {WAIT_SECONDS} seconds.")


@click.command("status")
@click.argument("receipt")
@_wait
@as_json_option
@with_appcontext
def status(receipt: str, *, wait: bool, as_json: bool) -> None:
    """Query M-Pesa for the status of a transaction, by its receipt.

    M-Pesa answers later. Without --wait, run the command again within a minute to see the answer.

    Example: mpesa status UKN2ABCDEF --wait
    """
    record = _queried(lambda: transaction_status(runtime(), OPERATOR, parse_receipt(receipt)), wait=wait)
    if as_json:
        echo_json(InquirySchema().dump(record))
    else:
        print_facts(_facts(record))
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
    data = BalancesSchema().dump({"balances": latest_balances(runtime()), "inquiry": record})
    show_list(as_json, data, _BALANCE, ([row[name] for name in _BALANCE] for row in data["balances"]))
    _exit(record)


def _queried(query: Callable[[], InquiryRecord], *, wait: bool) -> InquiryRecord:
    return wait_for(runtime(), query(), WAIT_SECONDS if wait else 0)


def _facts(record: InquiryRecord) -> Iterator[tuple[str, str | None]]:
    inquiry = InquirySchema().dump(record)
    yield "inquiry", inquiry["status"]
    yield "reason", inquiry["failureReason"]
    yield from (inquiry["transaction"] or {}).items()
    for name, value in (inquiry["ours"] or {}).items():
        yield f"our {name}", value


def _exit(record: InquiryRecord) -> None:
    """Print on standard error that the answer is missing, or exit with 1 if the inquiry failed."""
    if record.completed_at is None:
        click.echo("M-Pesa has not answered yet. Run the command again.", err=True)
    elif record.failure_reason is not None:
        raise SystemExit(1)
