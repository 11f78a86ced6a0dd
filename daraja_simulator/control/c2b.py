"""Controls C2B payments."""

from daraja_simulator import c2b
from daraja_simulator.control.routes import Route, attempts_as_json, json_body, money_in, msisdn_in
from daraja_simulator.errors import ControlError
from daraja_simulator.fields import MAX_AMOUNT, MAX_BILL_REFERENCE
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

_TYPES = ("paybill", "till")


def list_payments(state: SimulatorState) -> Json:
    """Return the C2B payments, the oldest first."""
    with state.lock:
        return {"payments": [payment.as_json() for payment in state.c2b.values()]}


def pay(state: SimulatorState) -> Json:
    """Make a C2B payment and return it with its callbacks."""
    payment = c2b.start(state, c2b_request(state, json_body()))
    attempts = c2b.pay(state, payment)
    with state.lock:
        return payment.as_json() | {"callbacks": attempts_as_json(state, attempts)}


def c2b_request(state: SimulatorState, body: Json) -> c2b.C2bRequest:
    """Return the payment that the body describes. Raises ControlError."""
    kind = body.get("type", _TYPES[0])
    if kind not in _TYPES:
        raise ControlError(f"type must be one of {', '.join(_TYPES)}")
    till = kind == _TYPES[1]
    amount = money_in(body, "amount")
    if not 1 <= amount <= MAX_AMOUNT:
        raise ControlError(f"amount must be between 1 and {MAX_AMOUNT}")
    reference = str(body.get("billRefNumber") or "").strip()
    if len(reference) > MAX_BILL_REFERENCE or not reference.isprintable():
        raise ControlError(f"billRefNumber must be a text of at most {MAX_BILL_REFERENCE} characters")
    if bool(reference) is till:
        raise ControlError("a till has no billRefNumber" if till else "billRefNumber is missing")
    shortcode = str(body.get("shortcode") or state.options.shortcode)
    if not state.owns(shortcode, till=till):
        raise ControlError("unknown business number", 404)
    return c2b.C2bRequest(msisdn_in(body), amount, shortcode, reference, till)


ROUTES = (
    Route("GET", "/c2b", list_payments),
    Route("POST", "/c2b", pay),
)
