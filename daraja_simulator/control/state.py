"""What there is: health, the ledger, customers."""

from daraja_simulator.control.common import Route, number_in, payload, whole
from daraja_simulator.records import OPEN, Payout, Reversal, StatusQuery
from daraja_simulator.wire import Json, iso
from daraja_simulator.world import World


def health(world: World) -> Json:
    """Say that the simulator answers, and what time it is there."""
    return {"status": "ok", "now": iso(world.now())}


def ledger(world: World) -> Json:
    """Return every debit, credit and callback, all that was asked for, and counts of requests."""
    with world.lock:
        return world.ledger.as_json() | {
            "callbacks": [attempt.as_json() for attempt in world.courier.attempts],
            "withheld": list(world.courier.withheld),
            "prompts": [prompt.as_json() for prompt in world.prompts.values()],
            "c2b": [payment.as_json() for payment in world.c2b.values() if payment.state != OPEN],
            "payouts": [payout.as_json() for payout in world.every(Payout)],
            "reversals": [reversal.as_json() for reversal in world.every(Reversal)],
            "statusQueries": [query.as_json() for query in world.every(StatusQuery)],
            "c2bUrls": dict(world.c2b_urls),
            "requests": dict(world.requests),
        }


def customers(world: World) -> Json:
    """Return the customers that were added or have been met."""
    with world.lock:
        return {"customers": [item.as_json() for item in world.ledger.customers.values()]}


def add_customer(world: World) -> Json:
    """Add or replace a customer: `msisdn`, and `pin` and `balance` if the defaults will not do."""
    body = payload()
    balance = whole(body, "balance", world.options.customer_balance)
    pin = str(body["pin"]) if "pin" in body else None
    customer = world.add_customer(number_in(body), pin, balance)
    return customer.as_json()


ROUTES = (
    Route("GET", "/health", health),
    Route("GET", "/ledger", ledger),
    Route("GET", "/customers", customers),
    Route("POST", "/customers", add_customer),
)
