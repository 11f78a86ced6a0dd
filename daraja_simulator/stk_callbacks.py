"""The callback of an ended prompt, and its C2B confirmation.

Sources: the portal's M-Pesa Express page, and captured callbacks. A success callback has CallbackMetadata,
whose Balance has no Value. A failure callback has none. A payment to a shortcode with registered C2B URLs
is also confirmed there, with the same receipt. It is not validated.
"""

from daraja_simulator import confirmations
from daraja_simulator.callback_delivery import Callback
from daraja_simulator.outcomes import STK_TEXTS
from daraja_simulator.records import C2bTransaction, Prompt
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, compact_time


def callbacks(state: SimulatorState, prompt: Prompt) -> list[Callback]:
    """Return the callbacks to deliver, in this order."""
    callback = Callback(
        "stk",
        prompt.checkout_request_id,
        prompt.push.callback_url,
        _callback(prompt),
        prompt.plan,
        {"Businessshortcode": prompt.push.shortcode},
    )
    confirmation = _confirmation(state, prompt)
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
    if prompt.plan.has("callback_without_merchant_id"):
        del callback["MerchantRequestID"]
    hidden = prompt.plan.has("callback_without_metadata")
    if code == 0 and prompt.closed_at is not None and not hidden:
        callback["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": float(prompt.plan.reported_amount(prompt.push.amount))},
                {"Name": "MpesaReceiptNumber", "Value": prompt.receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": int(compact_time(prompt.closed_at))},
                {"Name": "PhoneNumber", "Value": _reported_phone(prompt)},
            ]
        }
    return {"Body": {"stkCallback": callback}}


def _reported_phone(prompt: Prompt) -> int | str:
    script, payer = prompt.plan.script, int(prompt.push.payer)
    if script is not None and script.phone_in_callback is not None:
        return script.phone_in_callback
    return payer ^ 1 if prompt.plan.has("phone_differs") else payer


def _confirmation(state: SimulatorState, prompt: Prompt) -> Callback | None:
    push = prompt.push
    urls = state.c2b_urls.get(push.party_b) or state.c2b_urls.get(push.shortcode)
    if urls is None or not state.options.stk_confirmation:
        return None
    if prompt.receipt is None or prompt.closed_at is None:
        return None
    transaction = C2bTransaction(
        trans_id=prompt.receipt,
        at=prompt.closed_at,
        transaction_type=confirmations.transaction_type(state, till=push.to_till),
        shortcode=push.party_b,
        msisdn=push.payer,
        amount=push.amount,
        bill_ref_number="" if push.to_till else push.account_reference,
    )
    return confirmations.confirmation(state, transaction, urls, prompt.plan)
