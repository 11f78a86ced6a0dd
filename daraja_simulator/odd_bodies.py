"""C2B confirmations whose bytes are odd, although each states the money clearly.

Real confirmations pass through systems that cut names, mix encodings and repeat keys. What differs here is a
name, an optional field, the notation of the amount, or bytes around the JSON.
"""

import json
from random import Random

from daraja_simulator.wire import Json

KINDS = (
    "latin1_name",
    "raw_tab",
    "raw_newline",
    "half_surrogate",
    "thousands",
    "no_shortcode",
    "trailing_bytes",
    "doubled_keys",
)
"""The kinds of odd bodies."""

_TRAILING = (b"\x00", b"\r\n\x1a", b"\n<!-- end -->", b"}")
_DOUBLED = ("TransID", "TransAmount", "FirstName")


def choose_kind(body: Json, draw: Random) -> str:
    """Draw a kind that changes this body. Only an amount of at least 1,000 has a comma."""
    kinds = [kind for kind in KINDS if kind != "thousands" or "," in _with_comma(body)]
    return draw.choice(kinds)


def odd_bytes(body: Json, kind: str) -> bytes:
    """Return the body in this odd form."""
    if kind == "latin1_name":
        return json.dumps(body | {"LastName": "JOSÉ"}, ensure_ascii=False).encode("latin-1")
    if kind in ("raw_tab", "raw_newline"):
        raw = "\t" if kind == "raw_tab" else "\n"
        return json.dumps(body | {"FirstName": "CUS\tTOMER"}).replace("\\t", raw).encode()
    if kind == "half_surrogate":
        return json.dumps(body | {"FirstName": "CUSTOMER\ud83d"}).encode()
    if kind == "thousands":
        return json.dumps(body | {"TransAmount": _with_comma(body)}).encode()
    if kind == "no_shortcode":
        return json.dumps({key: value for key, value in body.items() if key != "BusinessShortCode"}).encode()
    text = json.dumps(body)
    if kind == "doubled_keys":
        again = json.dumps({key: body[key] for key in _DOUBLED})
        return f"{text[:-1]}, {again[1:]}".encode()
    return text.encode() + _TRAILING[len(text) % len(_TRAILING)]


def _with_comma(body: Json) -> str:
    whole, _, cents = str(body["TransAmount"]).partition(".")
    return f"{int(whole):,}.{cents}"
