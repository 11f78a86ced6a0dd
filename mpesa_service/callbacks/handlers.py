"""Handles each kind of callback: parses its bytes, finds its payment or command, and applies the report."""

from collections.abc import Callable
from functools import partial
from typing import Any

from mpesa_service.c2b.booking import second_payment
from mpesa_service.c2b.confirmations import handle_c2b_confirmation
from mpesa_service.c2b.receipts import book_logged
from mpesa_service.commands.callbacks import (
    UNKNOWN_ADDRESS,
    find_command,
    handle_result,
    handle_status_result,
    handle_status_timeout,
    handle_timeout,
)
from mpesa_service.commands.command import Command, Kinds
from mpesa_service.core.apply import daraja_id_columns
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.inbox import CallbackOutcome, Received, outcome_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import StkCallback, UnreadableCallback, parse_stk_callback
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.domain.planning import apply_report, apply_unread
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence, PaymentReport
from mpesa_service.errors import InvalidPhone
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.models.load import About
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand

Handler = Callable[[Runtime, Received, bytes], CallbackOutcome]
"""Applies a callback and stores it, in one transaction. Raises if it can do neither."""


def handler_of(kind: CallbackKind) -> Handler:
    """Return what handles callbacks of this kind."""
    return _HANDLERS[kind]


def handle_stk(runtime: Runtime, received: Received, body: bytes) -> CallbackOutcome:
    """Apply an STK callback to the payment that it is about.

    The address that was called and the ids in the body both name a payment. Where they differ, the body is
    about the payment whose ids it names, and came to the wrong address: it is a claim.
    """
    try:
        callback = parse_stk_callback(body)
    except UnreadableCallback as error:
        return keep_unread(runtime, received, str(error))
    checkout = runtime.encryption.blind_index("checkout", callback.checkout_request_id)
    about = About(checkout=checkout, token=received.token_hash, receipt=callback.receipt)
    decide = partial(_decide_stk, runtime, received, callback, checkout)
    return outcome_of(runtime.apply_callback(about, decide).plan)


def keep_unread(runtime: Runtime, received: Received, reason: str) -> CallbackOutcome:
    """Store a body that cannot be read. It raises an alarm only on the address of a payment.

    Anybody can post to the address without a token, and to an invented token.
    """

    def decide(facts: PaymentFacts | None) -> Plan:
        now = runtime.clock()
        if facts is None:
            return received.added_to(Plan(InboxVerdict.UNREADABLE, reason), now)
        change = PaymentChange(facts)
        apply_unread(change, now)
        return received.added_to(change.plan(InboxVerdict.UNREAD, reason), now)

    about = About(checkout="", token=received.token_hash)
    return outcome_of(runtime.apply_callback(about, decide).plan)


def _decide_stk(
    runtime: Runtime, received: Received, callback: StkCallback, checkout: str, facts: PaymentFacts | None
) -> Plan:
    now = runtime.clock()
    if facts is None:
        plan = Plan(InboxVerdict.UNMATCHED, "no payment has this token or CheckoutRequestID")
        return received.added_to(plan, now)
    payment = facts.payment
    trusted = payment["callback_token_hash"] == received.token_hash
    report = PaymentReport(
        evidence=Evidence.CALLBACK,
        outcome=callback.result.outcome,
        at=now,
        result_code=callback.result.code,
        result_desc=callback.result_desc,
        receipt=callback.receipt,
        amount=callback.shillings,
        fractional=callback.amount is not None and callback.shillings is None,
        payer_agrees=_payer_agrees(runtime.encryption, facts, callback.phone),
        reason=callback.result.say,
        paid_at=callback.paid_at,
        paid_at_text=callback.paid_at_text,
        trusted=trusted,
        ids_agree=not trusted
        or (
            payment["checkout_id_hash"] in (None, checkout)
            and (
                callback.merchant_request_id is None
                or payment["merchant_request_id"] in (None, callback.merchant_request_id)
            )
        ),
    )
    change = PaymentChange(facts)
    if trusted and report.ids_agree and payment["checkout_id_hash"] is None:
        ids = (callback.checkout_request_id, callback.merchant_request_id)
        change.set(**daraja_id_columns(runtime.encryption, *ids))
    decision = apply_report(change, report)
    plan = change.plan(decision.verdict, decision.reason)
    if decision.second_payment:
        plan = plan.and_also(second_payment(runtime, facts, report))
    return received.added_to(plan, now)


def _payer_agrees(encryption: Encryption, facts: PaymentFacts, named: str | None) -> bool:
    """Return whether a callback names the number that received the prompt.

    A missing, masked or hashed number says nothing, and agrees. Daraja writes a whole number in our own form,
    so most often the hash of its text is enough.
    """
    if named is None or encryption.blind_index("phone", named) == facts.payment["phone_hash"]:
        return True
    try:
        number = normalize_msisdn(named)
    except InvalidPhone:
        return True
    return encryption.decrypt(facts.payment["phone_encrypted"] or b"") == number


def _locked(kind: CallbackKind, handle: Callable[[Runtime, Command[Any], bytes], CallbackOutcome]) -> Handler:
    """Return the handler of a command's callback of this kind.

    The command is locked while a report on it is applied.
    """

    def handler(runtime: Runtime, received: Received, body: bytes) -> CallbackOutcome:
        with runtime.database.begin() as session:
            command = find_command(session, KINDS, **{TOKEN_COLUMNS[kind]: received.token_hash or ""})
            outcome = UNKNOWN_ADDRESS if command is None else handle(runtime, command, body)
            received.store(session, outcome, runtime.clock())
        if outcome.inquiry_id is not None:  # in a transaction of its own: the answer is stored by now
            book_logged(runtime, outcome.inquiry_id)
        return outcome

    return handler


TOKEN_COLUMNS = {
    CallbackKind.COMMAND_RESULT: "result_token_hash",
    CallbackKind.COMMAND_TIMEOUT: "timeout_token_hash",
    CallbackKind.COMMAND_STATUS_RESULT: "status_token_hash",
    CallbackKind.COMMAND_STATUS_TIMEOUT: "status_token_hash",
}
"""The columns with the hashes of the tokens in the commands' addresses."""


_HANDLERS: dict[CallbackKind, Handler] = {
    CallbackKind.STK: handle_stk,
    CallbackKind.C2B_CONFIRMATION: handle_c2b_confirmation,
    CallbackKind.COMMAND_RESULT: _locked(CallbackKind.COMMAND_RESULT, handle_result),
    CallbackKind.COMMAND_TIMEOUT: _locked(CallbackKind.COMMAND_TIMEOUT, handle_timeout),
    CallbackKind.COMMAND_STATUS_RESULT: _locked(CallbackKind.COMMAND_STATUS_RESULT, handle_status_result),
    CallbackKind.COMMAND_STATUS_TIMEOUT: _locked(CallbackKind.COMMAND_STATUS_TIMEOUT, handle_status_timeout),
}


KINDS: Kinds = (RefundCommand, PayoutCommand, InquiryCommand)
