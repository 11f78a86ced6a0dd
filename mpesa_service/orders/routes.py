"""Expected orders: the shop registers them, so that customers can pay them by C2B."""

from typing import Any

from flask import Response

from mpesa_service.core.idempotency import Answer
from mpesa_service.orders.expected import ExpectedOrderRequest, cancel_order, expect_order, find_order
from mpesa_service.orders.schemas import ExpectedOrderSchema, ExpectOrderSchema
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.post("/orders")
@guard(Guard.USER)
@blueprint.arguments(ExpectOrderSchema)
@blueprint.success(201, ExpectedOrderSchema, description="The order is registered.")
@blueprint.success(200, ExpectedOrderSchema, description="The order was registered before.")
@errors(400, 409, 413, 415)
def expect(body: dict[str, Any]) -> Response:
    """Register an order. A repeated request returns the stored order."""
    order, made = expect_order(runtime(), current_principal(), ExpectedOrderRequest(**body))
    answer = success(201 if made else 200, "Registered", ExpectedOrderSchema().dump(order))
    return respond(Answer(answer.status, answer.body, replayed=not made))


@blueprint.get("/orders/<path:order_id>")
@guard(Guard.USER)
@blueprint.success(200, ExpectedOrderSchema)
@errors(404)
def get_order(order_id: str) -> Response:
    """Return an expected order: the amount due, the received amount, and the payments."""
    order = find_order(runtime(), current_principal(), order_id)
    return respond(success(200, "Order found", ExpectedOrderSchema().dump(order)))


@blueprint.delete("/orders/<path:order_id>")
@guard(Guard.USER)
@blueprint.success(200, ExpectedOrderSchema)
@errors(404, 409)
def cancel(order_id: str) -> Response:
    """Cancel an order that has received nothing. Later money needs manual review."""
    order = cancel_order(runtime(), current_principal(), order_id)
    return respond(success(200, "Canceled", ExpectedOrderSchema().dump(order)))
