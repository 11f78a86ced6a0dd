"""Operator commands for the money that goes out: mpesa outgoing …"""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.cli.export_file import file_argument, force_option, format_option, write_export
from mpesa_service.cli.options import as_json, bom_option, in_shillings, limit_option, load, local_time
from mpesa_service.cli.output import TableRow, print_table
from mpesa_service.outgoing.listing import (
    OutgoingFilters,
    OutgoingRecord,
    all_outgoing,
    count_outgoing,
    list_outgoing,
)
from mpesa_service.outgoing.schemas import (
    KINDS,
    STATUSES,
    OutgoingFilterSchema,
    OutgoingQuerySchema,
    OutgoingSchema,
    export_file,
)
from mpesa_service.web.blueprint import runtime
from mpesa_service.web.file_formats import FORMATS, FileFormat, format_of_name
from mpesa_service.web.query_fields import cursor

outgoing_cli = AppGroup("outgoing", help="Money that goes out: refunds and payouts together.")
_FILTERS = (
    click.option("--kind", type=click.Choice(KINDS), help="Only refunds, or only payouts."),
    click.option(
        "--status",
        multiple=True,
        metavar="WORDS",
        help=f"One or more, with commas: {', '.join(STATUSES)}. Repeatable.",
    ),
    click.option("--receipt", help="The M-Pesa receipt."),
    click.option("--from", "from", metavar="TIME", help="Start, Nairobi time: a date, or 2026-11-22T14:00."),
    click.option("--to", "to", metavar="TIME", help="End: a date includes that day, a time is not included."),
    click.option("--paid-from", "paidFrom", metavar="TIME", help="Start of the time of payment, by M-Pesa."),
    click.option("--paid-to", "paidTo", metavar="TIME", help="End of the time of payment, by M-Pesa."),
    click.option("--min-amount", "minAmount", metavar="SHILLINGS", help="The least amount."),
    click.option("--max-amount", "maxAmount", metavar="SHILLINGS", help="The largest amount."),
)
_COLUMNS = (
    "id",
    "kind",
    "type",
    "created",
    "paid",
    "order or batch",
    "amount",
    "status",
    "receipt",
    "to",
    "why",
)


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add the API's filters as options, under the API's names."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@outgoing_cli.command("list")
@_filters
@limit_option(50, 100)
@click.option("--after", help="Show the next page: the value that the page before printed.")
@as_json
def list_(as_json: bool, **given: Any) -> None:
    """Show refunds and payouts: newest first, or by M-Pesa's time with --paid-from or --paid-to.

    Example: mpesa outgoing list --paid-from 2026-11-22 --paid-to 2026-11-22
    """
    query = load(OutgoingQuerySchema(), **given)
    limit, after = query.pop("limit"), query.pop("after")
    page = list_outgoing(runtime(), OutgoingFilters(**query), limit, after)
    if as_json:
        data = OutgoingSchema(many=True).dump(page.rows)
        click.echo(json.dumps({"data": data, "next": cursor(page.next)}, indent=2))
        return
    print_table(_COLUMNS, map(_row, page.rows))
    if page.next:
        click.echo(f"More: --after {cursor(page.next)}")


@outgoing_cli.command("export")
@file_argument
@_filters
@format_option(FORMATS)
@bom_option
@force_option
@as_json
def export(file: str, kind_of_file: str | None, bom: bool, force: bool, as_json: bool, **given: Any) -> None:
    """Write refunds and payouts to FILE, in the order of the list. If FILE is -, write to standard output.

    The command writes to FILE.part and renames it to FILE at the end.

    Example: mpesa outgoing export 22-november.csv --paid-from 2026-11-22 --paid-to 2026-11-22
    """
    filters = OutgoingFilters(**load(OutgoingFilterSchema(), **given))
    form = FileFormat(kind_of_file or format_of_name(file, FORMATS), bom=bom)
    write_export(
        file,
        partial(export_file, form),
        all_outgoing(runtime(), filters),
        partial(count_outgoing, runtime(), filters),
        name="rows",
        force=force,
        to_json=as_json,
    )


def _row(row: OutgoingRecord) -> TableRow:
    to = row.phone or row.business_number
    times = (local_time(row.created_at), local_time(row.paid_at))
    known = (in_shillings(row.amount), row.status, row.receipt, to, row.failure_reason)
    return (row.id, row.kind, row.type, *times, row.order_id or row.reference, *known)
