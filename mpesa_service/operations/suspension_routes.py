"""Routes for admins: suspensions of refunds, payouts and inquiries."""

from flask import Response

from mpesa_service.core import suspensions
from mpesa_service.domain.counting import counted
from mpesa_service.operations.suspension_schemas import SuspensionSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/suspensions")
@guard(Guard.ADMIN)
@blueprint.success(200, SuspensionSchema, many=True)
def list_suspensions() -> Response:
    """List the suspensions, with their reasons."""
    found = suspensions.list_all(runtime())
    message = counted(len(found), "suspension")
    return respond(success(200, message, SuspensionSchema(many=True).dump(found)))


@blueprint.post("/suspensions/<any(refunds, payouts, inquiries):name>/resume")
@guard(Guard.ADMIN)
@blueprint.success(200, SuspensionSchema, many=True, description="The suspensions that were ended.")
@errors(404)
def resume_suspended(name: str) -> Response:
    """Resume refunds, payouts or inquiries, after the cause is fixed. The caller is logged."""
    ended = suspensions.resume(runtime(), current_principal().subject, name)
    message = suspensions.resume_message(runtime(), name, ended)
    return respond(success(200, message, SuspensionSchema(many=True).dump(ended)))
