"""The invariants of commands: what M-Pesa reports about them, and when they are suspended."""

from collections.abc import Iterator, Sequence

from sqlalchemy import or_, select

from mpesa_service.core import suspensions
from mpesa_service.core.circuit_breaker import UNKNOWN_CODES_IN_A_ROW
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import UnreadableCallback, parse_command_result
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.states import PayoutStatus, RefundStatus
from mpesa_service.models import CallbackInbox, Payout, Refund, UnknownCodeCount
from mpesa_service.verification.common import BATCH, Violation


def verify_commands(runtime: Runtime) -> Iterator[Violation]:
    """Yield every violation that the database alone shows."""
    yield from waiting_settles_nothing(runtime)
    yield from unknown_codes_suspend(runtime)


def waiting_settles_nothing(runtime: Runtime) -> Iterator[Violation]:
    """No refund or payout has failed by a message after which M-Pesa sends another one (`ResultType` 1)."""
    after = 0
    while rows := _applied_to_failed(runtime, after):
        after = rows[-1].id
        for row in rows:
            try:
                final = parse_command_result(runtime.encryption.decrypt_bytes(row.body_encrypted)).final
            except UnreadableCallback:  # a time-out, whose body is the request
                continue
            if not final:
                sentence = f"a message that is not final was applied (callback {row.post_id or row.id})"
                subject = str(row.refund_id or row.payout_id)
                yield Violation(waiting_settles_nothing.__name__, subject, sentence)


def _applied_to_failed(runtime: Runtime, after: int) -> Sequence[CallbackInbox]:
    failed = or_(Refund.status == RefundStatus.FAILED, Payout.status == PayoutStatus.FAILED)
    kinds = (CallbackKind.COMMAND_RESULT, CallbackKind.COMMAND_STATUS_RESULT)
    statement = (
        select(CallbackInbox)
        .outerjoin(Refund, Refund.id == CallbackInbox.refund_id)
        .outerjoin(Payout, Payout.id == CallbackInbox.payout_id)
        .where(CallbackInbox.verdict == InboxVerdict.APPLIED, CallbackInbox.kind.in_(kinds), failed)
        .where(CallbackInbox.id > after)
        .order_by(CallbackInbox.id)
        .limit(BATCH)
    )
    with runtime.database.read() as session:
        return session.scalars(statement).all()


def unknown_codes_suspend(runtime: Runtime) -> Iterator[Violation]:
    """A kind of command that ended with the same unknown code too often in a row is suspended."""
    often = UnknownCodeCount.in_a_row >= UNKNOWN_CODES_IN_A_ROW
    with runtime.database.read() as session:
        for count in session.scalars(select(UnknownCodeCount).where(often).order_by(UnknownCodeCount.name)):
            if not suspensions.is_in_force(session, count.name):
                sentence = f"{count.in_a_row} results had the unknown code {count.result_code}: not suspended"
                yield Violation(unknown_codes_suspend.__name__, count.name, sentence)
