"""C2B: registration of URLs, and simulation of a payment (portal: C2B, v1 and v2).

The key `OriginatorCoversationID` is Daraja's spelling. The sandbox allows a second registration of URLs, and
production refuses it (option c2b_register_once). The sandbox refuses shortcode 174379 here. The simulator
accepts it, so that one shortcode is enough. A simulation returns at once, and the customer pays c2b_after
seconds later. A till has no BillRefNumber. Customers can pay cents by C2B ("100.50"); whether Daraja's own
simulation accepts them is not known.
"""

from collections.abc import Callable

from daraja_simulator import c2b, ids
from daraja_simulator.errors import DarajaError, generic_error, invalid_field
from daraja_simulator.fields import MAX_BILL_REFERENCE, Fields
from daraja_simulator.records import BUY_GOODS, PAYMENT_TYPES
from daraja_simulator.request_pipeline import Api, Call, invalid_token_400
from daraja_simulator.wire import Json


def _register(version: str) -> Callable[[Call], Json]:
    def register(call: Call) -> Json:
        fields, state = Fields(call.body), call.state
        shortcode = fields.shortcode("ShortCode")
        urls = {
            "responseType": fields.choice("ResponseType", ("Completed", "Cancelled")),
            "confirmationUrl": fields.url("ConfirmationURL"),
            "validationUrl": fields.url("ValidationURL"),
            "version": version,
        }
        with state.lock:
            if state.options.c2b_register_once and shortcode in state.c2b_urls:
                raise DarajaError(500, "500.003.1001", "Urls are already registered.")
            state.c2b_urls[shortcode] = urls
        state.log(f"C2B URLs registered for {shortcode}")
        return _answer(ids.request_id(), "Success")

    return register


def simulate(call: Call) -> Json:
    """Simulate a payment. Both versions do the same; the version of the registration decides the format."""
    fields, state = Fields(call.body), call.state
    till = fields.choice("CommandID", PAYMENT_TYPES) == BUY_GOODS
    shortcode = fields.shortcode("ShortCode")
    amount, msisdn = fields.exact_amount(), fields.msisdn("Msisdn")
    if till:
        reference = fields.optional("BillRefNumber", MAX_BILL_REFERENCE)
    else:
        reference = fields.text("BillRefNumber", MAX_BILL_REFERENCE)
    if till and reference:
        raise invalid_field("BillRefNumber", reference, "a payment to a till has none")
    if not state.owns(shortcode, till=till):
        reason = f"ShortCode {shortcode} is neither the shop's shortcode, nor a 600xxx, nor one of its tills"
        raise generic_error("Merchant does not exist", reason)
    originator_id = ids.request_id()
    payment = c2b.start(state, c2b.C2bRequest(msisdn, amount, shortcode, reference, till), originator_id)
    if call.plan.has("callback_before_answer"):
        c2b.pay(state, payment)
    else:
        state.scheduler.after(state.options.c2b_after, lambda: c2b.pay(state, payment))
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
