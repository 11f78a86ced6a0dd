"""Routes for admins: endpoints of outgoing events, their secrets and their deliveries."""

from typing import Any

from flask import Response

from mpesa_service.domain.counting import counted
from mpesa_service.errors import NotFound
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success
from mpesa_service.webhooks import endpoints, history
from mpesa_service.webhooks.endpoints import EndpointChange
from mpesa_service.webhooks.schemas import (
    DeliveryQuerySchema,
    DeliverySchema,
    EndpointChangeSchema,
    EndpointSchema,
    EndpointWithSecretSchema,
    NewEndpointSchema,
    ReplayedSchema,
    ReplaySchema,
)


def _actor() -> str:
    return current_principal().subject


@blueprint.post("/webhooks")
@guard(Guard.ADMIN)
@blueprint.arguments(NewEndpointSchema)
@blueprint.success(201, EndpointWithSecretSchema, description="Added; the secret is shown this once.")
@errors(400, 413, 415)
def add_webhook(body: dict[str, Any]) -> Response:
    """Add an endpoint that receives events."""
    added = endpoints.add_endpoint(runtime(), _actor(), **body)
    return respond(success(201, "Keep the secret: it is not shown again", _with_secret(added)))


@blueprint.get("/webhooks")
@guard(Guard.ADMIN)
@blueprint.success(200, EndpointSchema, many=True)
def list_webhooks() -> Response:
    """List the endpoints, disabled ones too, oldest first."""
    found = endpoints.list_endpoints(runtime())
    return respond(success(200, counted(len(found), "endpoint"), EndpointSchema(many=True).dump(found)))


@blueprint.get("/webhooks/<endpoint_id>")
@guard(Guard.ADMIN)
@blueprint.success(200, EndpointSchema)
@errors(404)
def get_webhook(endpoint_id: str) -> Response:
    """Return one endpoint."""
    found = endpoints.get_endpoint(runtime(), endpoint_id)
    return respond(success(200, "Endpoint found", EndpointSchema().dump(found)))


@blueprint.patch("/webhooks/<endpoint_id>")
@guard(Guard.ADMIN)
@blueprint.arguments(EndpointChangeSchema)
@blueprint.success(200, EndpointSchema)
@errors(400, 404, 413, 415)
def change_webhook(body: dict[str, Any], endpoint_id: str) -> Response:
    """Change an endpoint's address, event types or description, or enable or disable it."""
    changed = endpoints.change_endpoint(runtime(), _actor(), endpoint_id, EndpointChange(**body))
    return respond(success(200, "Changed", EndpointSchema().dump(changed)))


@blueprint.delete("/webhooks/<endpoint_id>")
@guard(Guard.ADMIN)
@blueprint.success(200, EndpointSchema)
@errors(404)
def disable_webhook(endpoint_id: str) -> Response:
    """Disable an endpoint; it stays in the list, with its deliveries."""
    disabled = endpoints.disable_endpoint(runtime(), _actor(), endpoint_id)
    return respond(success(200, "Disabled", EndpointSchema().dump(disabled)))


@blueprint.post("/webhooks/<endpoint_id>/rotate")
@guard(Guard.ADMIN)
@blueprint.success(200, EndpointWithSecretSchema, description="The new secret is shown this once.")
@errors(404)
def rotate_webhook(endpoint_id: str) -> Response:
    """Give an endpoint a new secret; for 24 hours, the old one signs events, too."""
    rotated = endpoints.rotate_secret(runtime(), _actor(), endpoint_id)
    return respond(success(200, "Keep the secret: it is not shown again", _with_secret(rotated)))


@blueprint.get("/webhooks/<endpoint_id>/deliveries")
@guard(Guard.ADMIN)
@blueprint.arguments(DeliveryQuerySchema, location="query")
@blueprint.success(200, DeliverySchema, many=True)
@errors(400, 404)
def list_webhook_deliveries(page: dict[str, Any], endpoint_id: str) -> Response:
    """List deliveries to an endpoint, newest first."""
    found = history.list_deliveries(runtime(), endpoint_id, **page)
    return respond(
        success(200, counted(len(found), "delivery", "deliveries"), DeliverySchema(many=True).dump(found))
    )


@blueprint.post("/webhooks/deliveries/<delivery_id>/resend")
@guard(Guard.ADMIN)
@blueprint.success(201, DeliverySchema)
@errors(404, 409)
def resend_webhook_delivery(delivery_id: str) -> Response:
    """Send one delivery's event again, under the same webhook-id."""
    if not (delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) < 19):
        raise NotFound("There is no such delivery.")
    again = history.resend(runtime(), _actor(), int(delivery_id))
    return respond(success(201, "The event will be sent again", DeliverySchema().dump(again)))


@blueprint.post("/webhooks/<endpoint_id>/replay")
@guard(Guard.ADMIN)
@blueprint.arguments(ReplaySchema)
@blueprint.success(200, ReplayedSchema)
@errors(400, 404, 409, 413, 415)
def replay_webhook(body: dict[str, Any], endpoint_id: str) -> Response:
    """Send an endpoint every event of a period again."""
    count = history.replay(runtime(), _actor(), endpoint_id, **body)
    return respond(success(200, f"{counted(count, 'event')} will be sent again", {"events": count}))


def _with_secret(endpoint: endpoints.EndpointRecord) -> Any:
    return EndpointWithSecretSchema().dump(endpoint)
