"""The condition for discrepancies that wait for a person."""

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.orm import aliased

from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.models.discrepancies import Discrepancy, DiscrepancyCandidate
from mpesa_service.models.orders import C2bConfirmation
from mpesa_service.models.payments import Payment, Provider, Refund
from mpesa_service.models.payouts import Payout
from mpesa_service.models.portal import Statement, StatementLineRow


def is_open() -> ColumnElement[bool]:
    """Return the condition: nobody has closed it, and nothing that came later explains its line.

    A refund or payout may receive the line's receipt later, and money that the line reverses may arrive. A
    payout of a statement waits while one of its candidates is not paid. Income waits until its receipt is
    booked, and rows that were not read until their statement is withdrawn, or another one proves its time.
    """
    known = or_(
        exists().where(Refund.receipt == Discrepancy.receipt),
        exists().where(Payout.receipt == Discrepancy.receipt),
        exists().where(
            StatementLineRow.statement_id == Discrepancy.statement_id,
            StatementLineRow.row_number == Discrepancy.row_number,
            StatementLineRow.outcome.is_not(None),
        ),
    )
    return and_(
        Discrepancy.closed_at.is_(None),
        or_(Discrepancy.statement_id.is_(None), ~known),
        or_(Discrepancy.kind != DiscrepancyKind.PAYOUT, _has_candidate(Refund), _has_candidate(Payout)),
        or_(
            Discrepancy.kind != DiscrepancyKind.INCOME,
            ~or_(
                exists().where(Payment.provider == Provider.MPESA, Payment.receipt == Discrepancy.receipt),
                exists().where(C2bConfirmation.receipt == Discrepancy.receipt),
            ),
        ),
        or_(Discrepancy.kind != DiscrepancyKind.UNREAD, _counts_and_is_not_covered()),
    )


def _counts_and_is_not_covered() -> ColumnElement[bool]:
    """Return the condition: the statement is not withdrawn, and no other one proves its whole time."""
    mine, other = aliased(Statement), aliased(Statement)
    end = func.coalesce(other.period_to, other.last_at)
    covered = exists().where(
        other.id != mine.id,
        other.status == StatementStatus.APPLIED,
        other.balanced.is_(True),
        other.withdrawn_at.is_(None),
        other.shortcode == mine.shortcode,
        func.lower(other.account) == func.lower(mine.account),
        func.coalesce(other.period_from, other.first_at) <= func.coalesce(mine.period_from, mine.first_at),
        end >= func.coalesce(mine.period_to, mine.last_at),
        # A file says nothing of what came after it was written.
        or_(other.created_at >= mine.created_at, end <= other.created_at),
    )
    return exists().where(mine.id == Discrepancy.statement_id, mine.withdrawn_at.is_(None), ~covered)


def _has_candidate(table: type[Refund] | type[Payout]) -> ColumnElement[bool]:
    return exists().where(
        DiscrepancyCandidate.discrepancy_id == Discrepancy.id,
        table.id == DiscrepancyCandidate.resource_id,
        table.status.in_(NOT_PAID),
    )
