"""STK push: shows a prompt on a customer's phone (portal: M-Pesa Express).

STK push is not idempotent: the same request twice makes two prompts, unless the first is still open.
"""

from daraja_simulator import prompts
from daraja_simulator.apis.stk import checked_shortcode
from daraja_simulator.fields import Fields
from daraja_simulator.records import PAYMENT_TYPES, Push
from daraja_simulator.request_pipeline import Api, Call, invalid_token_404
from daraja_simulator.wire import Json

_ACCEPTED = "Success. Request accepted for processing"


def process_request(call: Call) -> Json:
    """Check the request, show the prompt, and return its ids."""
    fields = Fields(call.body)
    push = Push(
        shortcode=checked_shortcode(call.state, fields),
        transaction_type=fields.choice("TransactionType", PAYMENT_TYPES),
        amount=fields.amount(),
        payer=fields.msisdn("PartyA"),
        party_b=fields.shortcode("PartyB"),
        msisdn=fields.msisdn("PhoneNumber"),
        callback_url=fields.url("CallBackURL"),
        account_reference=fields.text("AccountReference", 12),
        description=fields.optional("TransactionDesc", 13),
    )
    prompt = prompts.open_prompt(call.state, push, call.plan)
    if prompt.plan.has("callback_before_answer"):
        prompts.end(call.state, prompt)
    return {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResponseCode": "0",
        "ResponseDescription": _ACCEPTED,
        "CustomerMessage": _ACCEPTED,
    }


APIS = (Api("stk_push", "/mpesa/stkpush/v1/processrequest", process_request, invalid_token_404),)
