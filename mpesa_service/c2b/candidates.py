"""Which STK payments a C2B confirmation may report.

M-Pesa also confirms an STK payment to a shortcode with registered C2B addresses, under the account reference
that the prompt showed (documented). The confirmation of a till has no reference (documented), so the payer
must agree. The callback and the confirmation have the same receipt, and either may arrive first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import Arrival
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind, payer_matches
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.references import first_id
from mpesa_service.domain.schedule import CHECK_INTERVAL_LIMIT
from mpesa_service.domain.states import OPEN, PAID, PaymentStatus
from mpesa_service.models import Payment, PaymentEvent
from mpesa_service.models.payments import Channel, Provider

MOST = 50
PROMPT_WINDOW = timedelta(hours=1)
"""Since the push: the money of a prompt moves within minutes, and later money is other money."""
CLOCKS_DIFFER_BY = timedelta(minutes=5)


class Rank(IntEnum):
    """Which of several candidates is the likeliest, the first one first."""

    PAID = 1
    """Daraja reported that it is paid, but its receipt is unknown."""
    OPEN = 2
    REVIEW = 3
    UNPAID = 4

    @classmethod
    def of(cls, status: PaymentStatus) -> "Rank":
        if status in PAID:
            return cls.PAID
        if status in OPEN:
            return cls.OPEN
        return cls.REVIEW if status is PaymentStatus.REVIEW else cls.UNPAID


@dataclass(frozen=True)
class Candidate:
    """A payment that agrees in reference, amount and time; `payer_agrees` is None if it is unknown."""

    payment_id: str
    rank: Rank
    created_at: datetime
    payer_agrees: bool | None


def find_candidates(runtime: Runtime, arrival: Arrival) -> list[Candidate]:
    """Return the candidates without a receipt, the likeliest and oldest first; locks nothing."""
    columns = (Payment.id, Payment.status, Payment.created_at, Payment.phone_encrypted)
    latest = Payment.created_at.desc(), Payment.id.desc()
    statement = select(*columns).where(*_fits(arrival)).order_by(*latest).limit(MOST)
    with runtime.database.read() as session:
        found = [
            Candidate(
                payment_id,
                Rank.of(PaymentStatus(status)),
                created_at,
                _agrees(arrival, runtime.encryption.decrypt(phone or b"")),
            )
            for payment_id, status, created_at, phone in session.execute(statement)
            if status != PaymentStatus.REVIEW
            or created_at >= arrival.moved_at - PROMPT_WINDOW
            or _is_unresolved(session, payment_id)
        ]
    return sorted(found, key=lambda one: (one.rank, one.created_at, one.payment_id))


def _is_unresolved(session: Session, payment_id: str) -> bool:
    """Return whether a payment is in review only because its outcome was never reported."""
    latest = (
        select(PaymentEvent.cause)
        .where(PaymentEvent.payment_id == payment_id, PaymentEvent.refund_id.is_(None))
        .where(PaymentEvent.from_status != PaymentEvent.to_status)
        .order_by(PaymentEvent.sequence.desc())
        .limit(1)
    )
    return session.scalar(latest) == "unresolved"


def _fits(arrival: Arrival) -> list[ColumnElement[bool]]:
    undecided = Payment.status.in_([*OPEN, PaymentStatus.REVIEW])
    of_a_prompt = Payment.id >= first_id(arrival.moved_at - PROMPT_WINDOW)
    typed = arrival.bill_reference.strip()
    shown = Payment.account_reference.in_([typed, typed.upper()])
    named = [or_(Payment.reference_key == reference_key(typed), shown), or_(undecided, of_a_prompt)]
    return [
        Payment.provider == Provider.MPESA,
        Payment.channel == Channel.STK,
        Payment.receipt.is_(None),
        Payment.amount == arrival.amount,
        Payment.id < first_id(arrival.moved_at + CLOCKS_DIFFER_BY),
        *(named if arrival.names_something else [of_a_prompt]),
    ]


def _agrees(arrival: Arrival, phone: str) -> bool | None:
    """Compare the payer; a hash that differs says nothing, for what v1 hashes is not documented."""
    matches = payer_matches(arrival.payer, arrival.payer_kind, phone)
    if matches is False and arrival.payer_kind is PayerKind.HASHED:
        matches = None
    return bool(matches) if not arrival.names_something else matches


def likeliest(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return those whose payer agrees, or, when none surely does, those whose payer may agree."""
    sure = [one for one in candidates if one.payer_agrees]
    return sure or [one for one in candidates if one.payer_agrees is None]


def check_open_soon(runtime: Runtime, candidates: Sequence[Candidate], now: datetime) -> None:
    """Make the open payments due for a query. Skip those that another process has locked."""
    statement = (
        select(Payment)
        .where(Payment.id.in_([one.payment_id for one in candidates if one.rank is Rank.OPEN]))
        .where(Payment.checkout_id_hash.is_not(None))
        .with_for_update(skip_locked=True)
        .execution_options(populate_existing=True)
    )
    with runtime.database.begin() as session:
        for payment in session.scalars(statement):
            earliest = max(now, (payment.last_checked_at or payment.created_at) + CHECK_INTERVAL_LIMIT)
            payment.next_check_at = min(payment.next_check_at or earliest, earliest)
