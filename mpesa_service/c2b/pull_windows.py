"""Which window of time a pull reads, and whether an empty answer can be true."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.pull_numbers import prompts_pay, pulled_numbers
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.states import PAID
from mpesa_service.errors import InvalidRequest
from mpesa_service.models import C2bConfirmation, Payment, Pull
from mpesa_service.models.payments import Channel
from mpesa_service.models.pulls import PullStatus

SERVED = timedelta(hours=48)
"""M-Pesa serves no older rows (Safaricom's portal documentation)."""
OVERLAP = timedelta(minutes=30)
"""Windows overlap, because a row may appear later than its time says."""
LATE_BY = timedelta(minutes=5)
"""Money of the last minutes proves nothing: its row may not be there yet."""
TOO_OLD = "M-Pesa serves only the last 48 hours. Only a statement proves older times."

SET_UP = (
    "Pulls are off. Set MPESA_PULL=true and MPESA_PULL_PHONE (the number in M-Pesa's portal: Organization,"
    " Details), and start the service and the worker again."
)
"""What an operator does to start pulls."""


@dataclass(frozen=True)
class Window:
    """The time to read. `gap_from`: from there to `start`, nothing was read, and M-Pesa serves it no more."""

    start: datetime
    end: datetime
    gap_from: datetime | None = None


def next_window(session: Session, shortcode: str, now: datetime) -> Window:
    """Return the window from the end of what was read completely, less an overlap, to now."""
    horizon = now - SERVED
    complete = (
        select(Pull)
        .where(Pull.shortcode == shortcode, Pull.status == PullStatus.COMPLETE, Pull.window_to > horizon)
        .order_by(Pull.window_from)
    )
    until = _covered_until(session.scalars(complete).all(), horizon)
    if until > horizon:
        return Window(max(until - OVERLAP, horizon), now)
    last = select(func.max(Pull.window_to)).where(
        Pull.shortcode == shortcode, Pull.status == PullStatus.COMPLETE, Pull.window_to < horizon
    )
    return Window(horizon, now, session.scalar(last))


def _covered_until(pulls: Sequence[Pull], horizon: datetime) -> datetime:
    """Return the end of the time that was read without a break. `pulls` are in the order of their begin."""
    until = horizon
    for pull in pulls:
        if pull.window_from <= until:
            until = max(until, pull.window_to)
    return until


def given_window(start: datetime | None, end: datetime | None, now: datetime) -> Window | None:
    """Return the window that an operator names, or None. Raises InvalidRequest."""
    if start is None and end is None:
        return None
    end = min(end or now, now)
    start = start or max(end - SERVED, now - SERVED)
    if start >= end:
        raise InvalidRequest("The window must end after it begins.", code="invalid_window")
    if start < now - SERVED - LATE_BY:
        raise InvalidRequest(TOO_OLD, code="window_too_old")
    return Window(start, end)


_POSTED = (Evidence.CALLBACK, Evidence.CONFIRMATION)
"""Evidence of money that M-Pesa has posted, and that no pull or later source has shown."""


def money_arrived(runtime: Runtime, session: Session, shortcode: str, window: Window) -> bool:
    """Return whether M-Pesa has posted money of this shortcode and window: then a pull finds it.

    If the service has two numbers, only money counts that the pull of the other number did not show.
    """
    settings = runtime.settings
    start, end = window.start, window.end - LATE_BY
    moved_at = func.coalesce(C2bConfirmation.transacted_at, C2bConfirmation.received_at)
    confirmed = select(C2bConfirmation.id).where(
        C2bConfirmation.shortcode == shortcode,
        C2bConfirmation.source == Evidence.CONFIRMATION,
        moved_at >= start,
        moved_at < end,
    )
    if len(pulled_numbers(settings)) > 1:
        confirmed = confirmed.join(Payment, Payment.id == C2bConfirmation.payment_id)
        confirmed = confirmed.where(Payment.evidence.in_(_POSTED))
    if session.scalar(confirmed.limit(1)) is not None:
        return True
    if shortcode != prompts_pay(settings):
        return False
    prompted = select(Payment.id).where(
        Payment.channel == Channel.STK,
        Payment.receipt.is_not(None),
        Payment.status.in_(PAID),
        func.coalesce(Payment.paid_at, Payment.completed_at) >= start,
        func.coalesce(Payment.paid_at, Payment.completed_at) < end,
        Payment.evidence.in_(_POSTED),
    )
    return session.scalar(prompted.limit(1)) is not None
