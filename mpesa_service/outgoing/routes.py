"""Routes for admins that list and export the money that goes out: refunds and payouts."""

from typing import Any

from flask import Response, request

from mpesa_service.domain.counting import counted
from mpesa_service.outgoing.listing import OutgoingFilters, all_outgoing, list_outgoing
from mpesa_service.outgoing.schemas import (
    OutgoingExportSchema,
    OutgoingPageEnvelope,
    OutgoingQuerySchema,
    OutgoingSchema,
    export_file,
)
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.exports import FILE, export_response
from mpesa_service.web.file_formats import FORMATS, accepted_format
from mpesa_service.web.query_fields import cursor
from mpesa_service.web.responses import respond, success


@blueprint.get("/outgoing")
@guard(Guard.ADMIN)
@blueprint.arguments(OutgoingQuerySchema, location="query")
@blueprint.response(200, OutgoingPageEnvelope)
@errors(400)
def outgoing(query: dict[str, Any]) -> Response:
    """List refunds and payouts: newest first, or by `paidAt` with `paidFrom` or `paidTo`."""
    limit, after = query.pop("limit"), query.pop("after")
    page = list_outgoing(runtime(), OutgoingFilters(**query), limit, after)
    data = OutgoingSchema(many=True).dump(page.rows)
    return respond(success(200, counted(len(data), "row"), data, next=cursor(page.next)))


@blueprint.get("/outgoing/export")
@guard(Guard.ADMIN)
@blueprint.arguments(OutgoingExportSchema, location="query")
@blueprint.doc(responses={"200": FILE})
@errors(400)
def export_outgoing(query: dict[str, Any]) -> Response:
    """Export refunds and payouts, in the order of the list."""
    form = accepted_format(request.accept_mimetypes, FORMATS, query.pop("format"), bom=query.pop("bom"))
    return export_response("outgoing", form, all_outgoing(runtime(), OutgoingFilters(**query)), export_file)
