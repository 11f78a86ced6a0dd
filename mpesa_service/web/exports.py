"""Responses that are files: streamed from the database, in batches, and only a few at once."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import chain
from threading import BoundedSemaphore
from typing import Any, TypeVar

from flask import Response

from mpesa_service.errors import Unavailable
from mpesa_service.web.auth import current_principal
from mpesa_service.web.blueprint import runtime
from mpesa_service.web.fields import NAIROBI
from mpesa_service.web.file_formats import FORMATS, TYPES, FileFormat

log = logging.getLogger(__name__)

EXPORTS_AT_ONCE = 2
"""Per process. An export keeps a thread for as long as its reader takes, and callbacks also need threads."""
slots = BoundedSemaphore(EXPORTS_AT_ONCE)

FILE: dict[str, Any] = {
    "description": "The file, streamed from the database.",
    "content": {TYPES[kind]: {"schema": {"type": "string"}} for kind in FORMATS},
}
"""The response in the OpenAPI document."""
Row = TypeVar("Row")


def export_response(
    name: str,
    form: FileFormat,
    batches: Iterator[list[Row]],
    export_file: Callable[[FileFormat, Iterable[list[Row]]], Iterator[bytes]],
) -> Response:
    """Return the file of all batches, as `export_file` writes them. Raises Unavailable."""
    if not slots.acquire(blocking=False):
        raise Unavailable("Other exports are in progress.", code="exports_busy", retry_after=30)
    with ExitStack() as stack:
        stack.callback(slots.release)
        # An error here still gets an error response. After the first byte it only cuts the file short.
        first = next(batches, [])
        logged = _logged(chain([first] if first else [], batches), current_principal().subject)
        response = Response(export_file(form, logged), mimetype=form.content_type)
        response.call_on_close(stack.pop_all().close)
    made = runtime().clock().astimezone(NAIROBI)
    file = f"{name}-{made:%Y%m%dT%H%M%S}.{form.kind}"
    response.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    response.headers["Vary"] = "Accept"
    # nginx then passes the data on at once, and reports when the reader disconnects.
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _logged(batches: Iterator[list[Row]], subject: str) -> Iterator[list[Row]]:
    """Pass batches on; log who read how many rows, and whether the export was complete."""
    rows, whole = 0, False
    try:
        for batch in batches:
            yield batch
            rows += len(batch)
        whole = True
    finally:
        log.info("export", extra={"actor": subject, "rows": rows, "whole": whole})
