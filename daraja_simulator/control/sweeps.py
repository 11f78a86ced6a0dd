"""Moves money between the shop's accounts, and to its bank."""

from daraja_simulator import sweeps
from daraja_simulator.control.routes import Route, json_body, money_in
from daraja_simulator.ledger import BANK, UTILITY
from daraja_simulator.money import json_number
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json


def sweep(state: SimulatorState) -> Json:
    """Move an amount, or everything: from utility to settlement, or from settlement to the bank."""
    body = json_body()
    target = str(body.get("to", sweeps.SETTLEMENT))
    source = str(body.get("from", sweeps.SETTLEMENT if target == BANK else UTILITY))
    amount = money_in(body, "amount") if "amount" in body else None
    shortcode = str(body.get("shortcode") or state.options.shortcode)
    done = sweeps.sweep(state, source, target, amount, shortcode)
    with state.lock:
        accounts = {name: json_number(held) for name, held in state.ledger.accounts.items()}
    return {
        "receipt": done.receipt,
        "from": done.source,
        "to": done.target,
        "amount": json_number(done.amount),
        "chargesReceipt": done.charges_receipt,
        "accounts": accounts,
    }


ROUTES = (Route("POST", "/sweeps", sweep),)
