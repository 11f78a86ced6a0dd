"""Lists every entry of the shop's accounts, for a comparison with another record of the same money."""

from flask import request

from daraja_simulator.control.routes import Route, query_number
from daraja_simulator.ledger import Entry
from daraja_simulator.money import cents, size
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, iso

_MOST = 10_000
_DEFAULT = 1_000
_REFERENCES = ("accountReference", "billRefNumber")


def list_transactions(state: SimulatorState) -> Json:
    """Return entries of the shop's accounts, the oldest first. `kind` and `shortcode` select some.

    `limit` and `offset` are rows. `next` is the offset of the next page, or null after the last one.
    """
    limit = query_number("limit", _DEFAULT, _MOST)
    offset = query_number("offset", 0)
    kind, shortcode = request.args.get("kind"), request.args.get("shortcode")
    with state.lock:
        entries = list(state.ledger.shop_entries)
    own = state.options.shortcode
    chosen = [
        entry
        for entry in entries
        if kind in (None, entry.cause.kind) and shortcode in (None, entry.cause.shortcode or own)
    ]
    page = chosen[offset : offset + limit]
    more = offset + limit < len(chosen)
    return {
        "transactions": [_as_json(entry, own) for entry in page],
        "total": len(chosen),
        "next": offset + limit if more else None,
    }


def _as_json(entry: Entry, own: str) -> Json:
    cause = entry.cause
    reference = next((cause.refs[name] for name in _REFERENCES if name in cause.refs), None)
    return {
        "receipt": entry.receipt,
        "kind": cause.kind,
        "direction": "in" if entry.change > 0 else "out",
        "amountCents": cents(size(entry.change)),
        "account": entry.holder,
        "balanceCents": cents(entry.balance),
        "shortcode": cause.shortcode or own,
        "at": iso(cause.at),
        "msisdn": cause.refs.get("msisdn"),
        "partyB": cause.refs.get("partyB"),
        "accountReference": reference,
        "chargeOf": cause.refs.get("charged"),
        "originalReceipt": cause.refs.get("originalReceipt"),
    }


ROUTES = (Route("GET", "/transactions", list_transactions),)
