"""STK query: what became of a prompt.

ResultCode is a text here (a number in the callback), and there is no receipt. An open prompt is
answered with ResultCode 4999 (sandbox, 2026) or with HTTP 500 500.001.1001 (older), by switch.
"""

from datetime import timedelta

from daraja_simulator.apis.stk import checked_shortcode
from daraja_simulator.errors import DarajaError, SpikeArrestError, invalid, merchant
from daraja_simulator.fields import Fields
from daraja_simulator.gate import Api, Call, invalid_token_404
from daraja_simulator.outcomes import QUERY_TEXTS, ResultCode, named
from daraja_simulator.records import Prompt
from daraja_simulator.wire import Json
from daraja_simulator.world import World

PENDING = "pending"


def query(call: Call) -> Json:
    """Answer with the prompt's result, or with the pending answer of the chosen style."""
    world = call.world
    if world.options.query_limit and not world.query_allowed(call.app_key):
        raise SpikeArrestError
    fields = Fields(call.body)
    checked_shortcode(world, fields)
    checkout_request_id = fields.text("CheckoutRequestID", 100)
    with world.lock:
        prompt = world.prompts.get(checkout_request_id)
        if prompt is None or call.plan.has("query_forgets"):
            raise merchant("The transaction does not Exist")
        blind = timedelta(seconds=world.options.query_blind_seconds)
        if world.now() - prompt.opened_at < blind:
            raise invalid("CheckoutRequestID")
        verdict = _verdict(call, prompt)
    world.tell(f"query: {PENDING if verdict is None else f'result {verdict}'}")
    return _answer(world, prompt, verdict)


def _verdict(call: Call, prompt: Prompt) -> ResultCode | None:
    script = call.plan.script
    if script is not None and script.outcome is not None:
        return None if named(script.outcome).hold else named(script.outcome).code
    code = prompt.result_code
    contradicts = call.plan.has("query_contradicts") or prompt.plan.has("query_contradicts")
    if code is None or not contradicts:
        return code
    return 1032 if code == 0 else 0


def _answer(world: World, prompt: Prompt, verdict: ResultCode | None) -> Json:
    code, text = verdict, "The transaction is still under processing"
    if verdict is None:
        if world.options.pending_style == "500":
            raise DarajaError(
                500,
                "500.001.1001",
                "The transaction is being processed",
                prompt.checkout_request_id,
            )
        code = "4999"
    else:
        text = QUERY_TEXTS.get(verdict, "The transaction failed.")
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successfully",
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": str(code),
        "ResultDesc": text,
    }


APIS = (Api("stk_query", "/mpesa/stkpushquery/v1/query", query, invalid_token_404),)
