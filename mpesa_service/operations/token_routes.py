"""Routes for admins: revoked tokens."""

from typing import Any

from flask import Response

from mpesa_service.domain.counting import counted
from mpesa_service.operations.revoking import revoke
from mpesa_service.operations.token_schemas import RevocationSchema, RevokeSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/tokens/revocations")
@guard(Guard.ADMIN)
@blueprint.success(200, RevocationSchema, many=True)
def list_revocations() -> Response:
    """List the revoked tokens, the newest first, until they have expired."""
    found = runtime().revocations.list_all()
    message = counted(len(found), "revocation")
    return respond(success(200, message, RevocationSchema(many=True).dump(found)))


@blueprint.post("/tokens/revocations")
@guard(Guard.ADMIN)
@blueprint.arguments(RevokeSchema)
@blueprint.success(201, RevocationSchema)
@errors(400, 413, 415)
def revoke_tokens(body: dict[str, Any]) -> Response:
    """Revoke one token, or all tokens of a subject that were issued until now."""
    record = revoke(runtime(), current_principal().subject, **body)
    return respond(success(201, "Revoked", RevocationSchema().dump(record)))
