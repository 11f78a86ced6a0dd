"""Retries to match C2B confirmations and unmatched money.

`retry_at` is the time of the next attempt. A worker moves it ahead before it starts, so that the row of a
killed worker is due again.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import arrival_of
from mpesa_service.c2b.booking import match_if_it_fits, typed_key
from mpesa_service.c2b.matching import MATCH_AGAIN_AFTER, TABLE, Booking, Confirmation
from mpesa_service.core.apply import NotCommitted
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.plans import Update
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.models.payments import Channel

log = logging.getLogger(__name__)


def match_due(runtime: Runtime, limit: int = 200) -> int:
    """Try to match the confirmations that are due, longest due first; return how many."""
    for done in range(limit):
        claim = _next(runtime)
        if claim is None:
            return done
        row_id, until = claim
        try:
            _match(runtime, row_id, until)
        except NotCommitted:
            log.info("a person decided on a payment while it was matched", extra={"confirmation_id": row_id})
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not match a confirmation", extra={"confirmation_id": row_id})
    return limit


def match_receipts(runtime: Runtime, receipts: Iterable[str]) -> None:
    """Try now to match the money of these receipts, of which a report has named what was missing."""
    for receipt in receipts:
        if (claim := _next(runtime, C2bConfirmation.receipt == receipt)) is not None:
            with suppress(NotCommitted):  # a person was faster
                _match(runtime, *claim)


def retry_references(runtime: Runtime, session: Session, references: Iterable[str], now: datetime) -> None:
    """Make C2B payments without an order due again, if their payers typed one of these references."""
    keys = [typed_key(runtime.encryption, reference_key(reference)) for reference in references]
    waiting = select(Payment.id).where(
        Payment.reference_key.in_(keys),
        Payment.order_id.is_(None),
        Payment.channel == Channel.C2B,
        Payment.status == PaymentStatus.REVIEW,
    )
    session.execute(
        update(C2bConfirmation).where(C2bConfirmation.payment_id.in_(waiting)).values(retry_at=now)
    )


def _next(runtime: Runtime, *where: ColumnElement[bool]) -> tuple[int, datetime] | None:
    """Claim the next confirmation that is due; return its id and the end of the claim."""
    now = runtime.clock()
    due = (
        select(C2bConfirmation)
        .where(C2bConfirmation.retry_at <= now, *where)
        .order_by(C2bConfirmation.retry_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with runtime.database.begin() as session:
        row = session.scalars(due).one_or_none()
        if row is None:
            return None
        row.retry_at = now + MATCH_AGAIN_AFTER
        return row.id, row.retry_at


def _match(runtime: Runtime, row_id: int, until: datetime) -> None:
    """Try to match a claimed confirmation. Raises NotCommitted if somebody has ended the claim meanwhile."""
    with runtime.database.read() as session:
        row = session.scalars(select(C2bConfirmation).where(C2bConfirmation.id == row_id)).one()
        confirmation = Confirmation.of_row(row)
    if row.payment_id is None:
        plan = Booking(runtime, confirmation).book()
        if plan is None:  # it is due again soon
            return
        about = {"confirmation_id": row.id, "verdict": str(plan.verdict), "reason": plan.reason}
        log.info("another attempt to match a confirmation", extra={**about, "payment_id": plan.payment_id})
        return
    # A person who undoes a match clears `retry_at`. The job must not match that money back.
    done = Update(TABLE, {"id": row.id, "retry_at": until}, {"retry_at": None})
    arrival = arrival_of(runtime.encryption, confirmation.columns)
    disputed = row.disputed_cents is not None
    match_if_it_fits(runtime, row.payment_id, arrival, confirmation.evidence, done, disputed=disputed)
