"""Expected orders: the shop registers them, so that customers can pay them by C2B."""

from typing import Any

from flask import Response

from mpesa_service.core.idempotency import Answer
from mpesa_service.orders.expected import ExpectedOrderRequest, cancel_order, expect_order, find_order
from mpesa_service.orders.schemas import ExpectedOrderEnvelope, ExpectedOrderSchema, ExpectOrderSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, limited, runtime
from mpesa_service.web.responses import respond, success


@blueprint.post("/orders")
@guard(Guard.USER)
@limited
@blueprint.arguments(ExpectOrderSchema)
@blueprint.response(201, ExpectedOrderEnvelope, description="The order is registered.")
@blueprint.alt_response(200, schema=ExpectedOrderEnvelope, description="The order was registered before.")
@errors(400, 401, 409, 413, 415, 429)
def expect(body: dict[str, Any]) -> Response:
    """Register an order. A repeated request returns the stored order."""
    order, made = expect_order(runtime(), current_principal(), ExpectedOrderRequest(**body))
    answer = success(201 if made else 200, "Registered", ExpectedOrderSchema().dump(order))
    return respond(Answer(answer.status, answer.body, replayed=not made))


@blueprint.get("/orders/<order_id>")
@guard(Guard.USER)
@limited
@blueprint.response(200, ExpectedOrderEnvelope)
@errors(401, 404, 429)
def get_order(order_id: str) -> Response:
    """Return an expected order: the amount due, the received amount, and the payments."""
    order = find_order(runtime(), current_principal(), order_id)
    return respond(success(200, "Order found", ExpectedOrderSchema().dump(order)))


@blueprint.delete("/orders/<order_id>")
@guard(Guard.USER)
@limited
@blueprint.response(200, ExpectedOrderEnvelope)
@errors(401, 404, 409, 429)
def cancel(order_id: str) -> Response:
    """Cancel an order that has received nothing. Later money needs manual review."""
    order = cancel_order(runtime(), current_principal(), order_id)
    return respond(success(200, "Canceled", ExpectedOrderSchema().dump(order)))
