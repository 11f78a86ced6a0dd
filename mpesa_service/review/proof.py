"""What M-Pesa's transaction status says of a receipt, before an operator settles a payment with it."""

import json

from sqlalchemy import select

from mpesa_service.c2b.reported_money import IS_OUTGOING, NothingArrived, outgoing_kind, reported_money
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import InquiryKind
from mpesa_service.domain.money import CENTS, shillings
from mpesa_service.errors import Conflict
from mpesa_service.models import Inquiry
from mpesa_service.models.inquiries import InquiryStatus


def proven_cents(runtime: Runtime, receipt: str | None) -> int | None:
    """Return the money that M-Pesa reports for a receipt, in cents; None if M-Pesa was not asked about it.

    Raises Conflict if it is the receipt of a refund or payout, or if M-Pesa says that no money arrived here
    with it.
    """
    if receipt is None:
        return None
    latest = (
        select(Inquiry)
        .where(Inquiry.kind == InquiryKind.STATUS, Inquiry.receipt == receipt)
        .where(Inquiry.status == InquiryStatus.ANSWERED)
        .order_by(Inquiry.id.desc())
        .limit(1)
    )
    with runtime.database.read() as session:
        outgoing = outgoing_kind(session, receipt)
        row = session.scalars(latest).one_or_none()
    if outgoing is not None:
        raise Conflict(IS_OUTGOING.format(outgoing), code="receipt_taken")
    if row is None or row.answer_encrypted is None:
        return None
    answer = json.loads(runtime.encryption.decrypt(row.answer_encrypted))
    try:
        return reported_money(runtime, receipt, answer).cents
    except NothingArrived as refused:
        message = f"M-Pesa does not confirm receipt {receipt}. {refused}"
        raise Conflict(message, code="receipt_refused") from None


def check_proof(asked: int, settled: int, receipt: str | None, proven: int | None) -> None:
    """Raise Conflict if a payment cannot be settled with that amount, in shillings; `proven` is in cents.

    A person alone cannot say that more arrived than was asked for: only M-Pesa can. And what M-Pesa says of
    the receipt counts more than what the person says.
    """
    if proven is not None and proven != settled * CENTS:
        raise Conflict(
            f"M-Pesa says that {shillings(proven)} shillings arrived with receipt {receipt}, not {settled}.",
            code="receipt_amount_differs",
        )
    if proven is None and settled > asked:
        ask = f"mpesa status {receipt}" if receipt else "mpesa status RECEIPT"
        raise Conflict(
            f"This payment was asked for {asked}. To settle it with more, give the receipt, after M-Pesa has"
            f" confirmed it. Ask M-Pesa: {ask}, or GET /api/mpesa/transactions/RECEIPT.",
            code="receipt_unproven",
        )
