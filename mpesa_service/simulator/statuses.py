"""The answer to a transaction status query: what the ledger says at that moment.

Shapes from the portal's Transaction Status page: the envelope's ids are the query's and its
TransactionID is a placeholder, the parameters are about the transaction, Amount is a text, and
TransactionReason and Occasion have no Value. The words Declined, Expired, Initiated and Authorized
are the portal's; when each of them is told is our choice.

An id that nobody knows ends in 2032 without parameters: seen once on the sandbox for a receipt, and
assumed for a conversation.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from mpesa_service.simulator import ids
from mpesa_service.simulator.courier import Attempt, Letter
from mpesa_service.simulator.outcomes import STATUS_TEXTS, UNKNOWN_RECEIPT, Outcome, ResultCode, named
from mpesa_service.simulator.records import (
    COMPLETED,
    FAILED,
    QUEUED,
    TIMED_OUT,
    Payout,
    Prompt,
    StatusQuery,
)
from mpesa_service.simulator.wire import Json, stamp
from mpesa_service.simulator.world import World

_WORDS = {QUEUED: "Initiated", COMPLETED: "Completed", FAILED: "Declined", TIMED_OUT: "Authorized"}
_NEVER = "Expired"
_ORGANISATION = "SIMULATED SHOP"


@dataclass(frozen=True, slots=True)
class _Transaction:
    """What a payment and a payout have in common, in the words of the result."""

    status: str
    debit_party: str
    credit_party: str
    debit_account: str
    charges: str | None
    reason_type: str
    originator_conversation_id: str
    conversation_id: str | None
    initiated_at: datetime
    finalised_at: datetime | None
    amount: int | float
    receipt: str | None


def accept(world: World, query: StatusQuery) -> None:
    """Note the query, and answer it when its time comes."""
    with world.lock:
        world.status_queries[query.originator_conversation_id] = query
        script = query.plan.script
        wait = world.options.status_after
        if script is not None and script.pay_after is not None:
            wait = script.pay_after
        world.scheduler.after(wait, lambda: answer(world, query))
    world.tell(f"status query by {'receipt' if query.receipt else 'conversation'} queued")


def answer(world: World, query: StatusQuery) -> list[Attempt]:
    """Deliver the result; nothing happens when that was done before."""
    with world.lock:
        known = world.status_queries.get(query.originator_conversation_id) is query
        if not known or query.answered_at is not None:
            return []
        found = _find(world, query)
        code = query.refusal or _scripted(query).code
        if code == 0 and found is None:
            code = UNKNOWN_RECEIPT
        query.result_code = code
        query.answered_at = world.now()
        body = _result(world, query, code, found)
        letter = Letter("status_result", query.originator_conversation_id, query.result_url, body, query.plan)
    world.tell(f"status query: result {code}")
    return world.courier.dispatch(letter)


def _scripted(query: StatusQuery) -> Outcome:
    """A scripted code is the query's own; `hold` or `pending` says that nothing has happened yet."""
    script = query.plan.script
    return named(script.outcome) if script is not None and script.outcome is not None else Outcome()


def _as_told(query: StatusQuery, found: _Transaction) -> _Transaction:
    script = query.plan.script
    if script is not None and script.amount_in_callback is not None:
        found = replace(found, amount=script.amount_in_callback)
    if _scripted(query).hold:
        return replace(found, status=_WORDS[QUEUED], finalised_at=None, receipt=None)
    return found


def _find(world: World, query: StatusQuery) -> _Transaction | None:
    for prompt in world.prompts.values():
        if query.receipt and query.receipt == prompt.receipt:
            return _payment(world, prompt)
    for payout in world.payouts.values():
        if _is_about(query, payout):
            return _payout(world, payout)
    return None


def _is_about(query: StatusQuery, payout: Payout) -> bool:
    if query.receipt:
        return query.receipt == payout.receipt
    return query.original_conversation_id in (payout.originator_conversation_id, payout.conversation_id)


def _payment(world: World, prompt: Prompt) -> _Transaction:
    """A prompt that has a receipt was paid. Account and reason are our wording."""
    return _Transaction(
        status="Completed",
        debit_party=_customer(world, prompt.push.payer),
        credit_party=f"{prompt.push.party_b} - {_ORGANISATION}",
        debit_account="MMF Account For Customer",
        charges=None,
        reason_type="Pay Bill Online",
        originator_conversation_id=prompt.merchant_request_id,
        conversation_id=None,
        initiated_at=prompt.opened_at,
        finalised_at=prompt.closed_at,
        amount=prompt.push.amount,
        receipt=prompt.receipt,
    )


def _payout(world: World, payout: Payout) -> _Transaction:
    """Expired is only told of a payout that queue_timeout ended.

    One that timed out otherwise may yet be carried out, and must not look final.
    """
    ended = payout.plan.has("queue_timeout") and not payout.plan.has("late_success")
    never = payout.state == TIMED_OUT and ended
    return _Transaction(
        status=_NEVER if never else _WORDS[payout.state],
        debit_party=f"{payout.shortcode} - {_ORGANISATION}",
        credit_party=_customer(world, payout.msisdn),
        debit_account="Utility Account",
        charges="Fee For B2C Payment|KES|0.00",
        reason_type="Business Payment to Customer via API",
        originator_conversation_id=payout.originator_conversation_id,
        conversation_id=payout.conversation_id,
        initiated_at=payout.accepted_at,
        finalised_at=payout.closed_at,
        amount=payout.amount,
        receipt=payout.receipt,
    )


def _customer(world: World, msisdn: str) -> str:
    customer = world.ledger.customers.get(msisdn)
    return f"{msisdn} - {customer.name}" if customer else msisdn


def _result(world: World, query: StatusQuery, code: ResultCode, found: _Transaction | None) -> Json:
    result: Json = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": STATUS_TEXTS.get(code, "The query failed."),
        "OriginatorConversationID": query.originator_conversation_id,
        "ConversationID": query.conversation_id,
        "TransactionID": ids.placeholder_receipt(world.now()),
    }
    if code == 0 and found is not None:
        result["ResultParameters"] = {"ResultParameter": _parameters(_as_told(query, found))}
    result["ReferenceData"] = {"ReferenceItem": {"Key": "Occasion"}}
    return {"Result": result}


def _parameters(told: _Transaction) -> list[Json]:
    finalised = int(stamp(told.finalised_at)) if told.finalised_at is not None else None
    values = {
        "DebitPartyName": told.debit_party,
        "CreditPartyName": told.credit_party,
        "OriginatorConversationID": told.originator_conversation_id,
        "InitiatedTime": int(stamp(told.initiated_at)),
        "DebitAccountType": told.debit_account,
        "DebitPartyCharges": told.charges,
        "TransactionReason": None,
        "ReasonType": told.reason_type,
        "TransactionStatus": told.status,
        "FinalisedTime": finalised,
        "Amount": str(told.amount),
        "ConversationID": told.conversation_id,
        "ReceiptNo": told.receipt,
    }
    return [{"Key": key} if value is None else {"Key": key, "Value": value} for key, value in values.items()]
