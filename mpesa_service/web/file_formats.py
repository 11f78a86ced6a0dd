"""The formats of files that the service writes, and how a request names one."""

from collections.abc import Container
from dataclasses import dataclass

from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_options_header

BOM = "\ufeff"
"""The byte order mark. With it, Excel reads a CSV file as UTF-8."""
CSV, JSONL, XLSX = "csv", "jsonl", "xlsx"
FORMATS = (CSV, JSONL, XLSX)
"""The formats of exports."""
TYPES = {
    CSV: "text/csv",
    JSONL: "application/x-ndjson",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
"""The content type of each format."""
_KINDS = {content_type: kind for kind, content_type in TYPES.items()}
_TRUE = frozenset({"", "1", "true", "yes"})


@dataclass(frozen=True)
class FileFormat:
    """A format, and for CSV whether the file begins with a byte order mark."""

    kind: str
    bom: bool = False

    @property
    def content_type(self) -> str:
        return TYPES[self.kind]


def accepted_format(
    accept: MIMEAccept, kinds: Container[str], kind: str | None, *, bom: bool | None
) -> FileFormat:
    """Return the format that a request names: in its parameters, else in `Accept`, else CSV.

    `Accept: text/csv; bom=true` requests a byte order mark.
    """
    for value, quality in accept:
        content_type, options = parse_options_header(value)
        named = _KINDS.get(content_type.lower())
        if named is None or named not in kinds or quality <= 0 or kind not in {None, named}:
            continue
        marked = "bom" in options and options["bom"].lower() in _TRUE
        return FileFormat(named, bom=named == CSV and (marked if bom is None else bom))
    return FileFormat(kind or CSV, bom=bool(bom) and kind in {None, CSV})


def format_of_name(name: str, kinds: Container[str]) -> str:
    """Return the format by the end of a file's name; CSV for others."""
    ending = name.rpartition(".")[2].lower()
    return ending if ending in kinds else CSV
