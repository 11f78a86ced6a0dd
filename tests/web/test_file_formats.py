"""Which file a request gets: by its parameters, else by Accept, else CSV."""

import pytest
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from mpesa_service.web.file_formats import (
    CSV,
    JSONL,
    TYPES,
    XLSX,
    FileFormat,
    accepted_format,
    format_of_name,
)

ALL = (CSV, JSONL, XLSX)


def asked(header: str, kind: str | None = None, *, bom: bool | None = None) -> FileFormat:
    return accepted_format(parse_accept_header(header, MIMEAccept), ALL, kind, bom=bom)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("", FileFormat(CSV)),
        ("*/*", FileFormat(CSV)),
        ("text/html, */*;q=0.1", FileFormat(CSV)),
        ("application/json", FileFormat(CSV)),
        ("text/csv", FileFormat(CSV)),
        ("text/csv; bom=true", FileFormat(CSV, bom=True)),
        ("text/csv;charset=utf-8;BOM=1", FileFormat(CSV, bom=True)),
        ("text/csv; bom=false", FileFormat(CSV)),
        ("application/x-ndjson", FileFormat(JSONL)),
        (TYPES[XLSX], FileFormat(XLSX)),
        (f"text/csv;q=0.5, {TYPES[XLSX]}", FileFormat(XLSX)),
        (f"{TYPES[XLSX]};q=0, text/csv;q=0.1", FileFormat(CSV)),
    ],
)
def test_accept(header: str, wanted: FileFormat) -> None:
    assert asked(header) == wanted


def test_parameters_come_first() -> None:
    assert asked(TYPES[XLSX], CSV) == FileFormat(CSV)
    assert asked("text/csv;bom=true", XLSX) == FileFormat(XLSX)
    assert asked("text/csv;bom=true", bom=False) == FileFormat(CSV)
    assert asked("text/csv", bom=True) == FileFormat(CSV, bom=True)
    assert asked("", CSV, bom=True) == FileFormat(CSV, bom=True)
    assert asked("", JSONL, bom=True) == FileFormat(JSONL)
    assert asked(TYPES[XLSX], bom=True) == FileFormat(XLSX)


def test_a_format_that_a_route_does_not_have_is_not_chosen() -> None:
    accept = parse_accept_header(TYPES[XLSX], MIMEAccept)
    assert accepted_format(accept, (CSV,), None, bom=None) == FileFormat(CSV)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", CSV), ("a.XLSX", XLSX), ("b.jsonl", JSONL), ("-", CSV), ("txt", CSV), ("", CSV)],
)
def test_the_end_of_a_name(name: str, kind: str) -> None:
    assert format_of_name(name, ALL) == kind
