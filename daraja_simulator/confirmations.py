"""The validation and the confirmation that a shop with registered C2B URLs receives (portal: C2B).

Both have the same flat body, whose values are texts. The validation has a blank balance. The confirmation has
the new balance, and the ThirdPartyTransID of the validation's response. The payer's number is masked if v2 of
the API registered the URLs. If v1 did, it is a SHA-256 in hexadecimal; it is unknown which form of the number
Safaricom hashes, and the simulator hashes 2547XXXXXXXX.
"""

import hashlib

from daraja_simulator.callback_delivery import Callback
from daraja_simulator.faults import FaultPlan
from daraja_simulator.ledger import UTILITY
from daraja_simulator.money import Money
from daraja_simulator.odd_bodies import choose_kind
from daraja_simulator.records import C2bTransaction
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, compact_time, two_decimals


def transaction_type(state: SimulatorState, *, till: bool) -> str:
    """Return the TransactionType of a payment to a pay bill or to a till."""
    return state.options.c2b_till_type if till else "Pay Bill"


def validation(state: SimulatorState, transaction: C2bTransaction, urls: Json) -> Callback:
    """Return the validation of a payment."""
    body = _body(state, transaction, urls, transaction.amount)
    return Callback("c2b_validation", transaction.trans_id, urls["validationUrl"], body)


def confirmation(
    state: SimulatorState,
    transaction: C2bTransaction,
    urls: Json,
    plan: FaultPlan,
    *,
    amount: Money | float | None = None,
    third_party_id: str = "",
) -> Callback:
    """Return the confirmation of a payment. `amount` replaces the true amount."""
    body = _body(state, transaction, urls, transaction.amount if amount is None else amount) | {
        "OrgAccountBalance": two_decimals(state.ledger.accounts[UTILITY]),
        "ThirdPartyTransID": third_party_id,
    }
    return Callback(
        "c2b_confirmation",
        transaction.trans_id,
        urls["confirmationUrl"],
        body,
        plan,
        faults="confirmation",
        odd=_odd_kind(state, plan, body),
    )


def _odd_kind(state: SimulatorState, plan: FaultPlan, body: Json) -> str | None:
    if not plan.has("odd_bytes"):
        return None
    scripted = plan.script.odd if plan.script else None
    return scripted or choose_kind(body, state.faults.generator("odd_bytes kind"))


def _body(state: SimulatorState, transaction: C2bTransaction, urls: Json, amount: Money | float) -> Json:
    return {
        "TransactionType": transaction.transaction_type,
        "TransID": transaction.trans_id,
        "TransTime": compact_time(transaction.at),
        "TransAmount": two_decimals(amount),
        "BusinessShortCode": transaction.shortcode,
        "BillRefNumber": transaction.bill_ref_number,
        "InvoiceNumber": "",
        "OrgAccountBalance": "",
        "ThirdPartyTransID": "",
        "MSISDN": _hidden_number(transaction.msisdn, urls["version"]),
        "FirstName": state.ledger.customers[transaction.msisdn].first_name,
        "MiddleName": "",
        "LastName": "",
    }


def _hidden_number(msisdn: str, version: str) -> str:
    if version == "v1":
        return hashlib.sha256(msisdn.encode()).hexdigest()
    return f"{msisdn[:4]} ***** {msisdn[-3:]}"
