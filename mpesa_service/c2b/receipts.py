"""A receipt in hand: books exactly what M-Pesa says of it, once.

The service queries the status of the transaction. When the answer arrives, the money is booked with the
evidence `status`. The answer is stored first, so a job books it if the process that received it is killed.
"""

import json
import logging
from collections.abc import Callable
from typing import Any

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from mpesa_service.c2b.book_money import book_money
from mpesa_service.c2b.booking import FITS_NONE
from mpesa_service.c2b.reported_money import IS_OUTGOING, NothingArrived, outgoing_kind, reported_money
from mpesa_service.core import idempotency
from mpesa_service.core.idempotency import Answer, KeyedRequest
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import ProviderRefused, Unavailable
from mpesa_service.inquiries.request import InquiryRecord, find_inquiry, transaction_status
from mpesa_service.models import C2bConfirmation, Inquiry, Payment, PaymentEvent
from mpesa_service.models.inquiries import InquiryStatus, ReceiptBooking

log = logging.getLogger(__name__)

_BOOKINGS = {
    InboxVerdict.APPLIED: ReceiptBooking.BOOKED,
    InboxVerdict.UNMATCHED: ReceiptBooking.UNMATCHED,
    InboxVerdict.NOTED: ReceiptBooking.WAITING,
    InboxVerdict.DUPLICATE: ReceiptBooking.KNOWN,
    InboxVerdict.DISPUTED: ReceiptBooking.DISPUTED,
}
NO_ACCOUNT = (
    "M-Pesa's status names no account. Ask the customer which order it is for, and match it: mpesa unmatched"
    " list suggests the open orders of its amount. Or wait for a pull or a statement, which name the account."
)

RenderInquiry = Callable[[InquiryRecord], Answer]


def book_receipt(
    runtime: Runtime,
    actor: str,
    receipt: str,
    render: RenderInquiry,
    keyed: KeyedRequest | None = None,
) -> Answer:
    """Query M-Pesa about a receipt, to book what it says; return the caller's answer.

    The inquiry's `booking` says what became of it. The answer is stored under the idempotency key, if any.
    Raises what `transaction_status` raises, and the errors of the key.
    """

    def finish(inquiry_id: str) -> Answer:
        return render(find_inquiry(runtime, inquiry_id))

    earlier = idempotency.earlier_answer(runtime, keyed, finish)
    if earlier is not None:
        return earlier

    claimed: list[KeyedRequest] = []

    def want(session: Session, row: Inquiry) -> None:
        row.booking = row.booking or ReceiptBooking.WANTED
        if keyed is not None:
            idempotency.claim(session, keyed, row.id, runtime.clock)
            claimed.append(keyed)

    try:
        record = transaction_status(runtime, actor, receipt, want)
    except (ProviderRefused, Unavailable):
        if claimed:
            with runtime.database.begin() as session:
                idempotency.release(session, claimed[0])
        raise
    book_answer(runtime, record.id)
    answer = finish(record.id)
    with runtime.database.begin() as session:
        return idempotency.complete(runtime, session, keyed, answer)


def book_answer(runtime: Runtime, inquiry_id: str) -> None:
    """Book what M-Pesa answered to an inquiry, if that is wanted and not done yet."""
    with runtime.database.read() as session:
        row = session.get(Inquiry, inquiry_id)
        if row is None or row.booking != ReceiptBooking.WANTED or row.completed_at is None:
            return
        outgoing = outgoing_kind(session, row.receipt or "")
    values = _outcome(runtime, row, outgoing)
    with runtime.database.begin() as session:
        wanted = (Inquiry.id == inquiry_id, Inquiry.booking == ReceiptBooking.WANTED)
        session.execute(update(Inquiry).where(*wanted).values(**values))
    extra = {
        "inquiry_id": inquiry_id,
        "booking": str(values["booking"]),
        "reason": values.get("booking_reason"),
    }
    log.info("receipt", extra=extra)


