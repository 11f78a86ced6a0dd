"""What a shop with registered C2B URLs is told of a customer's payment (portal: C2B).

One flat body, all values texts, for validation and confirmation: the balance is blank in the first
and new in the second, which also brings back the ThirdPartyTransID of the validator's answer. The
payer's number is a SHA-256 in hexadecimal when v1 of the API registered the URLs, and masked for v2;
which spelling of the number Safaricom hashes is not known, here it is 2547XXXXXXXX.
"""

import hashlib

from daraja_simulator.courier import Letter
from daraja_simulator.faults import Plan
from daraja_simulator.ledger import UTILITY
from daraja_simulator.records import Notice
from daraja_simulator.wire import Json, decimals, stamp
from daraja_simulator.world import World


def type_of(world: World, *, till: bool) -> str:
    """Return the TransactionType of a payment to a pay bill, or to a till."""
    return world.options.c2b_till_type if till else "Pay Bill"


def validation(world: World, notice: Notice, urls: Json) -> Letter:
    """Return the question whether the shop wants this payment."""
    body = _body(world, notice, urls, notice.amount)
    return Letter("c2b_validation", notice.trans_id, urls["validationUrl"], body)


def confirmation(
    world: World,
    notice: Notice,
    urls: Json,
    plan: Plan,
    *,
    amount: float | None = None,
    third_party_id: str = "",
) -> Letter:
    """Return the news that the money has moved; `amount` is told in place of the true one."""
    body = _body(world, notice, urls, notice.amount if amount is None else amount) | {
        "OrgAccountBalance": decimals(world.ledger.accounts[UTILITY]),
        "ThirdPartyTransID": third_party_id,
    }
    return Letter(
        "c2b_confirmation", notice.trans_id, urls["confirmationUrl"], body, plan, faults="confirmation"
    )


def _body(world: World, notice: Notice, urls: Json, amount: float) -> Json:
    return {
        "TransactionType": notice.transaction_type,
        "TransID": notice.trans_id,
        "TransTime": stamp(notice.at),
        "TransAmount": decimals(amount),
        "BusinessShortCode": notice.shortcode,
        "BillRefNumber": notice.bill_ref_number,
        "InvoiceNumber": "",
        "OrgAccountBalance": "",
        "ThirdPartyTransID": "",
        "MSISDN": _hidden(notice.msisdn, urls["version"]),
        "FirstName": world.ledger.customers[notice.msisdn].first_name,
        "MiddleName": "",
        "LastName": "",
    }


def _hidden(msisdn: str, version: str) -> str:
    if version == "v1":
        return hashlib.sha256(msisdn.encode()).hexdigest()
    return f"{msisdn[:4]} ***** {msisdn[-3:]}"
