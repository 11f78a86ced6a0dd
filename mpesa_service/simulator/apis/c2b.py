"""C2B URL registration (portal: C2B, v1 and v2).

The key `OriginatorCoversationID` is the wire's own. The sandbox lets URLs be overwritten;
production refuses (switch c2b_register_once). Daraja's sandbox takes no 174379 here; the simulator
does, so that one shortcode will do.
"""

from collections.abc import Callable

from mpesa_service.simulator import ids
from mpesa_service.simulator.errors import DarajaError
from mpesa_service.simulator.fields import Fields
from mpesa_service.simulator.gate import Api, Call, invalid_token_400
from mpesa_service.simulator.wire import Json


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
        return {
            "OriginatorCoversationID": ids.request_id(),
            "ResponseCode": "0",
            "ResponseDescription": "Success",
        }

    return register


APIS = tuple(
    Api("c2b_register", f"/mpesa/c2b/{version}/registerurl", _register(version), invalid_token_400)
    for version in ("v1", "v2")
)
