"""A payout as a command: to a phone by B2C, to a Pochi la Biashara, or to a business."""

from datetime import datetime, timedelta

from mpesa_service.commands.command import Command, Report, ResultAddresses
from mpesa_service.core import daraja_limiter
from mpesa_service.core.provider_errors import Failure
from mpesa_service.core.runtime import Runtime
from mpesa_service.core.suspensions import OUT_OF_MONEY, PAYOUTS, suspend
from mpesa_service.daraja import (
    B2bCommand,
    B2bPayment,
    B2cPayment,
    CommandAccepted,
    DarajaError,
    InvalidToken,
    NotSent,
    NotSetUp,
    Throttled,
)
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.commands import CommandType, PayoutType
from mpesa_service.models import Payout
from mpesa_service.payouts.transitions import move_payout, note_payout

OUR_ACCOUNT_IS_SHORT = "1"
BACK_OFF = timedelta(seconds=30)
"""How long payouts wait after one that M-Pesa did not process, if M-Pesa gives no time."""

_BUSINESS_COMMANDS = {
    PayoutType.PAYBILL: B2bCommand.PAY_BILL,
    PayoutType.BUY_GOODS: B2bCommand.BUY_GOODS,
}
_TYPES = {
    PayoutType.B2C: CommandType.B2C_PAYOUT,
    PayoutType.B2POCHI: CommandType.POCHI_PAYOUT,
    PayoutType.PAYBILL: CommandType.PAYBILL_PAYOUT,
    PayoutType.BUY_GOODS: CommandType.TILL_PAYOUT,
}


class PayoutCommand(Command[Payout]):
    """One row of a batch. What M-Pesa surely did not take waits again; its batch is not locked for that."""

    name = "payout"
    table = Payout
    suspensions = (PAYOUTS,)

    @property
    def command_type(self) -> CommandType:
        return _TYPES[PayoutType(self.row.type)]

    @property
    def amount(self) -> int:
        return self.row.amount

    @property
    def first_sent_at(self) -> datetime:
        return self.row.first_sent_at or self.row.created_at

    def post(self, runtime: Runtime, addresses: ResultAddresses) -> CommandAccepted:
        party = runtime.encryption.decrypt(self.row.party_encrypted)
        kind = PayoutType(self.row.type)
        if kind in _BUSINESS_COMMANDS:
            return runtime.daraja.b2b_payment(self._to_business(runtime, kind, party, addresses))
        message = self._to_phone(runtime, party, addresses)
        if kind is PayoutType.B2POCHI:
            return runtime.daraja.b2pochi_payment(message)
        return runtime.daraja.b2c_payment(message)

    def _to_phone(self, runtime: Runtime, party: str, addresses: ResultAddresses) -> B2cPayment:
        return B2cPayment(
            originator_conversation_id=self.row.originator_conversation_id,
            amount=self.row.amount,
            msisdn=party,
            command=self.row.command,
            remarks=self.row.remarks,
            occasion=self._account(runtime) or self.row.id,
            result_url=addresses.result,
            timeout_url=addresses.timeout,
        )

    def _to_business(
        self, runtime: Runtime, kind: PayoutType, party: str, addresses: ResultAddresses
    ) -> B2bPayment:
        return B2bPayment(
            command=_BUSINESS_COMMANDS[kind],
            amount=self.row.amount,
            party=party,
            account_reference=self._account(runtime),
            remarks=self.row.remarks,
            occasion=self.row.id,
            result_url=addresses.result,
            timeout_url=addresses.timeout,
        )

    def _account(self, runtime: Runtime) -> str:
        encrypted = self.row.account_reference_encrypted
        return runtime.encryption.decrypt(encrypted) if encrypted else ""

    def may_resend(self, runtime: Runtime) -> bool:
        """Daraja takes our id once for a Pochi, and for B2C v3; a business payment carries none."""
        kind = PayoutType(self.row.type)
        return kind is PayoutType.B2POCHI or (
            kind is PayoutType.B2C and runtime.settings.mpesa_b2c_version == "v3"
        )

    def move(self, edge: str, cause: Cause) -> None:
        move_payout(self.session, self.row, f"payout_{edge}", cause)

    def note(self, what: str, cause: Cause) -> None:
        note_payout(self.session, self.row, f"payout_{what}", cause)

    def settle(self, report: Report, cause: Cause) -> None:
        self.row.receipt = report.receipt or self.row.receipt
        self.row.failure_reason = None
        self.move("paid", cause)

    def release(self, reason: str, edge: str, cause: Cause) -> None:
        self.row.failure_reason = reason[:512]
        if self.row.result_code == OUR_ACCOUNT_IS_SHORT:
            why = "M-Pesa says that our account is short of money. Top it up, then resume payouts."
            suspend(self.session, OUT_OF_MONEY, why, cause.at)
        self.move(edge, cause)

    def refuse(self, error: DarajaError, failure: Failure, cause: Cause) -> None:
        if isinstance(error, InvalidToken | NotSetUp):
            suspend(self.session, PAYOUTS, failure.description, cause.at)
        elif isinstance(error, NotSent | Throttled):
            until = cause.at + _back_off_for(error)
            daraja_limiter.back_off(self.session, daraja_limiter.PAYMENTS_OUT, until)
        else:
            super().refuse(error, failure, cause)
            return
        self.move("requeued", cause)

    def reopen(self, *, paid: bool) -> None:
        """Nothing is booked elsewhere: the row itself is the book."""


def _back_off_for(error: DarajaError) -> timedelta:
    seconds = error.retry_after if isinstance(error, Throttled) else None
    return timedelta(seconds=seconds) if seconds else BACK_OFF
