"""Scripts: one-shot instructions for the next request that matches."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daraja_simulator.errors import ControlError
from daraja_simulator.odd_bodies import KINDS
from daraja_simulator.wire import Json

CORRUPTIONS = ("html", "empty", "truncated", "wrong_types", "huge")
"""The kinds of corrupt bodies."""

OUTCOMES = ("paid", "hold", "late_success", "pending", "wrong_pin")
"""Named outcomes. `pending` is for queries only. Result codes are also outcomes."""

_CODE = re.compile(r"[0-9]{1,9}|[A-Z][A-Z0-9_]{1,9}")
_ALIASES = {"5xx": "error_5xx"}
_IDENTIFIERS = ("msisdn", "checkoutRequestId", "originatorConversationId", "receipt")
_KEYS = {
    "for",
    *_IDENTIFIERS,
    "fault",
    "callback",
    "outcome",
    "garbled",
    "odd",
    "answer",
    "amount_in_callback",
    "phone_in_callback",
    "pay_after",
    "times",
}


@dataclass(slots=True)
class Script:
    """Instructions for the next request of an operation. `*` stands for any operation."""

    operation: str
    identifiers: dict[str, str]
    faults: frozenset[str]
    outcome: str | None = None
    garbled: str | None = None
    odd: str | None = None
    answer: Json | None = None
    """`status` and `body` (JSON or text) of the response. With `after`, the request is processed first."""
    amount_in_callback: int | float | None = None
    phone_in_callback: str | int | None = None
    pay_after: float | None = None
    times: float = 1

    def matches(self, operation: str, identifiers: Mapping[str, str]) -> bool:
        """Return whether the script applies to the request."""
        named = self.operation in ("*", operation)
        return named and all(identifiers.get(name) == wanted for name, wanted in self.identifiers.items())


def parse_script(body: Json, operations: tuple[str, ...], faults: Mapping[str, str]) -> Script:
    """Return a script from the control API's JSON. Raises ControlError for invalid instructions."""
    unknown = sorted(set(body) - _KEYS)
    if unknown:
        raise ControlError(f"unknown key {unknown[0]!r}; known: {', '.join(sorted(_KEYS))}")
    if body.get("for") not in (*operations, "*"):
        raise ControlError(f"'for' must be one of {', '.join(operations)}, *")
    wanted = [_ALIASES.get(name, name) for name in _as_list(body.get("fault"))]
    wanted += [f"callback_{name.removeprefix('callback_')}" for name in _as_list(body.get("callback"))]
    if body.get("garbled"):
        wanted.append("garbled")
    if body.get("odd"):
        wanted.append("odd_bytes")
    for name in wanted:
        if name not in faults:
            raise ControlError(f"unknown fault {name!r}; known: {', '.join(faults)}")
    return Script(
        operation=body["for"],
        identifiers={name: str(body[name]) for name in _IDENTIFIERS if body.get(name)},
        faults=frozenset(wanted),
        outcome=_outcome(body.get("outcome")),
        garbled=_one_of("garbled", body.get("garbled"), CORRUPTIONS),
        odd=_one_of("odd", body.get("odd"), KINDS),
        answer=_answer(body.get("answer")),
        amount_in_callback=body.get("amount_in_callback"),
        phone_in_callback=body.get("phone_in_callback"),
        pay_after=_number(body, "pay_after"),
        times=_number(body, "times") or 1,
    )


def _outcome(value: Any) -> str | None:
    if value is None:
        return None
    text = str(value)
    if text not in OUTCOMES and not _CODE.fullmatch(text):
        raise ControlError(f"'outcome' must be a result code or one of {', '.join(OUTCOMES)}")
    return text


def _number(body: Json, name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ControlError(f"{name!r} must be a number, zero or more")
    return value


def _as_list(value: Any) -> list[str]:
    if value is None:
        return []
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str | None:
    if value is None:
        return None
    if value not in allowed:
        raise ControlError(f"{name!r} must be one of {', '.join(allowed)}")
    return str(value)


def _answer(value: Any) -> Json | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not isinstance(value.get("status", 200), int):
        raise ControlError("'answer' must be an object with status and body")
    return {"status": 200, "body": "", "after": False} | value
