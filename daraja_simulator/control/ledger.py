"""Shows the health, the ledger and the customers."""

from daraja_simulator.control.routes import Route, json_body, msisdn_in, whole_number
from daraja_simulator.records import OPEN, Payout, Reversal, StatusQuery
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, iso


def health(state: SimulatorState) -> Json:
    """Return the status and the simulated time."""
    return {"status": "ok", "now": iso(state.now())}


def ledger(state: SimulatorState) -> Json:
    """Return every movement, callback, payment and command, and the number of requests."""
    with state.lock:
        return state.ledger.as_json() | {
            "callbacks": [attempt.as_json() for attempt in state.delivery.attempts],
            "withheld": list(state.delivery.withheld),
            "prompts": [prompt.as_json() for prompt in state.prompts.values()],
            "c2b": [payment.as_json() for payment in state.c2b.values() if payment.state != OPEN],
            "payouts": [payout.as_json() for payout in state.commands_of(Payout)],
            "reversals": [reversal.as_json() for reversal in state.commands_of(Reversal)],
            "statusQueries": [query.as_json() for query in state.commands_of(StatusQuery)],
            "c2bUrls": dict(state.c2b_urls),
            "requests": dict(state.requests),
        }


def customers(state: SimulatorState) -> Json:
    """Return the customers that were added or that appeared in a request."""
    with state.lock:
        return {"customers": [item.as_json() for item in state.ledger.customers.values()]}


def add_customer(state: SimulatorState) -> Json:
    """Add or replace a customer, with `msisdn` and optionally `pin` and `balance`."""
    body = json_body()
    balance = whole_number(body, "balance", state.options.customer_balance)
    pin = str(body["pin"]) if "pin" in body else None
    customer = state.add_customer(msisdn_in(body), pin, balance)
    return customer.as_json()


def refusals(state: SimulatorState) -> Json:
    """Return the latest 100 refused requests, the oldest first. `reason` names the broken limit."""
    with state.lock:
        return {"refusals": list(state.refusals)}


ROUTES = (
    Route("GET", "/health", health),
    Route("GET", "/ledger", ledger),
    Route("GET", "/refusals", refusals),
    Route("GET", "/customers", customers),
    Route("POST", "/customers", add_customer),
)
