"""Making a payment of a C2B confirmation, or finding the payment that it confirms.

    a payment has the receipt         it says again what is known, or contradicts it
    a prompted payment fits           it is that payment's money
    several do, or only the payer     it waits, for the callback with the same receipt to name its payment
    differs
    an announced order fits           a new payment of that order
    it is not of whole shillings      listed as unmatched, and no payment
    nothing fits                      a new payment without an order, in review: a person must look

The receipt is unique among confirmations and among payments, so whatever comes at once, one of them books.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from mpesa_service.daraja import PayerKind
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence, Report
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.models.payments import Provider
from mpesa_service.models.statements import lock_payment, lock_payment_where
from mpesa_service.services.c2b_candidates import (
    Arrival,
    Candidate,
    Rank,
    find_candidates,
    have_asked,
    likeliest,
)
from mpesa_service.services.c2b_payments import RESULT_CODE, book_unprompted, typed_reference
from mpesa_service.services.c2b_unbookable import keep_unbookable
from mpesa_service.services.handled import Handled
from mpesa_service.services.results import apply_result
from mpesa_service.services.runtime import Runtime

LOOK_EVERY = timedelta(seconds=60)
LOOK_FOR = timedelta(minutes=10)
LOCK_TRIES = 3
SAID = "Confirmed by C2B"


def book(runtime: Runtime, session: Session, row: C2bConfirmation) -> Handled:
    """Book a confirmation that is not booked yet, or say when it is looked at again.

    The caller owns the transaction and the row, which he has just inserted or locked. Raises
    IntegrityError when another payment takes the receipt at the same moment; then try again.
    """
    if row.amount_cents % CENTS:
        return keep_unbookable(runtime, session, row)
    arrival, ours = arrival_of(runtime, row), is_ours(runtime, row.shortcode)
    now = runtime.clock()
    for _ in range(LOCK_TRIES):
        known = lock_payment_where(session, provider=Provider.MPESA, receipt=row.receipt)
        if known is not None:
            return _confirm(runtime, session, row, known)
        candidates = find_candidates(runtime, session, arrival) if ours else []
        if not _must_wait(arrival, candidates, now - row.received_at):
            chosen = likeliest(candidates)
            if not chosen:
                return _as_its_own(runtime, session, row, arrival, ours=ours)
            payment = lock_payment(session, chosen[0].payment_id)
            if payment.receipt is None and Rank.of(payment.state) is chosen[0].rank:
                return _confirm(runtime, session, row, payment)
    return _wait(session, row, candidates, now)


def is_ours(runtime: Runtime, shortcode: str) -> bool:
    """Tell whether this is the business number of this service, or its till."""
    return shortcode in {runtime.settings.mpesa_shortcode, runtime.settings.mpesa_till}


def arrival_of(runtime: Runtime, row: C2bConfirmation) -> Arrival:
    """Return what a confirmation of whole shillings tells, in the clear."""
    return Arrival(
        amount=row.amount_cents // CENTS,
        bill_reference=typed_reference(runtime.vault, row.bill_reference_encrypted),
        payer=runtime.vault.decrypt(row.payer_encrypted) if row.payer_encrypted else "",
        payer_kind=PayerKind(row.payer_kind),
        moved_at=row.transacted_at or row.received_at,
    )


def _must_wait(arrival: Arrival, candidates: Sequence[Candidate], age: timedelta) -> bool:
    """Tell whether the callback of the prompt should be given time to name its payment.

    In the end the likeliest one takes the money: it is of the same order and amount.
    """
    fitting = likeliest(candidates)
    clear = len(fitting) == 1 and arrival.names_something
    if clear or not candidates:
        return False
    paid = [one for one in fitting if one.rank is Rank.PAID]
    return age < LOOK_EVERY or (len(fitting) > 1 and len(paid) != 1 and age < LOOK_FOR)


def _as_its_own(
    runtime: Runtime, session: Session, row: C2bConfirmation, arrival: Arrival, *, ours: bool
) -> Handled:
    handled = book_unprompted(runtime, session, row, arrival, ours=ours)
    waits = handled.verdict is InboxVerdict.UNMATCHED
    # Once more: an order may be announced at this very moment, and neither has seen the other.
    row.look_at = runtime.clock() + LOOK_EVERY if waits else None
    return handled


def _wait(session: Session, row: C2bConfirmation, candidates: Sequence[Candidate], now: datetime) -> Handled:
    row.look_at = now + LOOK_EVERY
    have_asked(session, candidates, now)
    return Handled(InboxVerdict.NOTED, f"waits: {len(candidates)} payments may be meant")


def _confirm(runtime: Runtime, session: Session, row: C2bConfirmation, payment: Payment) -> Handled:
    """Tell a locked payment of the money that arrived."""
    row.payment_id, row.look_at = payment.id, None
    report = Report(
        evidence=Evidence.CONFIRMATION,
        outcome=Outcome.PAID,
        at=runtime.clock(),
        result_code=RESULT_CODE,
        result_desc=SAID,
        receipt=row.receipt,
        amount=row.amount_cents // CENTS,
    )
    decision = apply_result(session, runtime.vault, payment, report, None)
    return Handled(InboxVerdict(decision.verdict), decision.reason, payment.id)
