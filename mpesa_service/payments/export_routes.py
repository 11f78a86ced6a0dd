"""Exports all matching payments as a file, in constant memory."""

import logging
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from threading import BoundedSemaphore
from typing import Any

from flask import Response

from mpesa_service.errors import Unavailable
from mpesa_service.payments.json_rows import written
from mpesa_service.payments.list_schemas import ExportQuerySchema
from mpesa_service.payments.listing import ExportedPayment, Filters, all_payments
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import Guard, blueprint, errors, guard, runtime
from mpesa_service.web.fields import NAIROBI

log = logging.getLogger(__name__)

EXPORTS_AT_ONCE = 2
"""Per process. An export keeps a thread for as long as its reader takes, and callbacks also need threads."""

_slots = BoundedSemaphore(EXPORTS_AT_ONCE)
_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson"}
_FILE = {
    "description": "The file, streamed from the database.",
    "content": {kind: {"schema": {"type": "string"}} for kind in _TYPES.values()},
}


@blueprint.get("/payments/export")
@guard(Guard.USER)
@blueprint.arguments(ExportQuerySchema, location="query")
@blueprint.doc(responses={"200": _FILE})
@errors(400)
def export_payments(query: dict[str, Any]) -> Response:
    """Export the caller's payments, newest first. Admins get the payments of all callers."""
    kind, principal = query.pop("format"), current_principal()
    if not _slots.acquire(blocking=False):
        raise Unavailable("Other exports are in progress.", code="exports_busy", retry_after=30)
    with ExitStack() as stack:
        stack.callback(_slots.release)
        batches = all_payments(runtime(), principal, Filters(**query))
        # An error here still gets an error response. After the first byte it only cuts the file short.
        first = next(batches, [])
        logged = _logged(chain([first] if first else [], batches), principal.subject)
        response = Response(written(kind, logged), mimetype=_TYPES[kind])
        response.call_on_close(stack.pop_all().close)
    made = runtime().clock().astimezone(NAIROBI)
    response.headers["Content-Disposition"] = f'attachment; filename="payments-{made:%Y%m%dT%H%M%S}.{kind}"'
    # nginx then passes the data on at once, and reports when the reader disconnects.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _logged(batches: Iterator[list[ExportedPayment]], subject: str) -> Iterator[list[ExportedPayment]]:
    """Pass batches on; log who read how many payments, and whether the export was complete."""
    rows, whole = 0, False
    try:
        for batch in batches:
            yield batch
            rows += len(batch)
        whole = True
    finally:
        log.info("export", extra={"actor": subject, "rows": rows, "whole": whole})
