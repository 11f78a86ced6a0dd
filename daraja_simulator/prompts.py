"""What happens to an STK push after it was accepted: the prompt and the money.

A phone shows one prompt at a time.
"""

from datetime import timedelta

from daraja_simulator import charges, ids, sms, stk_callbacks
from daraja_simulator.callback_delivery import Attempt, Callback
from daraja_simulator.errors import generic_error
from daraja_simulator.faults import FaultPlan
from daraja_simulator.ledger import Cause
from daraja_simulator.outcomes import (
    HOLD,
    NO_ANSWER,
    PHONE_TEXTS,
    STK_TEXTS,
    SUBSCRIBER_LOCKED,
    Outcome,
    ResultCode,
    outcome_for,
    outcome_named,
)
from daraja_simulator.records import FAILED, OPEN, PAID, STK, Prompt, Push
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import masked

_RULE_17 = timedelta(minutes=2)
_RETRY_SECONDS = 1.0


def open_prompt(state: SimulatorState, push: Push, plan: FaultPlan) -> Prompt:
    """Show a prompt on the phone and set its timers.

    Raises DarajaError 500.001.1001 if another prompt is open there, unless lock_style is callback.
    """
    with state.lock:
        busy = push.msisdn in state.open_by_phone
        if busy and state.options.lock_style == "sync":
            raise generic_error(SUBSCRIBER_LOCKED)
        outcome = Outcome(1001) if busy else _outcome(state, push, plan)
        now = state.now()
        prompt = Prompt(
            push,
            _checkout_request_id(state, push.msisdn),
            ids.request_id(),
            now,
            now + timedelta(seconds=state.options.prompt_lifetime),
            outcome,
            plan.with_faults(outcome.faults),
        )
        state.prompts[prompt.checkout_request_id] = prompt
        if not busy:
            state.open_by_phone[push.msisdn] = prompt
        _set_timers(state, prompt)
    state.log(f"prompt on {masked(push.msisdn)}: KES {push.amount} to {push.shortcode}")
    return prompt


def end(state: SimulatorState, prompt: Prompt, code: ResultCode | None = None) -> list[Attempt]:
    """End the prompt with `code`, or with its planned outcome, and deliver the callback.

    Return the deliveries. There are none if the prompt had already ended or the callback is withheld.
    """
    with state.lock:
        callbacks = _close(state, prompt, prompt.outcome.code if code is None else code)
    return state.delivery.deliver_all(callbacks)


def enter_pin(state: SimulatorState, prompt: Prompt, pin: str) -> list[Attempt]:
    """Enter the PIN and press OK. A wrong PIN ends in 2001, a locked one in 8006."""
    with state.lock:
        customer = state.customer(prompt.push.payer)
        payer = customer if prompt.state == OPEN else None
        code = payer.enter_pin(pin) if payer is not None else 0
    return end(state, prompt, code)


def pay_late(state: SimulatorState, prompt: Prompt) -> list[Attempt]:
    """Move the money although the prompt had failed, and deliver the success callback."""
    with state.lock:
        known = state.prompts.get(prompt.checkout_request_id) is prompt
        if not known or prompt.state != FAILED or _take_money(state, prompt) != 0:
            return []
        callbacks = _finish(state, prompt, 0)
    return state.delivery.deliver_all(callbacks)


def _outcome(state: SimulatorState, push: Push, plan: FaultPlan) -> Outcome:
    if plan.script is not None and plan.script.outcome is not None:
        return outcome_named(plan.script.outcome)
    wrong_receiver = _wrong_receiver(state, push)
    if wrong_receiver is not None:
        return wrong_receiver
    if state.customer(push.payer) is None:
        return Outcome(NO_ANSWER)
    if state.options.rule_17 and _paid_recently(state, push):
        return Outcome(17)
    by_default = Outcome() if state.options.auto == "pay" else HOLD
    return outcome_for(push.msisdn, push.amount, STK_TEXTS) or by_default


