"""A refund as a command: a payout to the phone that paid."""

from collections.abc import Mapping
from datetime import datetime
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.daraja import B2cPayment, CommandAccepted
from mpesa_service.models import Payment, Refund
from mpesa_service.models.statements import lock_payment, lock_refund_where
from mpesa_service.services import holds
from mpesa_service.services.commands.command import Addresses, Command
from mpesa_service.services.commands.reports import Report
from mpesa_service.services.refund_books import hold_again, release_refund, settle_refund
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import Cause, move_refund, note

REMARKS = "Refund"


class RefundCommand(Command[Refund]):
    """A refund, its payment locked before it."""

    name = "refund"
    holds = (holds.REFUNDS,)

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
            .where(Refund.ask_at <= now)
            .order_by(Refund.ask_at)
            .limit(1)
            .with_for_update(of=Payment, skip_locked=True)
        )
        found = session.scalars(due).first()
        return None if found is None else cls.lock(session, id=found)

    @property
    def ids(self) -> Mapping[str, str]:
        return {"payment_id": self.payment.id, "refund_id": self.row.id}

    @property
    def amount(self) -> int:
        return self.row.amount

    def post(self, runtime: Runtime, addresses: Addresses) -> CommandAccepted:
        return runtime.daraja.b2c_payment(
            B2cPayment(
                originator_conversation_id=self.row.originator_conversation_id,
                amount=self.row.amount,
                msisdn=runtime.vault.decrypt(self.row.phone_encrypted or b""),
                remarks=REMARKS,
                occasion=self.row.id,
                result_url=addresses.result,
                timeout_url=addresses.timeout,
            )
        )

    def may_resend(self, runtime: Runtime) -> bool:
        return runtime.settings.mpesa_b2c_version == "v3"

    def move(self, edge: str, cause: Cause) -> None:
        move_refund(self.session, self.payment, self.row, f"refund_{edge}", cause)

    def note(self, what: str, cause: Cause) -> None:
        note(self.session, self.payment, f"refund_{what}", cause, self.row)

    def settle(self, report: Report, cause: Cause) -> None:
        settle_refund(self.session, self.payment, self.row, report.receipt, "refund_paid", cause)

    def release(self, reason: str, edge: str, cause: Cause) -> None:
        release_refund(self.session, self.payment, self.row, reason, f"refund_{edge}", cause)

    def reopen(self, *, paid: bool) -> None:
        hold_again(self.payment, self.row, paid=paid)

    def receipt_taken(self, receipt: str) -> bool:
        statement = select(Refund.id).where(Refund.receipt == receipt, Refund.id != self.row.id)
        return self.session.execute(statement).first() is not None

    def keep_receipt(self, receipt: str) -> None:
        self.row.receipt = self.row.receipt or receipt
