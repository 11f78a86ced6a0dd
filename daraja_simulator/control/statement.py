"""Serves the portal's statement of the ledger as a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from flask import Response, request

from daraja_simulator.control.routes import Route
from daraja_simulator.errors import ControlError
from daraja_simulator.ledger import ACCOUNTS
from daraja_simulator.state import SimulatorState
from daraja_simulator.statement.files import CONTENT_TYPES, as_csv, as_workbook
from daraja_simulator.statement.rows import Selection, make_statement
from daraja_simulator.statement.shapes import SHAPES, Choices, Shape, lines
from daraja_simulator.wire import NAIROBI

_NAMES = (
    "shape",
    "format",
    "shortcode",
    "account",
    "from",
    "to",
    "failed",
    "currency",
    "linked",
    "cells",
)
_MOMENTS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")
_PREAMBLE_AND_HEADER = 7


@dataclass(frozen=True, slots=True)
class _Wanted:
    shape: Shape
    format: str
    numbers: bool
    choices: Choices


def statement(state: SimulatorState) -> Response:
    """Return the statement as an attachment. The query string chooses its shape, format and period."""
    unknown = sorted(set(request.args) - set(_NAMES))
    if unknown:
        raise ControlError(f"unknown parameter {unknown[0]!r}; known: {', '.join(_NAMES)}")
    wanted = _wanted()
    made = make_statement(state, _selection(state, wanted.shape))
    name = wanted.shape.file_name(made)
    content = lines(wanted.shape, made, wanted.choices)
    body: bytes | Iterator[bytes]
    if wanted.format == "csv":
        body = as_csv(content)
    else:
        sheet = name if wanted.shape is SHAPES["C"] else "transaction"
        count = len(made.entries) + _PREAMBLE_AND_HEADER
        body = as_workbook(wanted.format, sheet, content, count, numbers=wanted.numbers)
    response = Response(body, content_type=CONTENT_TYPES[wanted.format])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{wanted.format}"'
    return response


def _wanted() -> _Wanted:
    letter = _one_of("shape", "A", tuple(SHAPES), upper=True)
    shape = SHAPES[letter]
    cells = _one_of("cells", "numbers" if shape.numbers else "text", ("numbers", "text"))
    if cells == "numbers" and not shape.numbers:
        raise ControlError(f"the cells of shape {letter} are texts")
    if _switch("failed") and not shape.has_status:
        raise ControlError(f"shape {letter} has no column for the status, so it has no failed rows")
    return _Wanted(
        shape,
        _one_of("format", "csv", tuple(CONTENT_TYPES)),
        cells == "numbers",
        Choices(currency=_switch("currency"), linked=_switch("linked")),
    )


def _selection(state: SimulatorState, shape: Shape) -> Selection:
    shortcode = request.args.get("shortcode") or state.options.shortcode
    if not state.owns(shortcode, till=True):
        raise ControlError("unknown business number", 404)
    with state.lock:
        entries = state.ledger.shop_entries
        first = entries[0].cause.at if entries else state.now()
        start, end = first, state.now()
    selection = Selection(
        None if shape.all_numbers else shortcode,
        _account() or shape.account,
        _moment("from", last=False) or _midnight(start.astimezone(NAIROBI).date()),
        _moment("to", last=True) or end.replace(microsecond=0) + timedelta(seconds=1),
        _switch("failed"),
    )
    if selection.start >= selection.end:
        raise ControlError("from must be before to")
    return selection


def _account() -> str | None:
    text = request.args.get("account", "")
    if not text or text in ACCOUNTS:
        return text or None
    for key, name in ACCOUNTS.items():
        if name.casefold() == text.casefold():
            return key
    raise ControlError(f"account must be one of {', '.join([*ACCOUNTS, *ACCOUNTS.values()])}")


def _moment(name: str, *, last: bool) -> datetime | None:
    """Return the start, or the first moment after the end, of a day or a second in Nairobi."""
    text = request.args.get(name)
    if not text:
        return None
    try:
        return _midnight(date.fromisoformat(text)) + timedelta(days=last)
    except ValueError:
        pass
    for form in _MOMENTS:
        try:
            return datetime.strptime(text, form).replace(tzinfo=NAIROBI) + timedelta(seconds=last)
        except ValueError:
            continue
    raise ControlError(f"{name} must be a day in Nairobi (2026-11-30) or a second (2026-11-30T18:00:00)")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=NAIROBI)


def _one_of(name: str, default: str, allowed: tuple[str, ...], *, upper: bool = False) -> str:
    text = request.args.get(name, default)
    text = text.upper() if upper else text.lower()
    if text not in allowed:
        raise ControlError(f"{name} must be one of {', '.join(allowed)}")
    return text


def _switch(name: str) -> bool:
    return _one_of(name, "false", ("true", "false")) == "true"


ROUTES = (Route("GET", "/statement", statement),)
