"""What happens to an STK push after it was accepted: the prompt, the money, the callback.

One prompt may be open on a phone. Facts from the portal's M-Pesa Express page and from captures: a
success callback carries CallbackMetadata whose Balance has no Value; a failure carries none.
"""

from datetime import timedelta

from mpesa_service.simulator import ids
from mpesa_service.simulator.courier import Attempt, Letter
from mpesa_service.simulator.errors import merchant
from mpesa_service.simulator.faults import Plan
from mpesa_service.simulator.outcomes import (
    HOLD,
    NO_ANSWER,
    STK_TEXTS,
    SUBSCRIBER_LOCKED,
    Outcome,
    ResultCode,
    chosen,
    named,
)
from mpesa_service.simulator.records import FAILED, OPEN, PAID, Prompt, Push
from mpesa_service.simulator.wire import Json, masked, stamp
from mpesa_service.simulator.world import World

_RULE_17 = timedelta(minutes=2)
_LOOK_AGAIN = 1.0


def open_prompt(world: World, push: Push, plan: Plan) -> Prompt:
    """Put a prompt on the phone and set its timers.

    Raises DarajaError 500.001.1001 when another one is open there (unless lock_style is callback).
    """
    with world.lock:
        busy = push.msisdn in world.open_by_phone
        if busy and world.options.lock_style == "sync":
            raise merchant(SUBSCRIBER_LOCKED)
        outcome = Outcome(1001) if busy else _outcome(world, push, plan)
        now = world.now()
        prompt = Prompt(
            push,
            _checkout_request_id(world, push.msisdn),
            ids.request_id(),
            now,
            now + timedelta(seconds=world.options.prompt_lifetime),
            outcome,
            plan.joined(outcome.faults),
        )
        world.prompts[prompt.checkout_request_id] = prompt
        if not busy:
            world.open_by_phone[push.msisdn] = prompt
        _set_timers(world, prompt)
    world.tell(f"prompt on {masked(push.msisdn)}: KES {push.amount} to {push.shortcode}")
    return prompt


def act(world: World, prompt: Prompt, code: ResultCode | None = None) -> list[Attempt]:
    """End the prompt (by its own outcome unless `code` is given) and deliver the callback.

    Returns the attempts made; none when the prompt was over already or the callback is withheld.
    """
    with world.lock:
        letter = _close(world, prompt, prompt.outcome.code if code is None else code)
    return world.courier.dispatch(letter) if letter else []


def enter_pin(world: World, prompt: Prompt, pin: str) -> list[Attempt]:
    """Do what the customer's OK does: 2001 for a wrong PIN, 8006 once it is locked, else pay."""
    with world.lock:
        customer = world.customer(prompt.push.payer)
        code: ResultCode = 0
        if customer is not None and prompt.state == OPEN:
            if customer.locked:
                code = 8006
            elif pin != customer.pin:
                customer.wrong_pins += 1
                code = 2001
            else:
                customer.wrong_pins = 0
    return act(world, prompt, code)


def pay_late(world: World, prompt: Prompt) -> list[Attempt]:
    """Let the money move although the prompt had failed, and send the success callback."""
    with world.lock:
        known = world.prompts.get(prompt.checkout_request_id) is prompt
        if not known or prompt.state != FAILED or _take_money(world, prompt) != 0:
            return []
        letter = _finish(world, prompt, 0)
    return world.courier.dispatch(letter)


def _outcome(world: World, push: Push, plan: Plan) -> Outcome:
    if plan.script is not None and plan.script.outcome is not None:
        return named(plan.script.outcome)
    misdirected = _misdirected(world, push)
    if misdirected is not None:
        return misdirected
    if world.customer(push.payer) is None:
        return Outcome(NO_ANSWER)
    if world.options.rule_17 and _paid_lately(world, push):
        return Outcome(17)
    by_default = Outcome() if world.options.auto == "pay" else HOLD
    return chosen(push.msisdn, push.amount, STK_TEXTS) or by_default


def _misdirected(world: World, push: Push) -> Outcome | None:
    """A pay bill's PartyB is the shortcode itself, a till's is the till (portal FAQ)."""
    if push.transaction_type == "CustomerPayBillOnline":
        return Outcome("SFC_IC0003") if push.party_b != push.shortcode else None
    tills = world.options.tills
    return Outcome(2028) if tills and push.party_b not in tills else None


def _paid_lately(world: World, push: Push) -> bool:
    since = world.now() - _RULE_17
    return any(
        (other.push.payer, other.push.amount) == (push.payer, push.amount)
        and other.state == PAID
        and other.closed_at is not None
        and other.closed_at > since
        for other in reversed(world.prompts.values())
    )


