"""A refund as a command: a B2C payout to the phone that paid, or the reversal of the payment.

Daraja accepts no id of the service for a reversal, but reverses a receipt only once. So a reversal may be
sent again, and later reports need care: "already reversed" may refer to the first request, and a result may
name either request.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.commands.command import Command, PostedResult, Report, ResultAddresses
from mpesa_service.core.runtime import Runtime
from mpesa_service.core.suspensions import REFUNDS
from mpesa_service.daraja import ALREADY_REVERSED, B2cPayment, CommandAccepted, Reversal
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.commands import CommandType, RefundMethod
from mpesa_service.domain.reports import Evidence, Outcome
from mpesa_service.domain.states import RefundStatus
from mpesa_service.models import Payment, PaymentEvent, Refund
from mpesa_service.models.statements import lock_payment, lock_refund_where
from mpesa_service.payments.transitions import move_refund, note
from mpesa_service.refunds.booking import release_refund, reserve_again, settle_refund

REMARKS = "Refund"
SENT_AGAIN = "sent_again"


class RefundCommand(Command[Refund]):
    """A refund. Its payment is locked before it."""

    name = "refund"
    table = Refund
    suspensions = (REFUNDS,)

    def __init__(self, session: Session, row: Refund, payment: Payment) -> None:
        super().__init__(session, row)
        self.payment = payment

    @classmethod
    def lock(cls, session: Session, **columns: str) -> Self | None:
        row = lock_refund_where(session, **columns)
        return None if row is None else cls(session, row, lock_payment(session, row.payment_id))

    @classmethod
    def claim(cls, session: Session, now: datetime) -> Self | None:
        due = (
            select(Refund.id)
            .join(Payment, Refund.payment_id == Payment.id)
            .where(Refund.next_check_at <= now)
            .order_by(Refund.next_check_at)
            .limit(1)
            .with_for_update(of=Payment, skip_locked=True)
        )
        found = session.scalars(due).first()
        return None if found is None else cls.lock(session, id=found)

    @property
    def ids(self) -> Mapping[str, str]:
        return {"payment_id": self.payment.id, "refund_id": self.row.id}

    @property
    def command_type(self) -> CommandType:
        return CommandType.REVERSAL if self._reverses else CommandType.B2C_REFUND

    @property
    def amount(self) -> int:
        return self.row.amount

    @property
    def _reverses(self) -> bool:
        return self.row.method == RefundMethod.REVERSAL

    def post(self, runtime: Runtime, addresses: ResultAddresses) -> CommandAccepted:
        if self._reverses:
            return self._reverse(runtime, addresses)
        return runtime.daraja.b2c_payment(
            B2cPayment(
                originator_conversation_id=self.row.originator_conversation_id,
                amount=self.row.amount,
                msisdn=runtime.encryption.decrypt(self.row.phone_encrypted or b""),
                remarks=REMARKS,
                occasion=self.row.id,
                result_url=addresses.result,
                timeout_url=addresses.timeout,
            )
        )

    def _reverse(self, runtime: Runtime, addresses: ResultAddresses) -> CommandAccepted:
        return runtime.daraja.reverse(
            Reversal(
                receipt=self.payment.receipt or "",
                amount=self.row.amount,
                remarks=REMARKS,
                occasion=self.row.id,
                result_url=addresses.result,
                timeout_url=addresses.timeout,
            )
        )

    def may_resend(self, runtime: Runtime) -> bool:
        return self._reverses or runtime.settings.mpesa_b2c_version == "v3"

    def party(self, runtime: Runtime) -> str | None:
        return runtime.settings.mpesa_shortcode if self._reverses else None

    def before_resend(self, cause: Cause) -> None:
        if self._reverses:
            self.note(SENT_AGAIN, cause)

    def recognizes(self, result: PostedResult) -> bool:
        original = result.report.source.original_receipt if self._reverses else None
        if original is not None:
            return bool(original == self.payment.receipt)
        return super().recognizes(result) or self._was_sent_again()

    def inconclusive_reason(self, report: Report) -> str | None:
        unsure = report.result_code == ALREADY_REVERSED or report.evidence is Evidence.STATUS
        if report.outcome is not Outcome.PAID and unsure and self._was_sent_again():
            return "it was sent more than once, and another request may have succeeded"
        return None

    def handle_late_report(self, report: Report, _cause: Cause) -> tuple[InboxVerdict, str] | None:
        reason = self.inconclusive_reason(report)
        return (
            None if reason is None or self.row.state is RefundStatus.REVIEW else (InboxVerdict.NOTED, reason)
        )

    def _was_sent_again(self) -> bool:
        """Return whether it was sent more than once. Only reversals have such a note."""
        sent_again = select(PaymentEvent.id).where(
            PaymentEvent.refund_id == self.row.id, PaymentEvent.cause == f"refund_{SENT_AGAIN}"
        )
        return self.session.execute(sent_again.limit(1)).first() is not None

    def move(self, edge: str, cause: Cause) -> None:
        move_refund(self.session, self.payment, self.row, f"refund_{edge}", cause)

    def note(self, what: str, cause: Cause) -> None:
        note(self.session, self.payment, f"refund_{what}", cause, self.row)

    def settle(self, report: Report, cause: Cause) -> None:
        settle_refund(self.session, self.payment, self.row, report.receipt, "refund_paid", cause)

    def release(self, reason: str, edge: str, cause: Cause) -> None:
        release_refund(self.session, self.payment, self.row, reason, f"refund_{edge}", cause)

    def reopen(self, *, paid: bool) -> None:
        reserve_again(self.payment, self.row, paid=paid)
