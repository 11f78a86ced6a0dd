"""Refuses to pay out money that only a C2B confirmation reported, and that M-Pesa must confirm first."""

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.domain.confirmation_checks import CheckResult
from mpesa_service.errors import Conflict
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.payments.proven import reported_by_mpesa


def refuse_unchecked(session: Session, payment: Payment) -> None:
    """Raise Conflict if the money of a payment waits for M-Pesa's word, or M-Pesa refutes it."""
    refuted = C2bConfirmation.check_result == CheckResult.REFUTED
    statement = select(C2bConfirmation.receipt, refuted).where(
        C2bConfirmation.payment_id == payment.id, or_(C2bConfirmation.check_at.is_not(None), refuted)
    )
    found = session.execute(statement.order_by(refuted.desc()).limit(1)).first()
    if found is None or reported_by_mpesa(session, payment.id):
        return
    receipt, is_refuted = found
    if is_refuted:
        raise Conflict(
            f"M-Pesa does not confirm that this money came (receipt {receipt}), so none of it is paid out.",
            code="confirmation_refuted",
        )
    raise Conflict(
        "M-Pesa must confirm this money before any of it is paid out. The service asks by itself: try again"
        f" in a few minutes, or see: mpesa status {receipt}",
        code="confirmation_unchecked",
    )