def book_answered(runtime: Runtime, limit: int = 100) -> int:
    """Book the answers that are not booked yet, because a process was killed; return how many."""
    due = (
        select(Inquiry.id)
        .where(Inquiry.booking == ReceiptBooking.WANTED, Inquiry.completed_at.is_not(None))
        .order_by(Inquiry.id)
        .limit(limit)
    )
    with runtime.database.read() as session:
        waiting = session.scalars(due).all()
    for inquiry_id in waiting:
        book_logged(runtime, inquiry_id)
    return len(waiting)


def book_logged(runtime: Runtime, inquiry_id: str) -> None:
    """`book_answer`, whose error is only logged: the job tries again."""
    try:
        book_answer(runtime, inquiry_id)
    except Exception:  # the answer is stored
        log.exception("could not book a receipt", extra={"inquiry_id": inquiry_id})


def _outcome(runtime: Runtime, row: Inquiry, outgoing: str | None) -> dict[str, Any]:
    """Book the answer; return the inquiry's new columns."""
    if row.state is not InquiryStatus.ANSWERED or row.answer_encrypted is None:
        return _refusal(row.failure_reason or "M-Pesa did not answer the inquiry.")
    if outgoing is not None:
        return _refusal(IS_OUTGOING.format(outgoing))
    answer = json.loads(runtime.encryption.decrypt(row.answer_encrypted))
    try:
        money = reported_money(runtime, row.receipt or "", answer)
    except NothingArrived as refused:
        return _refusal(str(refused))
    plan = book_money(runtime, money, Evidence.STATUS)
    if plan.verdict == InboxVerdict.DUPLICATE and (own := _booked_for(runtime, row)) is not None:
        return own
    booking = _BOOKINGS[InboxVerdict(plan.verdict)]
    reason = _why(plan.reason, money.account)
    return {"booking": booking, "booking_reason": reason, "payment_id": plan.payment_id}


def _why(reason: str | None, account: object) -> str | None:
    """Return the reason of a booking: money without an account cannot fit an order."""
    return NO_ACCOUNT if reason == FITS_NONE and not account else reason and reason[:512]


def _booked_for(runtime: Runtime, row: Inquiry) -> dict[str, Any] | None:
    """Return what this inquiry booked before its outcome was written; None if the money was known before.

    Two processes may book one answer at the same time, or one may be killed between both steps.
    """
    statement = (
        select(C2bConfirmation, Payment)
        .outerjoin(Payment, Payment.id == C2bConfirmation.payment_id)
        .where(C2bConfirmation.receipt == row.receipt, C2bConfirmation.source == Evidence.STATUS)
        .where(C2bConfirmation.received_at >= row.created_at)
    )
    with runtime.database.read() as session:
        found = session.execute(statement).one_or_none()
        if found is None:
            return None
        confirmation: C2bConfirmation = found[0]
        payment: Payment | None = found[1]
        if payment is not None and session.scalar(_moved_by_status(payment.id)) is None:
            return None
    if payment is None:
        waits = confirmation.fractional_id is None
        return {"booking": ReceiptBooking.WAITING if waits else ReceiptBooking.UNMATCHED}
    unmatched = payment.status == PaymentStatus.REVIEW
    why = _why(payment.failure_reason, payment.bill_reference_encrypted)
    return {
        "booking": ReceiptBooking.UNMATCHED if unmatched else ReceiptBooking.BOOKED,
        "booking_reason": why if unmatched else None,
        "payment_id": payment.id,
    }


def _moved_by_status(payment_id: str) -> Select[int]:
    """Return the query for a change of the payment's status that is based on a transaction status."""
    event = PaymentEvent
    of_status = (event.payment_id == payment_id, event.evidence == Evidence.STATUS)
    return select(event.id).where(*of_status, event.from_status.is_distinct_from(event.to_status)).limit(1)


def _refusal(reason: str) -> dict[str, Any]:
    return {"booking": ReceiptBooking.REFUSED, "booking_reason": reason[:512]}
