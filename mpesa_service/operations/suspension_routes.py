"""Routes for admins: suspensions of refunds and payouts."""

from flask import Response

from mpesa_service.core import suspensions
from mpesa_service.operations.suspension_schemas import HoldSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/holds")
@guard(Guard.ADMIN)
@blueprint.success(200, HoldSchema, many=True)
def list_holds() -> Response:
    """List the suspensions, with their reasons."""
    found = suspensions.standing(runtime())
    return respond(success(200, f"{len(found)} holds", HoldSchema(many=True).dump(found)))


@blueprint.post("/holds/<any(refunds, payouts):name>/resume")
@guard(Guard.ADMIN)
@blueprint.success(200, HoldSchema, many=True, description="The suspensions that were ended.")
@errors(404)
def resume_held(name: str) -> Response:
    """Resume refunds or payouts, after the cause of the suspension is fixed. The caller is logged."""
    lifted = suspensions.resume(runtime(), current_principal().subject, name)
    return respond(success(200, suspensions.resume_message(name, lifted), HoldSchema(many=True).dump(lifted)))
