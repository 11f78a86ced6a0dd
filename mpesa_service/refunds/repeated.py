"""Refuses a refund that looks like one that was requested shortly before."""

from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.counting import counted
from mpesa_service.domain.moments import local_text
from mpesa_service.domain.states import REFUND_OPEN, RefundStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Payment, Refund
from mpesa_service.refunds.terms import Terms

REPEATED_WITHIN = timedelta(minutes=15)
"""An equal refund within this time is taken for a command that was run twice."""
_NOT_PAID = RefundStatus.FAILED


def refuse_repeated(
    session: Session, encryption: Encryption, payment: Payment, terms: Terms, now: datetime
) -> None:
    """Raise Conflict if an equal refund of a locked payment is open, in review, or REPEATED_WITHIN old.

    Equal means: the same amount to the same number. A reversal goes to the payer. A refund that failed moved
    no money, so it does not count.
    """
    unsettled = Refund.status.in_({*REFUND_OPEN, RefundStatus.REVIEW})
    statement = (
        select(Refund)
        .where(Refund.payment_id == payment.id, Refund.amount == terms.amount, Refund.status != _NOT_PAID)
        .where(or_(unsettled, Refund.created_at > now - REPEATED_WITHIN))
        .order_by(Refund.created_at.desc(), Refund.id.desc())
    )
    receiver = _receiver(encryption, payment, terms.phone)
    for earlier in session.scalars(statement):
        if _receiver(encryption, payment, earlier.phone_encrypted) == receiver:
            raise _repeated(earlier)


def _receiver(encryption: Encryption, payment: Payment, phone: bytes | None) -> str | None:
    """Return the number that a refund goes to; None for a payer whose number is not known."""
    known = phone or payment.phone_encrypted
    return encryption.decrypt(known) if known else None


def _repeated(earlier: Refund) -> Conflict:
    requested = local_text(earlier.created_at)
    amount = counted(earlier.amount, "shilling")
    return Conflict(
        f"An equal refund was requested before: refund {earlier.id} of {amount} is"
        f" {earlier.state.public}, requested {requested}.",
        code="refund_repeated",
        details={"refundId": earlier.id, "status": earlier.state.public, "requestedAt": requested},
    )
