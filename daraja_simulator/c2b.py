"""C2B payments: a customer starts one on the phone, to the shop's pay bill or till.

Source: the portal's C2B page. With validation on, Daraja first posts to the shop's validation URL, which has
about eight seconds to respond. A rejection ends the payment without a confirmation. After a time-out or an
unreadable response, the registered ResponseType decides. Then the money moves, and Daraja posts the
confirmation if URLs are registered. The documented rejection codes are C2B000nn; the simulator also accepts
other codes, such as ResultCode 1, as rejections.
"""

import json
from dataclasses import dataclass

from daraja_simulator import charges, confirmations, sms
from daraja_simulator.callback_delivery import Attempt, Callback
from daraja_simulator.ledger import Cause, Customer
from daraja_simulator.money import Money
from daraja_simulator.outcomes import PHONE_TEXTS, STK_TEXTS
from daraja_simulator.records import C2B, COMPLETED, OPEN, REJECTED, C2bPayment, C2bTransaction
from daraja_simulator.state import SimulatorState
from daraja_simulator.wire import Json, masked

_NOT_A_CUSTOMER = "The number is not a customer."
_REJECTED = "The shop rejected this payment."
_NO_VALIDATION = "The shop's validation URL gave no usable response."


@dataclass(frozen=True, slots=True)
class C2bRequest:
    """What a customer typed on the phone."""

    msisdn: str
    amount: Money
    shortcode: str
    bill_ref_number: str
    till: bool


@dataclass(frozen=True, slots=True)
class _ValidationResult:
    """The validation URL's response. `code` is None if the response was unusable."""

    reason: str | None = None
    code: str | None = None
    third_party_id: str = ""


def start(state: SimulatorState, request: C2bRequest, originator_id: str | None = None) -> C2bPayment:
    """Store the payment under its future receipt. It is not validated yet, and no money moves."""
    with state.lock:
        now = state.now()
        transaction = C2bTransaction(
            trans_id=state.ledger.new_receipt(now),
            at=now,
            transaction_type=confirmations.transaction_type(state, till=request.till),
            shortcode=request.shortcode,
            msisdn=request.msisdn,
            amount=request.amount,
            bill_ref_number=request.bill_ref_number,
            till=request.till,
        )
        payment = C2bPayment(transaction, state.fault_plan("c2b", {"msisdn": request.msisdn}), originator_id)
        state.c2b[transaction.trans_id] = payment
    state.log(f"{masked(request.msisdn)} pays KES {request.amount} to {request.shortcode} by C2B")
    return payment


def pay(state: SimulatorState, payment: C2bPayment) -> list[Attempt]:
    """Validate the payment if validation is on, move the money, and confirm. Return the deliveries."""
    transaction, validations = payment.transaction, []
    with state.lock:
        if not _open(state, payment):
            return []
        urls = state.c2b_urls.get(transaction.shortcode)
        validation = None
        result = _ValidationResult(_rejection_reason(state, transaction))
        if result.reason is None and urls is not None and state.options.c2b_validation:
            validation = confirmations.validation(state, transaction, urls)
        seconds = state.options.validation_seconds
    if validation is not None and urls is not None:
        validations = [state.delivery.request(validation, seconds)]
        result = _validation_result(validations[0], urls["responseType"])
    with state.lock:
        callbacks = _settle(state, payment, result, urls) if _open(state, payment) else []
    return validations + state.delivery.deliver_all(callbacks)


def pay_with_pin(state: SimulatorState, request: C2bRequest, pin: str) -> list[Attempt]:
    """Pay if the PIN is right. Otherwise no payment starts, and an SMS gives the reason."""
    with state.lock:
        customer = state.customer(request.msisdn)
        code = customer.enter_pin(pin) if customer is not None else 0
        if customer is not None and code != 0:
            sms.failed(customer, PHONE_TEXTS[code])
            return []
    return pay(state, start(state, request))


def _open(state: SimulatorState, payment: C2bPayment) -> bool:
    return state.c2b.get(payment.transaction.trans_id) is payment and payment.state == OPEN


def _rejection_reason(state: SimulatorState, transaction: C2bTransaction) -> str | None:
    customer = state.customer(transaction.msisdn)
    if customer is None:
        return _NOT_A_CUSTOMER
    return STK_TEXTS[1] if customer.balance < transaction.amount else None


def _settle(
    state: SimulatorState, payment: C2bPayment, result: _ValidationResult, urls: Json | None
) -> list[Callback]:
    transaction = payment.transaction
    payment.validation_code = result.code
    payment.reason = result.reason or _rejection_reason(state, transaction)
    payment.state = REJECTED if payment.reason else COMPLETED
    payment.closed_at = state.now()
    state.log(f"payment {payment.state}: {masked(transaction.msisdn)} KES {transaction.amount}")
    customer = state.ledger.customers.get(transaction.msisdn)
    if customer is None:
        return []
    if payment.reason is not None:
        sms.failed(customer, payment.reason)
        return []
    _take_money(state, transaction, customer)
    if urls is None:
        return []
    reported = payment.plan.reported_amount(transaction.amount)
    third_party_id = result.third_party_id
    return [
        confirmations.confirmation(
            state, transaction, urls, payment.plan, amount=reported, third_party_id=third_party_id
        )
    ]


def _take_money(state: SimulatorState, transaction: C2bTransaction, customer: Customer) -> None:
    refs = {"billRefNumber": transaction.bill_ref_number, "shortcode": transaction.shortcode}
    command = charges.TILL if transaction.till else "paybill"
    cause = Cause(C2B, state.now(), refs, transaction.shortcode, command, transaction.at)
    state.ledger.debit_customer(customer, transaction.amount, cause, transaction.trans_id)
    charges.post(state, cause, transaction.trans_id, transaction.amount)
    sms.paid(
        customer, transaction.trans_id, transaction.amount, transaction.shortcode, transaction.bill_ref_number
    )


def _validation_result(attempt: Attempt, response_type: str) -> _ValidationResult:
    try:
        answer = json.loads(attempt.answer or "")
    except ValueError:
        answer = None
    code = answer.get("ResultCode") if isinstance(answer, dict) else None
    readable = isinstance(code, str | int) and not isinstance(code, bool) and str(code)
    if attempt.error is not None or attempt.status != 200 or not readable:
        return _ValidationResult(None if response_type == "Completed" else _NO_VALIDATION)
    if str(code).strip("0"):
        return _ValidationResult(_REJECTED, str(code))
    return _ValidationResult(None, str(code), str(answer.get("ThirdPartyTransID") or ""))
