"""Operator commands for payments: mpesa payments …"""

import json
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.cli.export_file import file_argument, force_option, format_option, write_export
from mpesa_service.cli.options import bom_option, echo_json, in_shillings, limit_option, load, local_time
from mpesa_service.cli.output import TableRow, print_facts, print_table, show_list
from mpesa_service.cli.payment_decisions import DECISIONS
from mpesa_service.cli.references import payment_argument
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.payments.export_files import export_file
from mpesa_service.payments.json_rows import as_json
from mpesa_service.payments.listing import (
    Filters,
    all_payments,
    count_payments,
    list_payments,
)
from mpesa_service.payments.lookup import TrailEvent, payment_trail, show_payment
from mpesa_service.payments.schemas import (
    PROVIDERS,
    SORTS,
    STATUSES,
    OperatorTrailSchema,
    PaymentFilterSchema,
    PaymentListQuerySchema,
    PaymentSchema,
    RefundSchema,
)
from mpesa_service.payments.views import PaymentRecord, RefundRecord
from mpesa_service.refunds.request import list_refunds
from mpesa_service.web.blueprint import runtime
from mpesa_service.web.file_formats import FORMATS, FileFormat, format_of_name
from mpesa_service.web.query_fields import cursor

OPERATOR = Principal("operator", frozenset({ADMIN}))

payments_cli = AppGroup("payments", help="Payments, their history, and decisions on paid payments.")
for _decision in DECISIONS:
    payments_cli.add_command(_decision)
as_json_option = click.option("--json", "to_json", is_flag=True, help="Print JSON, for scripts.")
_FILTERS = (
    click.option(
        "--status",
        multiple=True,
        metavar="WORDS",
        help=f"One or more, with commas: {', '.join(STATUSES)}. Repeatable.",
    ),
    click.option("--provider", type=click.Choice(PROVIDERS), help="The payment provider."),
    click.option("--order", "orderId", metavar="ID", help="The order."),
    click.option(
        "--from", "from", metavar="TIME", help="Start, Nairobi time: 2026-11-22 or 2026-11-22T14:00."
    ),
    click.option("--to", "to", metavar="TIME", help="End: a date includes that day, a time is not included."),
    click.option("--paid-from", "paidFrom", metavar="TIME", help="Start of the time of payment, by M-Pesa."),
    click.option("--paid-to", "paidTo", metavar="TIME", help="End of the time of payment, by M-Pesa."),
    click.option(
        "--sort",
        type=click.Choice(SORTS),
        help="The order, latest first: paidAt with --paid-from or --paid-to, else createdAt.",
    ),
    click.option("--receipt", help="The M-Pesa receipt."),
    click.option(
        "--phone",
        "phoneNumber",
        metavar="NUMBER",
        help="The whole number: 0712345678, 254712345678 or +254712345678.",
    ),
    click.option("--min-amount", "minAmount", metavar="SHILLINGS", help="The least amount."),
    click.option("--max-amount", "maxAmount", metavar="SHILLINGS", help="The largest amount."),
)


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the API's filters as options, under the API's names."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@payments_cli.command("list")
@_filters
@limit_option(50, 100)
@click.option("--after", help="Show the next page: the value that the page before printed.")
@as_json_option
def list_(to_json: bool, **given: Any) -> None:
    """Show payments, newest first.

    Example: mpesa payments list --status review,unknown --from 2026-11-22
    """
    query = load(PaymentListQuerySchema(), **given)
    limit, after = query.pop("limit"), query.pop("after")
    page = list_payments(runtime(), OPERATOR, Filters(**query), limit, after)
    if to_json:
        data = [as_json(payment) for payment in page.payments]
        click.echo(json.dumps({"data": data, "next": cursor(page.next)}, indent=2))
        return
    print_table(_COLUMNS, map(_row, page.payments))
    if page.next:
        click.echo(f"More: --after {cursor(page.next)}")


