"""Routes for admins: the actions that wait for a second person, and the decisions about them."""

from typing import Any

from flask import Response

from mpesa_service.approvals.decide import approve, reject
from mpesa_service.approvals.schemas import ApprovalsQuerySchema, DecisionSchema
from mpesa_service.domain.counting import counted
from mpesa_service.outflow.records import list_approvals, show_approval
from mpesa_service.outflow.schemas import ApprovalSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, limited_payouts, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/approvals")
@guard(Guard.ADMIN)
@blueprint.arguments(ApprovalsQuerySchema, location="query")
@blueprint.success(200, ApprovalSchema, many=True)
@errors(400)
def approvals(query: dict[str, Any]) -> Response:
    """List actions that wait for a second person, or that were decided, oldest first."""
    found = list_approvals(runtime(), **query)
    return respond(success(200, counted(len(found), "approval"), ApprovalSchema(many=True).dump(found)))


@blueprint.get("/approvals/<approval_id>")
@guard(Guard.ADMIN)
@blueprint.success(200, ApprovalSchema)
@errors(404)
def get_approval(approval_id: str) -> Response:
    """Return an action that waits, or the decision about it."""
    return respond(
        success(200, "Approval found", ApprovalSchema().dump(show_approval(runtime(), approval_id)))
    )


@blueprint.post("/approvals/<approval_id>/approve")
@guard(Guard.ADMIN, limited_payouts)
@blueprint.arguments(DecisionSchema)
@blueprint.success(200, ApprovalSchema, description="It is carried out: see `resultId`.")
@errors(400, 404, 409, 413, 415, 502)
def approve_action(body: dict[str, Any], approval_id: str) -> Response:
    """Approve exactly this action and carry it out, once. The admin who requested it cannot."""
    with runtime().bulkhead.place():
        record = approve(runtime(), current_principal(), approval_id, body["reason"])
    return respond(success(200, "Approved", ApprovalSchema().dump(record)))


@blueprint.post("/approvals/<approval_id>/reject")
@guard(Guard.ADMIN)
@blueprint.arguments(DecisionSchema)
@blueprint.success(200, ApprovalSchema)
@errors(400, 404, 409, 413, 415)
def reject_action(body: dict[str, Any], approval_id: str) -> Response:
    """Reject an action that waits: it is never carried out. The admin who requested it may withdraw it."""
    record = reject(runtime(), current_principal(), approval_id, body["reason"])
    return respond(success(200, "Rejected", ApprovalSchema().dump(record)))
