"""Callbacks that arrived on a secret address and cannot be read, and what admins decide about them."""

from itertools import islice
from typing import Any

from flask import Response

from mpesa_service.callbacks.unread import (
    PAGE,
    apply_every_unread,
    apply_unread,
    dismiss_unread,
    list_unread,
)
from mpesa_service.callbacks.unread_schemas import CallbackSchema, DismissSchema, UnreadQuerySchema
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.responses import respond, success


@blueprint.get("/callbacks/unread")
@guard(Guard.ADMIN)
@blueprint.arguments(UnreadQuerySchema, location="query")
@blueprint.success(200, CallbackSchema, many=True)
@errors(400)
def unread_callbacks(page: dict[str, Any]) -> Response:
    """List callbacks that arrived on a secret address and cannot be read, oldest first."""
    found = list_unread(runtime(), page["limit"], page["after"])
    return respond(success(200, f"{len(found)} unread", CallbackSchema(many=True).dump(found)))


@blueprint.post("/callbacks/unread/apply")
@guard(Guard.ADMIN)
@blueprint.success(200, CallbackSchema, many=True)
@errors()
def apply_unread_callbacks() -> Response:
    """Apply unread callbacks again, each once, oldest first, at most 100.

    The answer contains each of them with what became of it.
    """
    done = list(islice(apply_every_unread(runtime(), current_principal().subject), PAGE))
    return respond(success(200, f"{len(done)} tried again", CallbackSchema(many=True).dump(done)))


@blueprint.post("/callbacks/unread/<callback_id>/apply")
@guard(Guard.ADMIN)
@blueprint.success(200, CallbackSchema)
@errors(404, 409)
def apply_unread_callback(callback_id: str) -> Response:
    """Apply an unread callback again, for example after an upgrade. It stays unread if it cannot be read."""
    record = apply_unread(runtime(), current_principal().subject, callback_id)
    unread = record.verdict is InboxVerdict.UNREAD
    message = f"Still unread: {record.reason}" if unread else f"Now {record.verdict}"
    return respond(success(200, message, CallbackSchema().dump(record)))


@blueprint.post("/callbacks/unread/<callback_id>/dismiss")
@guard(Guard.ADMIN)
@blueprint.arguments(DismissSchema)
@blueprint.success(200, CallbackSchema)
@errors(400, 404, 409, 413, 415)
def dismiss_unread_callback(body: dict[str, Any], callback_id: str) -> Response:
    """Decide that an unread callback needs nothing, with a reason."""
    record = dismiss_unread(runtime(), current_principal().subject, callback_id, body["reason"])
    return respond(success(200, "Dismissed", CallbackSchema().dump(record)))
