"""Operator commands for discrepancies: mpesa discrepancies …"""

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import (
    as_json,
    by,
    limit_option,
    load,
    local_time,
    operator,
    print_result,
    reason,
)
from mpesa_service.cli.output import TableRow, show_list
from mpesa_service.review.discrepancies import DiscrepancyRecord, close_discrepancy, list_discrepancies
from mpesa_service.review.discrepancy_schemas import CloseDiscrepancySchema, DiscrepancySchema
from mpesa_service.review.schemas import ReviewQuerySchema
from mpesa_service.web.blueprint import runtime

discrepancies_cli = AppGroup("discrepancies", help="Reports of M-Pesa that fit no payment, refund or payout.")
HEADINGS = ("id", "kind", "found", "receipt", "amount", "perhaps", "account", "why")


@discrepancies_cli.command("list")
@limit_option(50, 200)
@click.option("--after", default="", help="Show the next page: the id of the last entry of the page before.")
@as_json
def list_(limit: int, after: str, as_json: bool) -> None:
    """Show what M-Pesa reports and what fits no payment, refund or payout, oldest first.

    Example: mpesa discrepancies list
    """
    found = list_discrepancies(runtime(), **load(ReviewQuerySchema(), limit=limit, after=after))
    show_list(as_json, DiscrepancySchema(many=True).dump(found), HEADINGS, map(_cells, found))
    if not as_json:
        click.echo(f"{len(found)} waiting")


@discrepancies_cli.command("close")
@click.argument("discrepancy")
@click.option(
    "--belongs-to",
    help="Send to review: the reversed or absent payment (receipt or id), or the refund or payout"
    " that was paid.",
)
@reason
@by
@as_json
def close(discrepancy: str, belongs_to: str | None, why: str, who: str, as_json: bool) -> None:
    """Close a discrepancy with a reason. With --belongs-to, say whose money it is.

    Example: mpesa discrepancies close 019a… --by amina --reason "reversed by Juma, of another shop"
    """
    body = load(CloseDiscrepancySchema(), reason=why, belongsTo=belongs_to)
    record = close_discrepancy(runtime(), operator(who), discrepancy, body["reason"], body["belongs_to"])
    more = f"; {record.belongs_to} is in review" if record.belongs_to else ""
    print_result(DiscrepancySchema().dump(record), f"{record.id} is closed{more}", as_json)


def _cells(one: DiscrepancyRecord) -> TableRow:
    found = (one.id, one.kind, local_time(one.created_at), one.receipt, one.amount)
    perhaps = "\n".join(candidate.id for candidate in one.candidates) or one.resource_id
    return (*found, perhaps, one.account, one.sentence)
