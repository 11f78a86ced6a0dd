"""The due time of the oldest open work, for each kind of work."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from mpesa_service.commands.command import Command
from mpesa_service.core import daraja_limiter, suspensions
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.callbacks import MAX_ATTEMPTS, InboxVerdict
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.orders import OrderStatus
from mpesa_service.domain.outflow import ApprovalStatus
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.inquiries.command import InquiryCommand
from mpesa_service.models import (
    Approval,
    C2bConfirmation,
    CallbackInbox,
    ExpectedOrder,
    Inquiry,
    Payment,
    Payout,
    PayoutBatch,
    RateLimiter,
    Refund,
    Statement,
    WebhookDelivery,
)
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand

Since = Callable[[Session], datetime | None]

_ROW_WAITS = exists().where(Payout.batch_id == PayoutBatch.id, Payout.status == PayoutStatus.WAITING)
_ORDER_WAITS = ExpectedOrder.status.in_((OrderStatus.OPEN, OrderStatus.PARTIALLY_PAID))
_FAILED = CallbackInbox.verdict == InboxVerdict.FAILED


def oldest_due(runtime: Runtime) -> tuple[datetime, str] | None:
    """Return the due time of the oldest open work, and its kind; None if there is no work."""
    with runtime.database.read() as session:
        found = [(since(session), what) for what, since in DUE]
    return min(((at, what) for at, what in found if at is not None), default=None)


def _first(at: InstrumentedAttribute[Any], *where: ColumnElement[bool]) -> Since:
    statement = select(func.min(at)).where(*where)
    return lambda session: session.scalar(statement)


def _unless_suspended(kind: type[Command[Any]], first: Since) -> Since:
    """Ignore work that is suspended: it waits for a person, not for a worker."""

    def since(session: Session) -> datetime | None:
        suspended = all(suspensions.is_in_force(session, name) for name in kind.suspensions)
        return None if suspended else first(session)

    return since


def _waiting_payouts(session: Session) -> datetime | None:
    """Return since when a payout could have been sent: the rate limit allowed it and no batch changed."""
    if suspensions.why_suspended(session, suspensions.PAYOUTS) is not None:
        return None
    last = select(func.max(PayoutBatch.served_at), func.max(PayoutBatch.updated_at))
    found = session.execute(last.where(PayoutBatch.status == BatchStatus.RUNNING, _ROW_WAITS)).one()
    times = [at for at in found if at is not None]
    limiter = session.get(RateLimiter, daraja_limiter.PAYMENTS_OUT)
    return max([*times, limiter.next_at] if times and limiter else times, default=None)


DUE: tuple[tuple[str, Since], ...] = (
    ("payment", _first(Payment.next_check_at)),
    ("refund", _unless_suspended(RefundCommand, _first(Refund.next_check_at))),
    ("payout in progress", _unless_suspended(PayoutCommand, _first(Payout.next_check_at))),
    ("waiting payout", _waiting_payouts),
    ("stopped batch", _first(PayoutBatch.updated_at, PayoutBatch.status == BatchStatus.STOPPED, _ROW_WAITS)),
    ("inquiry", _unless_suspended(InquiryCommand, _first(Inquiry.next_check_at))),
    ("unmatched C2B payment", _first(C2bConfirmation.retry_at)),
    ("order to expire", _first(ExpectedOrder.expires_at, _ORDER_WAITS)),
    ("approval to expire", _first(Approval.expires_at, Approval.status == ApprovalStatus.WAITING)),
    ("statement to apply", _first(Statement.next_check_at)),
    ("callback", _first(CallbackInbox.processed_at, _FAILED, CallbackInbox.attempts < MAX_ATTEMPTS)),
    ("event", _first(WebhookDelivery.due_at, WebhookDelivery.status == DeliveryStatus.WAITING)),
)
"""All work of the jobs, except the deletion of expired rows."""
