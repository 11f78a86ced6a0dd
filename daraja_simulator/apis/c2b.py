"""C2B: registering URLs, and playing a customer who pays (portal: C2B, v1 and v2).

The key `OriginatorCoversationID` is the wire's own. The sandbox lets URLs be overwritten;
production refuses (switch c2b_register_once). Daraja's sandbox takes no 174379 here; the simulator
does, so that one shortcode will do. Simulating is answered at once, and the customer pays
c2b_after seconds later; a till has no BillRefNumber.
"""

from collections.abc import Callable

from daraja_simulator import c2b, ids
from daraja_simulator.errors import DarajaError, invalid, merchant
from daraja_simulator.fields import MAX_BILL_REFERENCE, Fields
from daraja_simulator.gate import Api, Call, invalid_token_400
from daraja_simulator.records import BUY_GOODS, PAYMENT_TYPES
from daraja_simulator.wire import Json


def _register(version: str) -> Callable[[Call], Json]:
    def register(call: Call) -> Json:
        fields, world = Fields(call.body), call.world
        shortcode = fields.shortcode("ShortCode")
        urls = {
            "responseType": fields.choice("ResponseType", ("Completed", "Cancelled")),
            "confirmationUrl": fields.url("ConfirmationURL"),
            "validationUrl": fields.url("ValidationURL"),
            "version": version,
        }
        with world.lock:
            if world.options.c2b_register_once and shortcode in world.c2b_urls:
                raise DarajaError(500, "500.003.1001", "Urls are already registered.")
            world.c2b_urls[shortcode] = urls
        world.tell(f"C2B URLs registered for {shortcode}")
        return _answer(ids.request_id(), "Success")

    return register


def simulate(call: Call) -> Json:
    """Answer, and let the customer pay; both versions are alike, the registered one shapes the news."""
    fields, world = Fields(call.body), call.world
    till = fields.choice("CommandID", PAYMENT_TYPES) == BUY_GOODS
    shortcode = fields.shortcode("ShortCode")
    amount, msisdn = fields.amount(), fields.msisdn("Msisdn")
    if till:
        reference = fields.optional("BillRefNumber", MAX_BILL_REFERENCE)
    else:
        reference = fields.text("BillRefNumber", MAX_BILL_REFERENCE)
    if till and reference:
        raise invalid("BillRefNumber")
    if not world.owns(shortcode, till=till):
        raise merchant("Merchant does not exist")
    originator_id = ids.request_id()
    payment = c2b.begin(world, c2b.Wish(msisdn, amount, shortcode, reference, till), originator_id)
    if call.plan.has("callback_before_answer"):
        c2b.pay(world, payment)
    else:
        world.scheduler.after(world.options.c2b_after, lambda: c2b.pay(world, payment))
    return _answer(originator_id, "Accept the service request successfully.")


def _answer(originator_id: str, description: str) -> Json:
    return {
        "OriginatorCoversationID": originator_id,
        "ResponseCode": "0",
        "ResponseDescription": description,
    }


APIS = tuple(
    Api(operation, f"/mpesa/c2b/{version}/{path}", handler, invalid_token_400)
    for version in ("v1", "v2")
    for operation, path, handler in (
        ("c2b_register", "registerurl", _register(version)),
        ("c2b_simulate", "simulate", simulate),
    )
)
