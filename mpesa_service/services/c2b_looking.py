"""Looking again at C2B confirmations that nobody could place at first, and at money without an order.

`look_at` says when. Whoever takes one moves it ahead first, so that a killed one's is due again.
"""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.models import C2bConfirmation
from mpesa_service.models.statements import lock_payment
from mpesa_service.services.c2b_booking import LOOK_EVERY, arrival_of, book
from mpesa_service.services.c2b_payments import match_if_it_fits
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)


def look_due(runtime: Runtime, limit: int = 200) -> int:
    """Look at confirmations that are due, longest due first; return how many."""
    for done in range(limit):
        row_id = _next(runtime)
        if row_id is None:
            return done
        try:
            with runtime.database.begin() as session:
                _look(runtime, session, row_id)
        except Exception:  # the others must not wait for a fault in this one
            log.exception("could not look at a confirmation", extra={"confirmation_id": row_id})
    return limit


def _next(runtime: Runtime) -> int | None:
    now = runtime.clock()
    due = (
        select(C2bConfirmation)
        .where(C2bConfirmation.look_at <= now)
        .order_by(C2bConfirmation.look_at)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    with runtime.database.begin() as session:
        row = session.scalars(due).one_or_none()
        if row is None:
            return None
        row.look_at = now + LOOK_EVERY
        return row.id


def _look(runtime: Runtime, session: Session, row_id: int) -> None:
    statement = select(C2bConfirmation).where(C2bConfirmation.id == row_id).with_for_update(key_share=True)
    row = session.scalars(statement).one()
    if row.payment_id is None:
        handled = book(runtime, session, row)
        about = {"confirmation_id": row.id, "verdict": str(handled.verdict), "reason": handled.reason}
        log.info("confirmation looked at again", extra={**about, "payment_id": handled.payment_id})
        return
    row.look_at = None
    payment = lock_payment(session, row.payment_id)
    match_if_it_fits(session, payment, arrival_of(runtime, row), runtime.clock())
