"""Discrepancies, and what admins decide about them."""

from typing import Any

from flask import Response

from mpesa_service.review.discrepancies import close_discrepancy, list_discrepancies
from mpesa_service.review.discrepancy_schemas import CloseDiscrepancySchema, DiscrepancySchema
from mpesa_service.review.schemas import ReviewQuerySchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/discrepancies")
@guard(Guard.ADMIN)
@blueprint.arguments(ReviewQuerySchema, location="query")
@blueprint.success(200, DiscrepancySchema, many=True)
@errors(400)
def discrepancies(page: dict[str, Any]) -> Response:
    """List what M-Pesa reports and what fits no status of a payment, refund or payout, oldest first."""
    found = list_discrepancies(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} waiting", DiscrepancySchema(many=True).dump(found)))


@blueprint.post("/discrepancies/<discrepancy_id>/close")
@guard(Guard.ADMIN)
@blueprint.arguments(CloseDiscrepancySchema)
@blueprint.success(200, DiscrepancySchema)
@errors(400, 404, 409, 413, 415)
def close_one_discrepancy(body: dict[str, Any], discrepancy_id: str) -> Response:
    """Close a discrepancy with a reason, or say whose money its line is."""
    record = close_discrepancy(
        runtime(), current_principal(), discrepancy_id, body["reason"], body["belongs_to"]
    )
    return respond(success(200, "Closed", DiscrepancySchema().dump(record)))
