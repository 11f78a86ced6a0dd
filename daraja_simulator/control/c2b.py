"""A customer who pays the shop's pay bill or till from the phone's own menu."""

from daraja_simulator import c2b
from daraja_simulator.control.common import Route, number_in, payload, sent, whole
from daraja_simulator.errors import ControlError
from daraja_simulator.fields import MAX_AMOUNT, MAX_BILL_REFERENCE
from daraja_simulator.wire import Json
from daraja_simulator.world import World

_TYPES = ("paybill", "till")


def every(world: World) -> Json:
    """Return the customers' own payments, oldest first; one that is under way is `open`."""
    with world.lock:
        return {"payments": [payment.as_json() for payment in world.c2b.values()]}


def pay(world: World) -> Json:
    """Pay, and return the payment with the callbacks that it caused."""
    payment = c2b.begin(world, wish_in(world, payload()))
    attempts = c2b.pay(world, payment)
    with world.lock:
        return payment.as_json() | {"callbacks": sent(world, attempts)}


def wish_in(world: World, body: Json) -> c2b.Wish:
    """Return the body's `msisdn`, `amount`, `billRefNumber`, `shortcode`, `type`. Raises ControlError."""
    kind = body.get("type", _TYPES[0])
    if kind not in _TYPES:
        raise ControlError(f"type must be one of {', '.join(_TYPES)}")
    till = kind == _TYPES[1]
    amount = whole(body, "amount", 0)
    if not 1 <= amount <= MAX_AMOUNT:
        raise ControlError(f"amount must lie between 1 and {MAX_AMOUNT}")
    reference = str(body.get("billRefNumber") or "").strip()
    if len(reference) > MAX_BILL_REFERENCE or not reference.isprintable():
        raise ControlError(f"billRefNumber must be a text of at most {MAX_BILL_REFERENCE} characters")
    if bool(reference) is till:
        raise ControlError("a till has no billRefNumber" if till else "billRefNumber must be given")
    shortcode = str(body.get("shortcode") or world.options.shortcode)
    if not world.owns(shortcode, till=till):
        raise ControlError("no such business number", 404)
    return c2b.Wish(number_in(body), amount, shortcode, reference, till)


ROUTES = (
    Route("GET", "/c2b", every),
    Route("POST", "/c2b", pay),
)
