"""STK query: the outcome of a prompt.

ResultCode is a text here and a number in the callback. The response has no receipt. For an open prompt, the
response is ResultCode 4999 (sandbox, 2026) or HTTP 500 with 500.001.1001 (older), by option.
"""

from datetime import timedelta

from daraja_simulator.apis.stk import checked_shortcode
from daraja_simulator.errors import DarajaError, SpikeArrestError, generic_error, invalid_field
from daraja_simulator.fields import Fields
from daraja_simulator.outcomes import QUERY_TEXTS, ResultCode, outcome_named
from daraja_simulator.records import Prompt
from daraja_simulator.request_pipeline import Api, Call, invalid_token_404
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json

PENDING = "pending"


def query(call: Call) -> Json:
    """Return the prompt's result, or the pending response of the chosen style."""
    state = call.state
    if state.options.query_limit and not state.query_allowed(call.app_key):
        raise SpikeArrestError
    fields = Fields(call.body)
    checked_shortcode(state, fields)
    checkout_request_id = fields.text("CheckoutRequestID", 100)
    with state.lock:
        prompt = state.prompts.get(checkout_request_id)
        if prompt is None or call.plan.has("query_forgets"):
            raise generic_error("The transaction does not Exist")
        blind = timedelta(seconds=state.options.query_blind_seconds)
        if state.now() - prompt.opened_at < blind:
            limit = f"a query does not find it for {blind.total_seconds():g} s (option query_blind_seconds)"
            raise invalid_field("CheckoutRequestID", checkout_request_id, limit)
        result = _result_code(call, prompt)
    state.log(f"query: {PENDING if result is None else f'result {result}'}")
    return _answer(state, prompt, result)


def _result_code(call: Call, prompt: Prompt) -> ResultCode | None:
    script = call.plan.script
    if script is not None and script.outcome is not None:
        return None if outcome_named(script.outcome).hold else outcome_named(script.outcome).code
    code = prompt.result_code
    contradicts = call.plan.has("query_contradicts") or prompt.plan.has("query_contradicts")
    if code is None or not contradicts:
        return code
    return 1032 if code == 0 else 0


def _answer(state: SimulatorState, prompt: Prompt, result: ResultCode | None) -> Json:
    code, text = result, "The transaction is still under processing"
    if result is None:
        if state.options.pending_style == "500":
            raise DarajaError(
                500,
                "500.001.1001",
                "The transaction is being processed",
                prompt.checkout_request_id,
            )
        code = "4999"
    else:
        text = QUERY_TEXTS.get(result, "The transaction failed.")
    return {
        "ResponseCode": "0",
        "ResponseDescription": "The service request has been accepted successfully",
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": str(code),
        "ResultDesc": text,
    }


APIS = (Api("stk_query", "/mpesa/stkpushquery/v1/query", query, invalid_token_404),)