def _wrong_receiver(state: SimulatorState, push: Push) -> Outcome | None:
    """PartyB is the shortcode for a pay bill, and the till number for a till (portal FAQ)."""
    if not push.to_till:
        return Outcome("SFC_IC0003") if push.party_b != push.shortcode else None
    tills = state.options.tills
    return Outcome(2028) if tills and push.party_b not in tills else None


def _paid_recently(state: SimulatorState, push: Push) -> bool:
    since = state.now() - _RULE_17
    return any(
        (other.push.payer, other.push.amount) == (push.payer, push.amount)
        and other.state == PAID
        and other.closed_at is not None
        and other.closed_at > since
        for other in reversed(state.prompts.values())
    )


def _checkout_request_id(state: SimulatorState, msisdn: str) -> str:
    moment = state.now()
    while (found := ids.checkout_request_id(moment, msisdn)) in state.prompts:
        moment += timedelta(milliseconds=1)
    return found


def _set_timers(state: SimulatorState, prompt: Prompt) -> None:
    options, script = state.options, prompt.plan.script
    if not prompt.outcome.hold:
        unreachable = prompt.outcome.code == NO_ANSWER
        wait = options.unreachable_after if unreachable else options.pay_after
        if script is not None and script.pay_after is not None:
            wait = script.pay_after
        state.scheduler.after(wait, lambda: _end_when_due(state, prompt))
    state.scheduler.after(options.prompt_lifetime, lambda: end(state, prompt, NO_ANSWER))


def _end_when_due(state: SimulatorState, prompt: Prompt) -> None:
    with state.lock:
        if prompt.state != OPEN:
            return
        if state.phone_is_open(prompt.push.msisdn):
            state.scheduler.after(_RETRY_SECONDS, lambda: _end_when_due(state, prompt))
            return
    end(state, prompt)


def _close(state: SimulatorState, prompt: Prompt, code: ResultCode) -> list[Callback]:
    if prompt.state != OPEN or state.prompts.get(prompt.checkout_request_id) is not prompt:
        return []
    if code == 0 and prompt.plan.has("late_success"):
        state.scheduler.after(state.options.late_after, lambda: pay_late(state, prompt))
        code = NO_ANSWER
    if code == 0:
        code = _take_money(state, prompt)
    if state.open_by_phone.get(prompt.push.msisdn) is prompt:
        del state.open_by_phone[prompt.push.msisdn]
    return _finish(state, prompt, code)


def _take_money(state: SimulatorState, prompt: Prompt) -> ResultCode:
    """Debit the customer if possible. Return 0, or the result code of the failure."""
    push, customer = prompt.push, state.customer(prompt.push.payer)
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
    command = charges.TILL if push.to_till else "paybill"
    cause = Cause(STK, state.now(), refs, push.receiver, command, prompt.opened_at)
    prompt.receipt = state.ledger.debit_customer(customer, push.amount, cause)
    charges.post(state, cause, prompt.receipt, push.amount)
    sms.paid(customer, prompt.receipt, push.amount, push.shortcode, push.account_reference)
    return 0


def _finish(state: SimulatorState, prompt: Prompt, code: ResultCode) -> list[Callback]:
    prompt.state = PAID if code == 0 else FAILED
    prompt.result_code = code
    prompt.closed_at = state.now()
    customer = None if code in (0, 1032, NO_ANSWER) else state.customer(prompt.push.payer)
    if customer is not None:
        words = PHONE_TEXTS.get(code) or STK_TEXTS.get(code, "The payment was not made.")
        sms.failed(customer, words)
    state.log(
        f"{prompt.state}: {masked(prompt.push.msisdn)} KES {prompt.push.amount}, "
        f"result {code}{f' ({PHONE_TEXTS[code]})' if code in PHONE_TEXTS else ''}"
        f"{f', receipt {prompt.receipt}' if prompt.receipt else ''}"
    )
    return stk_callbacks.callbacks(state, prompt)
