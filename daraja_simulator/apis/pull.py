"""Pull Transactions: registration, and the customers' payments of the last 48 hours.

Formats: the portal's page for the requests, and an answer that was captured in production: a list in a list,
`msisdn` as an integer, `amount` as a text, and Nairobi time with a Z. OffSetValue counts rows. The size of a
page is not documented (option pull_page_size). Daraja answers 1001 if there is no row, and also for a
shortcode that is not provisioned or not registered: the option pull_provisioned is off, or nobody has called
the first API. The portal says HTTP 500 for no row, and `[[]]` was also seen (option pull_none). Older
payments than 48 hours are left out.
"""

from datetime import datetime, timedelta
from typing import Any

from daraja_simulator import ids
from daraja_simulator.errors import DarajaError, invalid_field
from daraja_simulator.fields import Fields
from daraja_simulator.ledger import ORGANIZATION
from daraja_simulator.records import COMPLETED, PAID
from daraja_simulator.request_pipeline import Api, Call, invalid_token_of_pull
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import NAIROBI, Json, two_decimals

FOUND, NONE = "1000", "1001"
REGISTERED, ALREADY_REGISTERED = "1000", "1001"
NOTHING = "No records found or Organization Name not available"
WINDOW = timedelta(hours=48)
_TIME = "%Y-%m-%d %H:%M:%S"
_PAY_BILL, _TILL = "c2b-pay-bill-debit", "c2b-buy-goods-debit"


def register(call: Call) -> Json:
    """Register a shortcode for pulls. A second registration changes nothing."""
    fields, state = Fields(call.body), call.state
    shortcode = fields.shortcode("ShortCode")
    fields.choice("RequestType", ("Pull",))
    fields.msisdn("NominatedNumber")
    fields.url("CallBackURL")
    with state.lock:
        known = shortcode in state.pull_shortcodes
        state.pull_shortcodes.add(shortcode)
    return {
        "ResponseRefID": ids.request_id(),
        "ResponseStatus": ALREADY_REGISTERED if known else REGISTERED,
        "ShortCode": shortcode,
        "ResponseDescription": f"ShortCode {'already Registered' if known else 'Registered Successfully'}",
    }


def query(call: Call) -> Json:
    """Return one page of the payments between two times, the oldest first."""
    fields, state = Fields(call.body), call.state
    shortcode = fields.shortcode("ShortCode")
    start, end = _moment(fields, "StartDate"), _moment(fields, "EndDate")
    offset = fields.text("OffSetValue", 9)
    if not offset.isdigit():
        raise invalid_field("OffSetValue", offset, "it must be a number of rows")
    if start > end:
        raise invalid_field("EndDate", call.body.get("EndDate"), "it must not be before StartDate")
    with state.lock:
        rows = _rows(state, shortcode, start, end) if _is_provisioned(state, shortcode) else []
        size = int(state.options.pull_page_size) or 1
        first = 0 if state.options.pull_repeats_page else int(offset)
        page = rows[first : first + size]
        none, flat = state.options.pull_none, state.options.pull_style == "flat"
    if not page:
        return _nothing(none)
    return {
        "ResponseRefID": ids.request_id(),
        "ResponseCode": FOUND,
        "ResponseMessage": "Success",
        "TotalPages": -(-len(rows) // size),
        "Response": page if flat else [page],
    }


def _nothing(style: str) -> Json:
    if style == "500":
        raise DarajaError(500, "500.001.1001", NOTHING)
    found: Json = {"RequestID": ids.request_id(), "ResponseCode": NONE, "ResponseMessage": NOTHING}
    return found if style == "1001" else found | {"ResponseCode": FOUND, "Response": [[]]}


def _is_provisioned(state: SimulatorState, shortcode: str) -> bool:
    return state.options.pull_provisioned and shortcode in state.pull_shortcodes


def _moment(fields: Fields, name: str) -> datetime:
    text = fields.text(name, 19)
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=NAIROBI)
    except ValueError:
        raise invalid_field(name, text, "it must be a time such as 2026-11-30 18:00:00") from None


def _rows(state: SimulatorState, shortcode: str, start: datetime, end: datetime) -> list[Json]:
    start = max(start, state.now() - WINDOW)
    found: list[tuple[datetime, Json]] = []
    for payment in state.c2b.values():
        data, at = payment.transaction, payment.closed_at
        if payment.state == COMPLETED and data.shortcode == shortcode and at and start <= at <= end:
            reference = data.bill_ref_number
            money = (data.trans_id, at, data.msisdn, data.amount)
            found.append((at, _row(state, money, reference, _TILL if data.till else _PAY_BILL)))
    for prompt in state.prompts.values():
        push, closed = prompt.push, prompt.closed_at
        if prompt.state == PAID and push.party_b == shortcode and closed and start <= closed <= end:
            kind = _TILL if push.to_till else _PAY_BILL
            reference = "" if push.to_till else push.account_reference
            found.append(
                (closed, _row(state, (prompt.receipt, closed, push.payer, push.amount), reference, kind))
            )
    return [row for _, row in sorted(found, key=lambda one: (one[0], one[1]["transactionId"]))]


def _row(state: SimulatorState, money: tuple[Any, ...], reference: str, kind: str) -> Json:
    receipt, at, msisdn, amount = money
    customer = state.ledger.customers.get(msisdn)
    return {
        "transactionId": receipt,
        "trxDate": at.astimezone(NAIROBI).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "msisdn": int(msisdn),
        "sender": customer.first_name if customer is not None else "MPESA",
        "transactiontype": kind,
        "billreference": reference,
        "amount": two_decimals(amount),
        "organizationname": ORGANIZATION,
    }


APIS = (
    Api("pull_register", "/pulltransactions/v1/register", register, invalid_token_of_pull),
    Api("pull_query", "/pulltransactions/v1/query", query, invalid_token_of_pull),
)
