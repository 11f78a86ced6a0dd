"""Registering C2B addresses. For admins."""

from typing import Any

from flask import Response

from mpesa_service.c2b.registration import register
from mpesa_service.c2b.registration_schemas import RegisterSchema, RegistrationSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.post("/c2b/register")
@guard(Guard.ADMIN)
@blueprint.arguments(RegisterSchema, required=False)
@blueprint.success(200, RegistrationSchema)
@errors(400, 409, 413, 415, 502)
def register_c2b(body: dict[str, Any]) -> Response:
    """Register the validation and confirmation addresses for C2B payments."""
    found = register(runtime(), current_principal().subject, body["response_type"])
    return respond(success(200, "Registered", RegistrationSchema().dump(found)))
