"""Operator commands for actions that wait for a second person: mpesa approvals …"""

import click
from flask.cli import AppGroup

from mpesa_service.approvals.decide import approve, reject
from mpesa_service.approvals.schemas import ApprovalsQuerySchema, DecisionSchema
from mpesa_service.cli.options import (
    as_json,
    by,
    in_shillings,
    limit_option,
    load,
    local_time,
    operator,
    print_result,
    reason,
    status_option,
)
from mpesa_service.cli.output import TableRow, show_list
from mpesa_service.domain.outflow import ApprovalStatus
from mpesa_service.outflow.records import ApprovalRecord, list_approvals
from mpesa_service.outflow.schemas import ApprovalSchema
from mpesa_service.web.blueprint import runtime

approvals_cli = AppGroup(
    "approvals", help="Refunds, payouts and other actions that wait for a second person."
)
_HEADINGS = (
    "approval",
    "kind",
    "about",
    "order",
    "shillings",
    "payee",
    "limits",
    "by",
    "why",
    "status",
    "expires",
)


@approvals_cli.command("list")
@status_option(ApprovalStatus)
@limit_option(50, 200)
@click.option("--after", default="", help="Show the next page: the id of the last entry of the page before.")
@as_json
def list_(status: ApprovalStatus | None, limit: int, after: str, as_json: bool) -> None:
    """Show what waits for a second person, oldest first. With --status, what was decided.

    Example: mpesa approvals list
    """
    given = load(ApprovalsQuerySchema(), limit=limit, after=after, status=status and status.value)
    found = list_approvals(runtime(), **given)
    show_list(as_json, ApprovalSchema(many=True).dump(found), _HEADINGS, map(_cells, found))


@approvals_cli.command("approve")
@click.argument("approval")
@reason
@by
@as_json
def approve_(approval: str, why: str, who: str, as_json: bool) -> None:
    """Approve exactly this action, and carry it out once. The person who requested it cannot.

    Example: mpesa approvals approve 019a… --by otieno --reason "the customer called me too"
    """
    body = load(DecisionSchema(), reason=why)
    _show(approve(runtime(), operator(who), approval, body["reason"]), as_json)


@approvals_cli.command("reject")
@click.argument("approval")
@reason
@by
@as_json
def reject_(approval: str, why: str, who: str, as_json: bool) -> None:
    """Reject an action that waits, so that it is never carried out.

    Example: mpesa approvals reject 019a… --by otieno --reason "this order was delivered"
    """
    body = load(DecisionSchema(), reason=why)
    _show(reject(runtime(), operator(who), approval, body["reason"]), as_json)


def _show(record: ApprovalRecord, as_json: bool) -> None:
    made = f"; it made {record.result_id}" if record.result_id else ""
    print_result(ApprovalSchema().dump(record), f"{record.sentence}{made}", as_json)


def _cells(one: ApprovalRecord) -> TableRow:
    about = (one.id, one.kind, one.subject_id, one.order_id, in_shillings(one.amount), one.payee)
    return (
        *about,
        " ".join(one.limits),
        one.requested_by,
        one.reason,
        one.status,
        local_time(one.expires_at),
    )
