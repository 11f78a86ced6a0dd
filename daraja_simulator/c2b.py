"""A payment that a customer makes from the phone's own menu, to the shop's pay bill or till.

Portal, C2B: when validation is on, the shop is asked first and has about eight seconds; a refusal
ends the payment and nobody is told; silence or nonsense leaves the word to the ResponseType that was
registered. Then the money moves, and the shop is told where URLs are registered. Whoever sent a
plain refusal such as ResultCode 1 is taken to mean it, although the documented ones are C2B000nn.
"""

import json
from dataclasses import dataclass

from daraja_simulator import confirmations, sms
from daraja_simulator.courier import Attempt, Letter
from daraja_simulator.ledger import Cause, Customer
from daraja_simulator.outcomes import STK_TEXTS
from daraja_simulator.records import C2B, COMPLETED, OPEN, REJECTED, C2bPayment, Notice
from daraja_simulator.wire import Json, masked
from daraja_simulator.world import World

_STRANGER = "The number is no customer."
_REJECTED = "The shop does not take this payment."
_UNANSWERED = "The shop could not be asked."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a customer typed into the menu."""

    msisdn: str
    amount: int
    shortcode: str
    bill_ref_number: str
    till: bool


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What the validator said; `code` is None when it said nothing that can be read."""

    reason: str | None = None
    code: str | None = None
    third_party_id: str = ""


def begin(world: World, wish: Wish, originator_id: str | None = None) -> C2bPayment:
    """Note the payment under the receipt that it will have; nothing is asked or moved yet."""
    with world.lock:
        now = world.now()
        notice = Notice(
            trans_id=world.ledger.new_receipt(now),
            at=now,
            transaction_type=confirmations.type_of(world, till=wish.till),
            shortcode=wish.shortcode,
            msisdn=wish.msisdn,
            amount=wish.amount,
            bill_ref_number=wish.bill_ref_number,
        )
        payment = C2bPayment(notice, world.plan("c2b", {"msisdn": wish.msisdn}), originator_id)
        world.c2b[notice.trans_id] = payment
    world.tell(f"{masked(wish.msisdn)} pays KES {wish.amount} to {wish.shortcode} from the menu")
    return payment


def pay(world: World, payment: C2bPayment) -> list[Attempt]:
    """Ask the shop if it wants to be asked, move the money, and confirm; return the attempts made."""
    notice, asked = payment.notice, []
    with world.lock:
        if not _open(world, payment):
            return []
        urls = world.c2b_urls.get(notice.shortcode)
        question = None
        verdict = _Verdict(_obstacle(world, notice))
        if verdict.reason is None and urls is not None and world.options.c2b_validation:
            question = confirmations.validation(world, notice, urls)
        seconds = world.options.validation_seconds
    if question is not None and urls is not None:
        asked = [world.courier.ask(question, seconds)]
        verdict = _read(asked[0], urls["responseType"])
    with world.lock:
        letters = _settle(world, payment, verdict, urls) if _open(world, payment) else []
    return asked + world.courier.dispatch_all(letters)


def pay_with_pin(world: World, wish: Wish, pin: str) -> list[Attempt]:
    """Pay when the PIN is right; else nothing is begun, and the phone says why."""
    with world.lock:
        customer = world.customer(wish.msisdn)
        code = customer.enter_pin(pin) if customer is not None else 0
        if customer is not None and code != 0:
            sms.failed(customer, STK_TEXTS[code])
            return []
    return pay(world, begin(world, wish))


def _open(world: World, payment: C2bPayment) -> bool:
    return world.c2b.get(payment.notice.trans_id) is payment and payment.state == OPEN


def _obstacle(world: World, notice: Notice) -> str | None:
    customer = world.customer(notice.msisdn)
    if customer is None:
        return _STRANGER
    return STK_TEXTS[1] if customer.balance < notice.amount else None


def _settle(world: World, payment: C2bPayment, verdict: _Verdict, urls: Json | None) -> list[Letter]:
    notice = payment.notice
    payment.validation_code = verdict.code
    payment.reason = verdict.reason or _obstacle(world, notice)
    payment.state = REJECTED if payment.reason else COMPLETED
    payment.closed_at = world.now()
    world.tell(f"payment {payment.state}: {masked(notice.msisdn)} KES {notice.amount}")
    customer = world.ledger.customers.get(notice.msisdn)
    if customer is None:
        return []
    if payment.reason is not None:
        sms.failed(customer, payment.reason)
        return []
    _take_money(world, notice, customer)
    if urls is None:
        return []
    told = payment.plan.amount_told(notice.amount)
    thanks = verdict.third_party_id
    return [confirmations.confirmation(world, notice, urls, payment.plan, amount=told, third_party_id=thanks)]


def _take_money(world: World, notice: Notice, customer: Customer) -> None:
    refs = {"billRefNumber": notice.bill_ref_number, "shortcode": notice.shortcode}
    cause = Cause(C2B, world.now(), refs)
    world.ledger.debit_customer(customer, notice.amount, cause, notice.trans_id)
    sms.paid(customer, notice.trans_id, notice.amount, notice.shortcode, notice.bill_ref_number)


def _read(attempt: Attempt, response_type: str) -> _Verdict:
    try:
        answer = json.loads(attempt.answer or "")
    except ValueError:
        answer = None
    code = answer.get("ResultCode") if isinstance(answer, dict) else None
    readable = isinstance(code, str | int) and not isinstance(code, bool) and str(code)
    if attempt.error is not None or attempt.status != 200 or not readable:
        return _Verdict(None if response_type == "Completed" else _UNANSWERED)
    if str(code).strip("0"):
        return _Verdict(_REJECTED, str(code))
    return _Verdict(None, str(code), str(answer.get("ThirdPartyTransID") or ""))