@payments_cli.command("export")
@file_argument
@_filters
@format_option(FORMATS)
@bom_option
@force_option
@as_json_option
def export(file: str, kind_of_file: str | None, bom: bool, force: bool, to_json: bool, **given: Any) -> None:
    """Write payments to FILE, newest first. If FILE is -, write to standard output.

    The command writes to FILE.part and renames it to FILE at the end.

    Example: mpesa payments export november.csv --paid-from 2026-11-01 --paid-to 2026-11-30
    """
    filters = Filters(**load(PaymentFilterSchema(), **given))
    form = FileFormat(kind_of_file or format_of_name(file, FORMATS), bom=bom)
    write_export(
        file,
        partial(export_file, form),
        all_payments(runtime(), OPERATOR, filters),
        partial(count_payments, runtime(), OPERATOR, filters),
        name="payments",
        force=force,
        to_json=to_json,
    )


@payments_cli.command("show")
@payment_argument
@as_json_option
def show(payment: str, to_json: bool) -> None:
    """Show a payment and its refunds.

    Example: mpesa payments show UKN2ABCDEF
    """
    found = show_payment(runtime(), OPERATOR, payment)
    if to_json:
        echo_json(PaymentSchema().dump(found))
        return
    print_facts(_facts(found))
    if found.paid_at is None:
        for line in payment_trail(runtime(), OPERATOR, found.id):
            if line.ignored_paid_at is not None:
                click.echo(f"The time of payment is empty: {_ignored(line.ignored_paid_at)}.")
    if found.refunds:
        print_table(_REFUNDS, map(_refund_row, found.refunds))


@payments_cli.command("events")
@payment_argument
@as_json_option
def events(payment: str, to_json: bool) -> None:
    """Show the audit trail of a payment and its refunds, with the orders of each move and the reasons.

    Example: mpesa payments events 019a…
    """
    found = payment_trail(runtime(), OPERATOR, payment)
    show_list(to_json, OperatorTrailSchema(many=True).dump(found), _TRAIL, map(_trail_row, found))


@payments_cli.command("refunds")
@payment_argument
@as_json_option
def refunds(payment: str, to_json: bool) -> None:
    """Show the refunds of a payment, oldest first.

    Example: mpesa payments refunds 019a…
    """
    found = list_refunds(runtime(), OPERATOR, payment)
    show_list(to_json, RefundSchema(many=True).dump(found), _REFUNDS, map(_refund_row, found))


_REFUNDS = ("refund", "requested", "amount", "method", "to", "status", "receipt", "by", "completed", "why")
_TRAIL = ("line", "at", "what happened", "from", "to", "order", "by", "reason", "evidence", "refund")
_COLUMNS = ("payment", "created", "paid", "order", "amount", "refunded", "status", "receipt", "phone", "why")


def _facts(row: PaymentRecord) -> Iterator[tuple[str, str | None]]:
    yield "payment", row.id
    yield "order", row.order_id
    yield "status", row.status
    yield "why", row.failure_reason
    yield "amount", in_shillings(row.amount)
    yield "refunded", in_shillings(row.refunded_amount)
    yield "receipt", row.receipt
    yield "payer", row.phone
    yield "typed", row.bill_reference
    yield "evidence", row.evidence
    yield "created", local_time(row.created_at)
    yield "paid", local_time(row.paid_at)


def _row(row: PaymentRecord) -> TableRow:
    amounts = (in_shillings(row.amount), in_shillings(row.refunded_amount or None))
    known = (row.receipt, row.phone, row.failure_reason)
    times = (local_time(row.created_at), local_time(row.paid_at))
    return (row.id, *times, row.order_id, *amounts, row.status, *known)


def _refund_row(row: RefundRecord) -> TableRow:
    made = (row.id, local_time(row.created_at), in_shillings(row.amount), row.method, row.phone, row.status)
    return (*made, row.receipt, row.requested_by, local_time(row.completed_at), row.failure_reason)


def _ignored(stated: str) -> str:
    return f"M-Pesa stated {stated}, which cannot be true"


def _trail_row(row: TrailEvent) -> TableRow:
    happened = (str(row.sequence), local_time(row.at), row.sentence)
    ignored = None if row.ignored_paid_at is None else _ignored(row.ignored_paid_at)
    reason = "; ".join(filter(None, (row.reason, ignored))) or None
    known = (_orders(row), row.actor, reason, row.evidence, row.refund)
    return (*happened, row.before, row.after, *known)


def _orders(row: TrailEvent) -> str | None:
    """Return the order of a match, or both sides of a move."""
    if row.previous_order_id is None:
        return row.order_id
    return f"from {row.previous_order_id} to {row.order_id or 'unmatched'}"
