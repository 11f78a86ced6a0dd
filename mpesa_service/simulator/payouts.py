"""What happens to a B2C request after it was accepted: the money, the result.

Shapes from the portal's B2C page. That a queue time-out posts the original request back is told by
one production user (121-platform, quoting Safaricom staff); it is not in the documentation.
"""

from mpesa_service.simulator import ids, sms
from mpesa_service.simulator.courier import Attempt, Letter
from mpesa_service.simulator.errors import DarajaError
from mpesa_service.simulator.faults import Plan
from mpesa_service.simulator.ledger import B2C, UTILITY, Cause
from mpesa_service.simulator.outcomes import (
    B2C_TEXTS,
    HOLD,
    PAID,
    Outcome,
    ResultCode,
    chosen,
    named,
)
from mpesa_service.simulator.records import COMPLETED, FAILED, QUEUED, TIMED_OUT, Payout
from mpesa_service.simulator.wire import Json, dotted, masked
from mpesa_service.simulator.world import World

_TIMEOUT_URL = "https://internalsandbox.safaricom.co.ke/mpesa/b2cresults/v1/submit"


def accept(world: World, payout: Payout) -> None:
    """Queue a payout. Raises DarajaError when its OriginatorConversationID was used before (v3)."""
    with world.lock:
        if payout.originator_conversation_id in world.payouts:
            raise DarajaError(500, "500.002.1001", "Duplicate OriginatorConversationID.")
        world.payouts[payout.originator_conversation_id] = payout
        if not payout.outcome.hold:
            script = payout.plan.script
            wait = world.options.b2c_after
            if script is not None and script.pay_after is not None:
                wait = script.pay_after
            world.scheduler.after(wait, lambda: act(world, payout))
    world.tell(f"payout to {masked(payout.msisdn)}: KES {payout.amount} queued")


def planned(world: World, msisdn: str, amount: int, plan: Plan) -> Outcome:
    """Return what will become of a payout: script, then number or amount, then the default."""
    if plan.script is not None and plan.script.outcome is not None:
        return named(plan.script.outcome)
    by_default = PAID if world.options.b2c_auto == "pay" else HOLD
    return chosen(msisdn, amount, B2C_TEXTS) or by_default


def act(world: World, payout: Payout) -> list[Attempt]:
    """Do what was planned for a queued payout, and deliver what is to be told."""
    if payout.plan.has("late_success"):
        attempts = time_out(world, payout)
        world.scheduler.after(world.options.late_after, lambda: complete(world, payout))
        return attempts
    if payout.plan.has("queue_timeout"):
        return time_out(world, payout)
    return complete(world, payout)


def complete(world: World, payout: Payout, code: ResultCode | None = None) -> list[Attempt]:
    """Carry the payout out (or refuse it with `code`) and deliver the result."""
    with world.lock:
        known = world.payouts.get(payout.originator_conversation_id) is payout
        if not known or payout.state not in (QUEUED, TIMED_OUT):
            return []
        if code is None:
            code = payout.refusal or payout.outcome.code
        if code == 0:
            code = _give_money(world, payout)
        payout.state = COMPLETED if code == 0 else FAILED
        payout.result_code = code
        payout.closed_at = world.now()
        letter = _letter("b2c_result", payout, payout.result_url, _result(world, payout, code))
    world.tell(f"payout {payout.state}: {masked(payout.msisdn)} KES {payout.amount}, result {code}")
    return world.courier.dispatch(letter)


def time_out(world: World, payout: Payout) -> list[Attempt]:
    """Send the request back to its QueueTimeOutURL; no money moves."""
    with world.lock:
        known = world.payouts.get(payout.originator_conversation_id) is payout
        if not known or payout.state != QUEUED:
            return []
        payout.state = TIMED_OUT
    world.tell(f"payout timed out in the queue: {masked(payout.msisdn)} KES {payout.amount}")
    return world.courier.dispatch(_letter("b2c_timeout", payout, payout.timeout_url, payout.payload))


def _letter(kind: str, payout: Payout, url: str, body: Json) -> Letter:
    return Letter(kind, payout.originator_conversation_id, url, body, payout.plan)


def _give_money(world: World, payout: Payout) -> ResultCode:
    customer = world.customer(payout.msisdn)
    if customer is None:
        return "SFC_IC0003"
    if payout.amount < world.options.b2c_minimum:
        return 2
    if world.ledger.accounts[UTILITY] < payout.amount:
        return 1
    refs = {
        "originatorConversationId": payout.originator_conversation_id,
        "conversationId": payout.conversation_id,
    }
    cause = Cause(B2C, world.now(), refs)
    payout.receipt = world.ledger.credit_customer(customer, payout.amount, cause)
    sms.received(customer, payout.receipt, payout.amount, payout.shortcode)
    return 0


def _result(world: World, payout: Payout, code: ResultCode) -> Json:
    now = world.now()
    result: Json = {
        "ResultType": 0,
        "ResultCode": code,
        "ResultDesc": B2C_TEXTS.get(code, "The transaction failed."),
        "OriginatorConversationID": payout.originator_conversation_id,
        "ConversationID": payout.conversation_id,
        "TransactionID": payout.receipt or ids.placeholder_receipt(now),
    }
    if code == 0:
        result["ResultParameters"] = {"ResultParameter": _parameters(world, payout)}
    result["ReferenceData"] = {"ReferenceItem": {"Key": "QueueTimeoutURL", "Value": _TIMEOUT_URL}}
    return {"Result": result}


def _parameters(world: World, payout: Payout) -> list[Json]:
    accounts = world.ledger.accounts
    customer = world.ledger.customers[payout.msisdn]
    values = {
        "TransactionAmount": payout.plan.amount_told(payout.amount),
        "TransactionReceipt": payout.receipt,
        "ReceiverPartyPublicName": f"{payout.msisdn} - {customer.name}",
        "TransactionCompletedDateTime": dotted(world.now()),
        "B2CUtilityAccountAvailableFunds": float(accounts[UTILITY]),
        "B2CWorkingAccountAvailableFunds": float(accounts["working"]),
        "B2CRecipientIsRegisteredCustomer": "Y",
        "B2CChargesPaidAccountAvailableFunds": float(accounts["charges"]),
    }
    return [{"Key": key, "Value": value} for key, value in values.items()]
