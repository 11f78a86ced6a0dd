"""What happens to an STK push after it was accepted: the prompt and the money.

One prompt may be open on a phone.
"""

from datetime import timedelta

from daraja_simulator import ids, news, sms
from daraja_simulator.courier import Attempt, Letter
from daraja_simulator.errors import merchant
from daraja_simulator.faults import Plan
from daraja_simulator.ledger import Cause
from daraja_simulator.outcomes import (
    HOLD,
    NO_ANSWER,
    STK_TEXTS,
    SUBSCRIBER_LOCKED,
    Outcome,
    ResultCode,
    chosen,
    named,
)
from daraja_simulator.records import FAILED, OPEN, PAID, STK, Prompt, Push
from daraja_simulator.wire import masked
from daraja_simulator.world import World

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
        letters = _close(world, prompt, prompt.outcome.code if code is None else code)
    return world.courier.dispatch_all(letters)


def enter_pin(world: World, prompt: Prompt, pin: str) -> list[Attempt]:
    """Do what the customer's OK does: 2001 for a wrong PIN, 8006 once it is locked, else pay."""
    with world.lock:
        customer = world.customer(prompt.push.payer)
        asked = customer if prompt.state == OPEN else None
        code = asked.enter_pin(pin) if asked is not None else 0
    return act(world, prompt, code)


def pay_late(world: World, prompt: Prompt) -> list[Attempt]:
    """Let the money move although the prompt had failed, and send the success callback."""
    with world.lock:
        known = world.prompts.get(prompt.checkout_request_id) is prompt
        if not known or prompt.state != FAILED or _take_money(world, prompt) != 0:
            return []
        letters = _finish(world, prompt, 0)
    return world.courier.dispatch_all(letters)


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
    if not push.to_till:
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


def _close(world: World, prompt: Prompt, code: ResultCode) -> list[Letter]:
    if prompt.state != OPEN or world.prompts.get(prompt.checkout_request_id) is not prompt:
        return []
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
        "shortcode": push.shortcode,
    }
    prompt.receipt = world.ledger.debit_customer(customer, push.amount, Cause(STK, world.now(), refs))
    sms.paid(customer, prompt.receipt, push.amount, push.shortcode, push.account_reference)
    return 0


def _finish(world: World, prompt: Prompt, code: ResultCode) -> list[Letter]:
    prompt.state = PAID if code == 0 else FAILED
    prompt.result_code = code
    prompt.closed_at = world.now()
    customer = world.ledger.customers.get(prompt.push.payer)
    if customer is not None and code not in (0, 1032, NO_ANSWER):
        sms.failed(customer, STK_TEXTS.get(code, "The payment was not made."))
    world.tell(
        f"{prompt.state}: {masked(prompt.push.msisdn)} KES {prompt.push.amount}, "
        f"result {code}{f', receipt {prompt.receipt}' if prompt.receipt else ''}"
    )
    return news.letters(world, prompt)
