"""Asks M-Pesa whether the money of C2B confirmations came: of large ones, and of some others.

Until M-Pesa says yes, none of the money leaves (`mpesa_service.refunds.unchecked`). If M-Pesa says no, the
confirmation is forged: its payment goes to review, and its order is open again.
"""

import json
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update

from mpesa_service.c2b.booking import send_to_review
from mpesa_service.c2b.reported_money import NothingArrived, reported_money
from mpesa_service.core.apply import apply_to
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import UNKNOWN_RECEIPT
from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.commands import InquiryKind
from mpesa_service.domain.confirmation_checks import (
    FIRST_CHECK_AFTER,
    KNOWN_AFTER,
    CheckResult,
    is_checked,
    next_check,
    next_check_of_refuted,
)
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.money import shillings
from mpesa_service.domain.plans import Plan, Update
from mpesa_service.domain.reports import Evidence, Verdict
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.errors import ProviderRefused, Unavailable
from mpesa_service.inquiries.request import transaction_status
from mpesa_service.models import C2bConfirmation, Inquiry
from mpesa_service.models.inquiries import InquiryStatus
from mpesa_service.payments.proven import reported_by_mpesa

log = logging.getLogger(__name__)

ASK_AGAIN_AFTER = timedelta(seconds=30)
ANSWERED_WITHIN = timedelta(minutes=10)
REFUTED = "M-Pesa does not confirm this payment"
NOT_KNOWN = "It does not know the receipt."
OTHER_AMOUNT = "It reports {} shillings."


def first_check(runtime: Runtime, receipt: str, cents: int, received_at: datetime) -> datetime | None:
    """Return when a confirmation is checked first; None if it is not checked."""
    mark = runtime.encryption.blind_index("c2b-check", receipt)
    settings = runtime.settings
    checked = is_checked(cents, settings.c2b_verify_above, settings.c2b_verify_percent, mark)
    return received_at + FIRST_CHECK_AFTER if checked else None


def check_due(runtime: Runtime, limit: int = 20) -> int:
    """Check the confirmations whose time has come, and return how many; none where no initiator is set up."""
    if runtime.settings.mpesa_initiator_name is None:
        return 0
    due = (
        select(C2bConfirmation)
        .where(C2bConfirmation.check_at <= runtime.clock())
        .order_by(C2bConfirmation.check_at)
        .limit(limit)
    )
    with runtime.database.read() as session:
        rows = session.scalars(due).all()
    for row in rows:
        _check(runtime, row)
    return len(rows)


def _check(runtime: Runtime, row: C2bConfirmation) -> None:
    now = runtime.clock()
    if row.payment_id is None and row.retry_at is not None:
        _store(runtime, row, check_at=now + FIRST_CHECK_AFTER)  # it is matched first
        return
    with runtime.database.read() as session:
        known = row.payment_id is not None and reported_by_mpesa(session, row.payment_id)
        inquiry = session.scalars(_latest(row)).first()
    if known:
        _store(runtime, row, check_at=None, check_result=CheckResult.CONFIRMED)
    elif inquiry is not None and inquiry.state in (InquiryStatus.SUBMITTING, InquiryStatus.PENDING):
        _store(runtime, row, check_at=now + ASK_AGAIN_AFTER)
    elif inquiry is None or (problem := _problem(runtime, row, inquiry)) is None:
        _ask(runtime, row)
    elif problem:
        _refute(runtime, row, problem)
    else:
        _store(runtime, row, check_at=None, check_result=CheckResult.CONFIRMED)


def _latest(row: C2bConfirmation) -> Any:
    """Return the query for the latest status inquiry of this check: an earlier one has refuted it already."""
    refuted = row.check_result == CheckResult.REFUTED
    began = (row.check_at or row.received_at) - ANSWERED_WITHIN if refuted else row.received_at
    about = Inquiry.kind == InquiryKind.STATUS, Inquiry.receipt == row.receipt, Inquiry.created_at >= began
    return select(Inquiry).where(*about).order_by(Inquiry.id.desc()).limit(1)


def _problem(runtime: Runtime, row: C2bConfirmation, inquiry: Inquiry) -> str | None:
    """Return why an inquiry refutes the confirmation; an empty text if it confirms it; None: neither."""
    if inquiry.state is InquiryStatus.ANSWERED and inquiry.answer_encrypted is not None:
        try:
            answer = json.loads(runtime.encryption.decrypt(inquiry.answer_encrypted))
            cents = reported_money(runtime, row.receipt, answer).cents
        except NothingArrived as refused:
            return str(refused)
        return "" if cents == row.amount_cents else OTHER_AMOUNT.format(shillings(cents))
    unknown = inquiry.result_code == UNKNOWN_RECEIPT
    return NOT_KNOWN if unknown and inquiry.created_at - row.received_at >= KNOWN_AFTER else None


def _ask(runtime: Runtime, row: C2bConfirmation) -> None:
    """Ask M-Pesa; look at the answer soon. After an inquiry without an answer, wait for longer each time."""
    now = runtime.clock()
    later = next_check(row.received_at, now)
    try:
        record = transaction_status(runtime, SERVICE, row.receipt)
    except (ProviderRefused, Unavailable) as error:
        log.warning("a confirmation could not be checked", extra={"receipt": row.receipt, "why": str(error)})
    else:
        later = now + ASK_AGAIN_AFTER if record.completed_at is None else later
    _store(runtime, row, check_at=later)


def _refute(runtime: Runtime, row: C2bConfirmation, problem: str) -> None:
    """Send the payment to review, once. M-Pesa is asked again daily for a week: its answer may change."""
    now = runtime.clock()
    values = {"check_result": CheckResult.REFUTED, "check_at": next_check_of_refuted(row.received_at, now)}
    log.error(
        "ALERT: M-Pesa does not confirm the money of a C2B confirmation",
        extra={"receipt": row.receipt, "payment_id": row.payment_id, "why": problem},
    )
    if row.payment_id is None:
        _store(runtime, row, **values)
        return
    stored = Update("c2b_confirmations", {"id": row.id}, values)

    def decide(facts: PaymentFacts) -> Plan:
        change = PaymentChange(facts)
        known = row.check_result == CheckResult.REFUTED
        if not known and (facts.status in PAID or facts.status is PaymentStatus.REVIEW):
            send_to_review(change, f"{REFUTED}. {problem}", Cause(MPESA, now, Evidence.STATUS))
        return replace(change.plan(Verdict.DISPUTED, problem), updates=(stored,))

    apply_to(runtime.database, row.payment_id, decide)


def _store(runtime: Runtime, row: C2bConfirmation, **values: Any) -> None:
    with runtime.database.begin() as session:
        session.execute(update(C2bConfirmation).where(C2bConfirmation.id == row.id).values(**values))
