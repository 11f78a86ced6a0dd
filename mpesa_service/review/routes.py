"""Payments in review, and decisions on them."""

from typing import Any

from flask import Response

from mpesa_service.payments.schemas import PaymentSchema
from mpesa_service.review.payments import OperatorDecision, Resolution, list_review, resolve
from mpesa_service.review.schemas import ResolveSchema, ReviewQuerySchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/review")
@guard(Guard.ADMIN)
@blueprint.arguments(ReviewQuerySchema, location="query")
@blueprint.success(200, PaymentSchema, many=True)
@errors(400)
def review(page: dict[str, Any]) -> Response:
    """List payments in review, or with a refund in review, oldest first."""
    found = list_review(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} waiting", PaymentSchema(many=True).dump(found)))


@blueprint.post("/<reference>/resolve")
@guard(Guard.ADMIN)
@blueprint.arguments(ResolveSchema)
@blueprint.success(200, PaymentSchema)
@errors(400, 404, 409, 413, 415)
def resolve_payment(body: dict[str, Any], reference: str) -> Response:
    """Settle or fail a payment in review, or its refunds in review, with a reason."""
    decision = OperatorDecision(
        Resolution(body["action"]), body["reason"], body["receipt"], body.get("amount")
    )
    record = resolve(runtime(), current_principal(), reference, decision)
    return respond(success(200, "Resolved", PaymentSchema().dump(record)))
