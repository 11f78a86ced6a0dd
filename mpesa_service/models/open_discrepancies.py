"""The condition for discrepancies that wait for a person."""

from sqlalchemy import ColumnElement, and_, exists, or_

from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.models.discrepancies import Discrepancy, DiscrepancyCandidate
from mpesa_service.models.payments import Refund
from mpesa_service.models.payouts import Payout
from mpesa_service.models.portal import StatementLineRow


def is_open() -> ColumnElement[bool]:
    """Return the condition: nobody has closed it, and nothing that came later explains its line.

    A refund or payout may receive the line's receipt later, and money that the line reverses may arrive. A
    payout of a statement waits while one of its candidates is not paid.
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
    )


def _has_candidate(table: type[Refund] | type[Payout]) -> ColumnElement[bool]:
    return exists().where(
        DiscrepancyCandidate.discrepancy_id == Discrepancy.id,
        table.id == DiscrepancyCandidate.resource_id,
        table.status.in_(NOT_PAID),
    )
