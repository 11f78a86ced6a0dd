"""What each kind of callback is about: from raw bytes to the payment or command, and what to report on it."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.orm import Session

from mpesa_service.daraja import StkCallback, UnreadableCallback, parse_stk_callback
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.decisions import Evidence, Report
from mpesa_service.domain.money import whole_shillings
from mpesa_service.models import Payment
from mpesa_service.models.statements import lock_payment_where
from mpesa_service.services.c2b_callbacks import handle_c2b_confirmation
from mpesa_service.services.c2b_payments import book_beside
from mpesa_service.services.commands.callbacks import (
    handle_result,
    handle_status_result,
    handle_status_timeout,
    handle_timeout,
)
from mpesa_service.services.handled import Handled
from mpesa_service.services.payments import learn_ids
from mpesa_service.services.results import apply_result
from mpesa_service.services.runtime import Runtime

Handler = Callable[[Runtime, Session, str | None, bytes], Handled]


def handler_of(kind: CallbackKind) -> Handler:
    """Return what understands callbacks of this kind."""
    return {
        CallbackKind.STK: handle_stk,
        CallbackKind.COMMAND_RESULT: handle_result,
        CallbackKind.COMMAND_TIMEOUT: handle_timeout,
        CallbackKind.COMMAND_STATUS_RESULT: handle_status_result,
        CallbackKind.COMMAND_STATUS_TIMEOUT: handle_status_timeout,
        # As they were called when only refunds had them.
        CallbackKind.B2C_RESULT: handle_result,
        CallbackKind.B2C_TIMEOUT: handle_timeout,
        CallbackKind.STATUS_RESULT: handle_status_result,
        CallbackKind.STATUS_TIMEOUT: handle_status_timeout,
        CallbackKind.C2B_CONFIRMATION: handle_c2b_confirmation,
    }[kind]


@dataclass(frozen=True)
class Subject:
    """The payment that a callback is about, locked, and how sure that is."""

    payment: Payment
    trusted: bool
    ids_agree: bool


def handle_stk(runtime: Runtime, session: Session, token: str | None, body: bytes) -> Handled:
    """Apply an STK callback to the payment that it is about."""
    try:
        callback = parse_stk_callback(body)
    except UnreadableCallback as error:
        return Handled(InboxVerdict.UNREADABLE, str(error))
    subject = _subject(runtime, session, token, callback)
    if subject is None:
        return Handled(InboxVerdict.UNMATCHED, "no payment has this token or CheckoutRequestID")
    return hear_stk(runtime, session, subject, callback)


def hear_stk(runtime: Runtime, session: Session, subject: Subject, callback: StkCallback) -> Handled:
    """Apply a callback to the payment that it has been found to be about."""
    payment = subject.payment
    if subject.trusted and subject.ids_agree and payment.checkout_id_hash is None:
        learn_ids(runtime, payment, callback.checkout_request_id, callback.merchant_request_id)
    report = _report(runtime, callback, subject)
    decision = apply_result(session, runtime.vault, payment, report, callback.result.say)
    if decision.second_payment:
        book_beside(runtime, session, payment, report)
    return Handled(InboxVerdict(decision.verdict), decision.reason, payment.id)


def _subject(runtime: Runtime, session: Session, token: str | None, callback: StkCallback) -> Subject | None:
    """Find the payment by the address that was called, and by the ids that the body names.

    Where the two differ, the body is about the payment whose ids it names, and comes from the wrong
    address: a claim. A payment that has no ids yet (its push is not answered) takes the body's. The
    push may be answered between the two looks: then the payment found by its address has these very ids.
    """
    checkout_hash = checkout_hash_of(runtime, callback)
    named = lock_payment_where(session, checkout_id_hash=checkout_hash)
    if named is not None and named.callback_token_hash != token:
        return Subject(named, trusted=False, ids_agree=True)
    owner = named or (lock_payment_where(session, callback_token_hash=token) if token else None)
    if owner is None:
        return None
    return subject_at_its_address(owner, callback, checkout_hash)


def subject_at_its_address(payment: Payment, callback: StkCallback, checkout_hash: str) -> Subject:
    """Return the payment on whose own address the callback came."""
    same_checkout = payment.checkout_id_hash in (None, checkout_hash)
    same_merchant = payment.merchant_request_id in (None, callback.merchant_request_id)
    return Subject(payment, trusted=True, ids_agree=same_checkout and same_merchant)


def checkout_hash_of(runtime: Runtime, callback: StkCallback) -> str:
    """Return what a payment is found by that has the callback's CheckoutRequestID."""
    return runtime.vault.fingerprint("checkout", callback.checkout_request_id)


def _report(runtime: Runtime, callback: StkCallback, subject: Subject) -> Report:
    return Report(
        evidence=Evidence.CALLBACK,
        outcome=callback.result.outcome,
        at=runtime.clock(),
        result_code=callback.result.code,
        result_desc=callback.result_desc,
        receipt=callback.receipt,
        amount=whole_shillings(callback.amount),
        phone=callback.phone,
        trusted=subject.trusted,
        ids_agree=subject.ids_agree,
    )
