"""Payouts in review, and decisions on them."""

from typing import Any

from flask import Response

from mpesa_service.payouts.schemas import PayoutSchema
from mpesa_service.review.payments import OperatorDecision, Resolution
from mpesa_service.review.payouts import list_payouts_in_review, resolve_payout
from mpesa_service.review.schemas import ResolveSchema, ReviewQuerySchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/payouts/review")
@guard(Guard.ADMIN)
@blueprint.arguments(ReviewQuerySchema, location="query")
@blueprint.success(200, PayoutSchema, many=True)
@errors(400)
def payouts_in_review(page: dict[str, Any]) -> Response:
    """List payouts in review, of all batches, oldest first."""
    found = list_payouts_in_review(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} waiting", PayoutSchema(many=True).dump(found)))


@blueprint.post("/payouts/rows/<payout_id>/resolve")
@guard(Guard.ADMIN)
@blueprint.arguments(ResolveSchema)
@blueprint.success(200, PayoutSchema)
@errors(400, 404, 409, 413, 415)
def resolve_payout_row(body: dict[str, Any], payout_id: str) -> Response:
    """Settle or fail a payout in review, with a reason."""
    decision = OperatorDecision(Resolution(body["action"]), body["reason"], body["receipt"])
    record = resolve_payout(runtime(), current_principal(), payout_id, decision)
    return respond(success(200, "Resolved", PayoutSchema().dump(record)))
