"""What is told of a prompt that is over: the callback, and the C2B confirmation beside it.

Facts from the portal's M-Pesa Express page and from captures: a success callback carries
CallbackMetadata whose Balance has no Value; a failure carries none. A payment into a shortcode with
registered C2B URLs is confirmed there, too, under the same receipt, and is not validated.
"""

from daraja_simulator import confirmations
from daraja_simulator.courier import Letter
from daraja_simulator.outcomes import STK_TEXTS
from daraja_simulator.records import Notice, Prompt
from daraja_simulator.wire import Json, stamp
from daraja_simulator.world import World


def letters(world: World, prompt: Prompt) -> list[Letter]:
    """Return what is to be sent, in this order."""
    callback = Letter(
        "stk",
        prompt.checkout_request_id,
        prompt.push.callback_url,
        _callback(prompt),
        prompt.plan,
        {"Businessshortcode": prompt.push.shortcode},
    )
    confirmation = _confirmation(world, prompt)
    if confirmation is None:
        return [callback]
    return [confirmation, callback] if prompt.plan.has("confirmation_first") else [callback, confirmation]


def _callback(prompt: Prompt) -> Json:
    code = prompt.result_code or 0
    callback: Json = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": code,
        "ResultDesc": STK_TEXTS.get(code, "The transaction failed."),
    }
    if code == 0 and prompt.closed_at is not None:
        callback["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": float(prompt.plan.amount_told(prompt.push.amount))},
                {"Name": "MpesaReceiptNumber", "Value": prompt.receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": int(stamp(prompt.closed_at))},
                {"Name": "PhoneNumber", "Value": _phone_told(prompt)},
            ]
        }
    return {"Body": {"stkCallback": callback}}


def _phone_told(prompt: Prompt) -> int | str:
    script, payer = prompt.plan.script, int(prompt.push.payer)
    if script is not None and script.phone_in_callback is not None:
        return script.phone_in_callback
    return payer ^ 1 if prompt.plan.has("phone_differs") else payer


def _confirmation(world: World, prompt: Prompt) -> Letter | None:
    push = prompt.push
    urls = world.c2b_urls.get(push.party_b) or world.c2b_urls.get(push.shortcode)
    if urls is None or not world.options.stk_confirmation:
        return None
    if prompt.receipt is None or prompt.closed_at is None:
        return None
    notice = Notice(
        trans_id=prompt.receipt,
        at=prompt.closed_at,
        transaction_type=confirmations.type_of(world, till=push.to_till),
        shortcode=push.party_b,
        msisdn=push.payer,
        amount=push.amount,
        bill_ref_number="" if push.to_till else push.account_reference,
    )
    return confirmations.confirmation(world, notice, urls, prompt.plan)
