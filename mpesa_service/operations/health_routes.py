"""Health checks: liveness and readiness."""

from flask import Blueprint, Response, jsonify

from mpesa_service.errors import Unavailable
from mpesa_service.operations.readiness import not_ready_because
from mpesa_service.web.blueprint import Guard, guard, runtime

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
@guard(Guard.PUBLIC)
def alive() -> Response:
    """Answer 200: the process is alive."""
    return jsonify(status="alive")


@blueprint.get("/readyz")
@guard(Guard.PUBLIC)
def ready() -> Response:
    """Answer 200 if the database answers and its schema and keys are those of this process, else 503."""
    reason = not_ready_because(runtime())
    if reason is not None:
        raise Unavailable(reason, code="not_ready")
    return jsonify(status="ready")