def _checkout_request_id(world: World, msisdn: str) -> str:
    moment = world.now()
    while (found := ids.checkout_request_id(moment, msisdn)) in world.prompts:
        moment += timedelta(milliseconds=1)
    return found


def _set_timers(world: World, prompt: Prompt) -> None:
    options, script = world.options, prompt.plan.script
    if not prompt.outcome.hold:
        unreachable = prompt.outcome.code == NO_ANSWER
        wait = options.unreachable_after if unreachable else options.pay_after
        if script is not None and script.pay_after is not None:
            wait = script.pay_after
        world.scheduler.after(wait, lambda: _due(world, prompt))
    world.scheduler.after(options.prompt_lifetime, lambda: act(world, prompt, NO_ANSWER))


def _due(world: World, prompt: Prompt) -> None:
    with world.lock:
        if prompt.state != OPEN:
            return
        if world.watched(prompt.push.msisdn):
            world.scheduler.after(_LOOK_AGAIN, lambda: _due(world, prompt))
            return
    act(world, prompt)


def _close(world: World, prompt: Prompt, code: ResultCode) -> Letter | None:
    if prompt.state != OPEN or world.prompts.get(prompt.checkout_request_id) is not prompt:
        return None
    if code == 0 and prompt.plan.has("late_success"):
        world.scheduler.after(world.options.late_after, lambda: pay_late(world, prompt))
        code = NO_ANSWER
    if code == 0:
        code = _take_money(world, prompt)
    if world.open_by_phone.get(prompt.push.msisdn) is prompt:
        del world.open_by_phone[prompt.push.msisdn]
    return _finish(world, prompt, code)


def _take_money(world: World, prompt: Prompt) -> ResultCode:
    """Debit the customer if that can be done; return 0, or the code that says why not."""
    push, customer = prompt.push, world.customer(prompt.push.payer)
    if customer is None:
        return NO_ANSWER
    if customer.locked:
        return 8006
    if customer.balance < push.amount:
        return 1
    refs = {
        "checkoutRequestId": prompt.checkout_request_id,
        "accountReference": push.account_reference,
    }
    prompt.receipt = world.ledger.debit_customer(customer, push.amount, world.now(), refs)
    customer.messages.append(
        f"{prompt.receipt} Confirmed. Ksh{push.amount:,}.00 paid to {push.shortcode} for account "
        f"{push.account_reference}. New M-PESA balance is Ksh{customer.balance:,}.00."
    )
    return 0


def _finish(world: World, prompt: Prompt, code: ResultCode) -> Letter:
    prompt.state = PAID if code == 0 else FAILED
    prompt.result_code = code
    prompt.closed_at = world.now()
    customer = world.ledger.customers.get(prompt.push.payer)
    if customer is not None and code not in (0, 1032, NO_ANSWER):
        customer.messages.append(f"Failed. {STK_TEXTS.get(code, 'The payment was not made.')}")
    world.tell(
        f"{prompt.state}: {masked(prompt.push.msisdn)} KES {prompt.push.amount}, "
        f"result {code}{f', receipt {prompt.receipt}' if prompt.receipt else ''}"
    )
    return Letter(
        "stk",
        prompt.checkout_request_id,
        prompt.push.callback_url,
        _callback(prompt, code),
        prompt.plan,
        {"Businessshortcode": prompt.push.shortcode},
    )


def _callback(prompt: Prompt, code: ResultCode) -> Json:
    callback: Json = {
        "MerchantRequestID": prompt.merchant_request_id,
        "CheckoutRequestID": prompt.checkout_request_id,
        "ResultCode": code,
        "ResultDesc": STK_TEXTS.get(code, "The transaction failed."),
    }
    if code == 0 and prompt.closed_at is not None:
        callback["CallbackMetadata"] = {
            "Item": [
                {"Name": "Amount", "Value": _amount_told(prompt)},
                {"Name": "MpesaReceiptNumber", "Value": prompt.receipt},
                {"Name": "Balance"},
                {"Name": "TransactionDate", "Value": int(stamp(prompt.closed_at))},
                {"Name": "PhoneNumber", "Value": _phone_told(prompt)},
            ]
        }
    return {"Body": {"stkCallback": callback}}


def _amount_told(prompt: Prompt) -> float:
    script = prompt.plan.script
    if script is not None and script.amount_in_callback is not None:
        return float(script.amount_in_callback)
    return float(prompt.push.amount + prompt.plan.has("amount_differs"))


def _phone_told(prompt: Prompt) -> int | str:
    script, payer = prompt.plan.script, int(prompt.push.payer)
    if script is not None and script.phone_in_callback is not None:
        return script.phone_in_callback
    return payer ^ 1 if prompt.plan.has("phone_differs") else payer
