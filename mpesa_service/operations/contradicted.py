"""What the doctor says about payments, refunds and payouts that M-Pesa's reports contradict."""

from collections.abc import Iterator

from sqlalchemy import Exists, Select, exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import aliased

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import Payment, PaymentEvent, Payout, PayoutEvent, Refund

REVIEW_ADVICE = (
    "List them: mpesa review list. Compare each one with M-Pesa's portal, then decide with a reason: see"
    " docs/troubleshooting.md."
)
_PAYMENT = ("contradicted", "disputed")
_REFUND = ("refund_contradicted", "refund_reported")
_PAYOUT = ("payout_contradicted", "payout_reported")


def contradicted_finding(runtime: Runtime) -> str | None:
    """Return how many payments, refunds and payouts in review are contradicted, as a sentence, or None."""
    try:
        with runtime.database.read() as session:
            counts = [(session.scalar(counted), what) for what, counted in _counted()]
    except SQLAlchemyError:  # the doctor's check of the database says so
        return None
    words = ", ".join(f"{what}: {count}" for count, what in counts if count)
    return f"M-Pesa's reports contradict the record, and a person decides ({words})" if words else None


def _counted() -> Iterator[tuple[str, Select[int]]]:
    """Yield the rows in review with a mismatch that is newer than their last other change of status."""
    event, later = aliased(PaymentEvent), aliased(PaymentEvent)
    again = exists().where(
        *(later.payment_id == event.payment_id, later.sequence > event.sequence),
        *(later.from_status != later.to_status, later.refund_id.is_not_distinct_from(event.refund_id)),
    )
    own = (event.payment_id == Payment.id, event.refund_id.is_(None), event.cause.in_(_PAYMENT))
    yield "payments", _rows(Payment, exists().where(*own, ~again))
    of_refund = (event.payment_id == Refund.payment_id, event.refund_id == Refund.id)
    yield "refunds", _rows(Refund, exists().where(*of_refund, event.cause.in_(_REFUND), ~again))
    line, newer = aliased(PayoutEvent), aliased(PayoutEvent)
    changed = exists().where(
        *(newer.subject_id == line.subject_id, newer.sequence > line.sequence),
        newer.from_status != newer.to_status,
    )
    of_payout = (line.subject_id == Payout.id, line.cause.in_(_PAYOUT))
    yield "payouts", _rows(Payout, exists().where(*of_payout, ~changed))


def _rows(table: type[Payment] | type[Refund] | type[Payout], contradicted: Exists) -> Select[int]:
    return select(func.count()).select_from(table).where(table.status == "review", contradicted)
