"""Receives the file of a statement in a multipart request, in a temporary file.

werkzeug writes a large part into a temporary file while it arrives, so that a file of 64 MB does not fill the
memory. The import needs a path, so the part is moved or copied under one.
"""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import request

from mpesa_service.errors import InvalidRequest

MAX_STATEMENT_BYTES = 64 * 1024 * 1024
FIELD = "file"
NAME_KEPT = 255


@contextmanager
def uploaded_file() -> Iterator[tuple[Path, str]]:
    """Give the path of the uploaded file, and the name that the caller gave it. The path is deleted."""
    parts = request.files.getlist(FIELD)
    if request.mimetype != "multipart/form-data" or len(parts) != 1:
        raise InvalidRequest(
            "Send the statement as multipart/form-data, with one file in the field `file`.",
            code="file_needed",
        )
    name = Path((parts[0].filename or "statement").replace("\\", "/")).name
    name = "".join(letter for letter in name if letter.isprintable())[:NAME_KEPT] or "statement"
    with tempfile.NamedTemporaryFile(prefix="statement-") as copy:
        shutil.copyfileobj(parts[0].stream, copy)
        copy.flush()
        yield Path(copy.name), name


def form_values() -> dict[str, str]:
    """Return the other fields of the request: each once, the empty ones left out."""
    return {name: value for name, value in request.form.items() if value}
