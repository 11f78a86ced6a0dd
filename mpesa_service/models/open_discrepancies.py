"""The condition for discrepancies that wait for a person."""

from sqlalchemy import ColumnElement, and_, exists, func, or_
from sqlalchemy.orm import aliased

from mpesa_service.domain.commands import NOT_PAID
from mpesa_service.domain.discrepancies import STATEMENT_WITHDRAWN, DiscrepancyKind
from mpesa_service.domain.statements import LineKind, StatementStatus
from mpesa_service.domain.states import PAID
from mpesa_service.models.discrepancies import Discrepancy, DiscrepancyCandidate
from mpesa_service.models.orders import C2bConfirmation
from mpesa_service.models.payments import Payment, Provider, Refund
from mpesa_service.models.payouts import Payout
from mpesa_service.models.portal import Statement, StatementLineRow, StatementSharedLine


def is_open() -> ColumnElement[bool]:
    """Return the condition: nobody has closed it, and nothing that came later explains its line.

    A refund or payout may receive the line's receipt later, and money that the line reverses may arrive. A
    payout of a statement waits while one of its candidates is not paid. Income waits until its receipt is
    booked, and rows that were not read until their statement is withdrawn, or another one proves its time. A
    paid payment that a statement lacks waits until an applied one shows it, or the first one is withdrawn.
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
        or_(Discrepancy.kind != DiscrepancyKind.ABSENT, _is_absent()),
    )


def _is_absent() -> ColumnElement[bool]:
    """Return the condition: the payment is paid, its statement counts, and no applied one shows it."""
    lacking, other, line = aliased(Statement), aliased(Statement), aliased(StatementLineRow)
    shared = exists().where(
        StatementSharedLine.statement_id == other.id,
        StatementSharedLine.receipt == line.receipt,
        StatementSharedLine.line_hash == line.line_hash,
    )
    shown = exists().where(
        line.receipt == Discrepancy.receipt,
        line.amount_cents > 0,
        line.kind != LineKind.NOT_COMPLETED,
        other.status == StatementStatus.APPLIED,
        other.withdrawn_at.is_(None),
        or_(other.id == line.statement_id, shared),
    )
    return and_(
        exists().where(Payment.id == Discrepancy.resource_id, Payment.status.in_(PAID)),
        exists().where(lacking.id == Discrepancy.statement_id, lacking.withdrawn_at.is_(None)),
        ~shown,
    )


def is_withdrawn() -> ColumnElement[bool]:
    """Return the condition: the withdrawal of a statement has closed it, not a person's own decision."""
    return func.coalesce(Discrepancy.closed_why, "").startswith(STATEMENT_WITHDRAWN)


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
