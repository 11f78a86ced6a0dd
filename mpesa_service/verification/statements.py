"""The invariants of statements: what an applied statement shows is booked, day by day, and nothing else is
called proven.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, and_, exists, func, or_, select, text, tuple_
from sqlalchemy.orm import aliased

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.counting import counted
from mpesa_service.domain.discrepancies import DiscrepancyKind
from mpesa_service.domain.money import shillings
from mpesa_service.domain.reports import Evidence
from mpesa_service.domain.statement_files import mismatch
from mpesa_service.domain.statements import LineKind, StatementStatus
from mpesa_service.domain.states import PAID, PaymentStatus, RefundStatus
from mpesa_service.models import (
    C2bConfirmation,
    Discrepancy,
    Payment,
    Payout,
    Refund,
    Statement,
    StatementLineRow,
)
from mpesa_service.models.open_discrepancies import is_open
from mpesa_service.models.payments import Provider
from mpesa_service.models.statement_differences import mismatches, proven_files
from mpesa_service.models.withdrawn_money import withdrawn_money
from mpesa_service.verification.common import BATCH, Tally, Violation

NAIROBI = ZoneInfo("Africa/Nairobi")
PAGE = 5_000
CENTS = 100
Line = StatementLineRow
_NO_MOVE = (LineKind.CHARGE, LineKind.NOT_COMPLETED, LineKind.SWEEP, LineKind.WITHDRAWAL)
"""Kinds of lines that are not the money of a refund or payout, even with its receipt."""
RECEIPTS_NAMED = 5


@dataclass
class Day:
    """The income of a day in cents, by the statements and by the record, and receipts that differ."""

    statement: int = 0
    booked: int = 0
    receipts: list[str] = field(default_factory=list)


Days = defaultdict[tuple[str, str, date], Day]


def verify_statements(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation of the rules of statements."""
    days: Days = defaultdict(Day)
    for page in _income(runtime):
        tally.counts["statement lines"] += len(page)
        for row in page:
            yield from statement_income_is_booked(row)
            _count(days, row)
    yield from statement_days_add_up(days)
    yield from statement_evidence_has_its_line(runtime)
    yield from reversed_money_is_decided(runtime)
    yield from disputed_amounts_are_decided(runtime)
    yield from lines_have_their_statement(runtime)
    yield from statement_agrees_with_commands(runtime)
    yield from statements_do_not_contradict(runtime)
    yield from withdrawn_money_is_in_review(runtime)
    yield from statement_rows_are_understood(runtime)
    with runtime.database.read() as session:
        waiting = select(func.count()).select_from(Discrepancy).where(is_open())
        tally.counts["discrepancies"] += session.scalar(waiting) or 0


def statement_income_is_booked(row: Row[Any]) -> Iterator[Violation]:
    """Every line of income of an applied statement is a payment, or money that waits or is fractional."""
    if row.paid is None and row.reported is None:
        sentence = f"line {row.row_number} of {row.statement_id} shows income that is not booked"
        yield Violation(statement_income_is_booked.__name__, row.receipt, sentence)


def _count(days: Days, row: Row[Any]) -> None:
    """Add a line to its day. What differs was sent to review, where a person decides."""
    booked = row.paid * CENTS if row.paid is not None else row.reported
    if booked is None or row.outcome == "reviewed" or row.disputed_cents is not None:
        return
    day = days[row.shortcode, row.account, row.completed_at.astimezone(NAIROBI).date()]
    day.statement += row.amount_cents
    day.booked += booked
    if row.amount_cents != booked and len(day.receipts) < RECEIPTS_NAMED:
        day.receipts.append(row.receipt)


def statement_days_add_up(days: Days) -> Iterator[Violation]:
    """The income of each day is the same by the statements and by the record."""
    for (shortcode, account, day), sums in sorted(days.items()):
        if sums.statement != sums.booked:
            subject = f"{shortcode} {account} {day}".replace("  ", " ")
            shown, booked = shillings(sums.statement), shillings(sums.booked)
            sentence = (
                f"the statements show {shown} shillings of income, and the record has {booked} of the same"
                f" receipts. Compare these in the portal, and apply the statement again:"
                f" {', '.join(sums.receipts)}"
            )
            yield Violation(statement_days_add_up.__name__, subject, sentence)


def _income(runtime: Runtime) -> Iterator[Sequence[Any]]:
    """Yield the lines of income of applied statements, a page at a time, with what is booked of each."""
    after = ("", 0)
    other = aliased(Line)
    moved = exists().where(
        other.receipt == Line.receipt,
        other.amount_cents == -Line.amount_cents,
        other.kind.not_in([LineKind.CHARGE, LineKind.NOT_COMPLETED, LineKind.REVERSAL]),
    )
    statement = (
        select(
            *(Line.statement_id, Line.row_number, Line.receipt, Line.completed_at, Line.amount_cents),
            *(Line.outcome, Line.account, Statement.shortcode),
            Payment.amount.label("paid"),
            C2bConfirmation.amount_cents.label("reported"),
            C2bConfirmation.disputed_cents,
        )
        .join(Statement, Statement.id == Line.statement_id)
        .outerjoin(Payment, and_(Payment.provider == Provider.MPESA, Payment.receipt == Line.receipt))
        .outerjoin(C2bConfirmation, C2bConfirmation.receipt == Line.receipt)
        .where(Statement.status == StatementStatus.APPLIED, Line.kind == LineKind.PAYMENT)
        .where(Statement.withdrawn_at.is_(None))
        .where(Line.amount_cents > 0, or_(Payment.id.is_not(None), ~moved))
        .order_by(Line.statement_id, Line.row_number)
        .limit(PAGE)
    )
    while True:
        following = tuple_(Line.statement_id, Line.row_number) > after
        with runtime.database.read() as session:
            page: Sequence[Any] = session.execute(statement.where(following)).all()
        if not page:
            return
        yield page
        after = (page[-1].statement_id, page[-1].row_number)


def statement_evidence_has_its_line(runtime: Runtime) -> Iterator[Violation]:
    """A payment whose evidence is a statement is on a line of a statement."""
    shown = exists().where(Line.receipt == Payment.receipt)
    unproven = (
        select(Payment.id, Payment.receipt)
        .where(Payment.evidence == Evidence.STATEMENT, ~shown)
        .order_by(Payment.id)
        .limit(BATCH)
    )
    with runtime.database.read() as session:
        found = session.execute(unproven).all()
    for payment_id, receipt in found:
        sentence = f"its evidence is a statement, but no statement shows {receipt}"
        yield Violation(statement_evidence_has_its_line.__name__, payment_id, sentence)


def reversed_money_is_decided(runtime: Runtime) -> Iterator[Violation]:
    """No paid payment was reversed in the portal without a decision of a person."""
    ours = exists().where(
        Refund.payment_id == Payment.id,
        Refund.method == RefundMethod.REVERSAL,
        or_(
            Refund.receipt == Line.receipt,
            and_(Refund.receipt.is_(None), Refund.status != RefundStatus.FAILED),
        ),
    )
    statement = (
        select(Payment.id, Line.receipt, Line.statement_id)
        .join(Payment, and_(Payment.provider == Provider.MPESA, Payment.receipt == Line.linked_receipt))
        .where(text("statement_lines.kind = 'reversal'"), Line.amount_cents < 0, Line.outcome.is_(None))
        .where(Payment.status.in_(PAID), ~ours)
        .limit(BATCH)
    )
    with runtime.database.read() as session:
        found = session.execute(statement).all()
    for payment_id, receipt, statement_id in found:
        sentence = (
            f"{receipt} reverses it in the portal: apply statement {statement_id}, then decide in review"
        )
        yield Violation(reversed_money_is_decided.__name__, payment_id, sentence)


def disputed_amounts_are_decided(runtime: Runtime) -> Iterator[Violation]:
    """A person has decided about each receipt that two sources report with different amounts."""
    waiting = or_(Payment.id.is_(None), Payment.status == PaymentStatus.REVIEW)
    statement = (
        select(C2bConfirmation.receipt, C2bConfirmation.amount_cents, C2bConfirmation.disputed_cents)
        .outerjoin(Payment, Payment.id == C2bConfirmation.payment_id)
        .where(C2bConfirmation.disputed_cents.is_not(None), C2bConfirmation.closed_at.is_(None), waiting)
        .limit(BATCH)
    )
    with runtime.database.read() as session:
        found = session.execute(statement).all()
    for receipt, first, later in found:
        assert later is not None  # noqa: S101 - the query says so
        amounts = f"{shillings(first)} at first, and {shillings(later)} later"
        sentence = f"M-Pesa reported {amounts}: decide in review"
        yield Violation(disputed_amounts_are_decided.__name__, receipt, sentence)


def lines_have_their_statement(runtime: Runtime) -> Iterator[Violation]:
    """Each line belongs to a stored statement; the table has no foreign key."""
    known = exists().where(Statement.id == Line.statement_id)
    with runtime.database.read() as session:
        found = session.scalars(select(Line.statement_id).where(~known).distinct().limit(BATCH)).all()
    for statement_id in found:
        sentence = "lines name this statement, which does not exist"
        yield Violation(lines_have_their_statement.__name__, statement_id, sentence)


def statement_agrees_with_commands(runtime: Runtime) -> Iterator[Violation]:
    """A refund or payout whose receipt is on an applied statement succeeded, with the line's amount.

    Or the statement sent it to review, and a person decides.
    """
    for table, what in ((Refund, "refund"), (Payout, "payout")):
        differing = (
            select(
                *(table.id, table.amount, table.status),
                *(Line.receipt, Line.amount_cents, Line.statement_id),
            )
            .join(Line, Line.receipt == table.receipt)
            .join(Statement, Statement.id == Line.statement_id)
            .where(Statement.status == StatementStatus.APPLIED, Line.kind.not_in(_NO_MOVE))
            .where(Statement.withdrawn_at.is_(None))
            .where(or_(table.amount * CENTS != -Line.amount_cents, table.status != "succeeded"))
            .where(table.status != "review", Line.outcome.is_(None))
            .order_by(table.id)
            .limit(BATCH)
        )
        with runtime.database.read() as session:
            found = session.execute(differing).all()
        for id_, amount, status, receipt, cents, statement_id in found:
            shown = f"a statement shows {shillings(cents)} for the {what} {receipt}"
            record = f"the record has {shillings(-amount * CENTS)} ({status})"
            sentence = f"{shown}, and {record}: apply statement {statement_id} again, then decide in review"
            yield Violation(statement_agrees_with_commands.__name__, id_, sentence)


def statements_do_not_contradict(runtime: Runtime) -> Iterator[Violation]:
    """No two files of one account that prove the same time have other lines, if one of them is applied."""
    with runtime.database.read() as session:
        files = proven_files(session)
    with runtime.database.reading() as connection:
        for one, other, found in mismatches(connection, files):
            sentence = mismatch(other, found)
            yield Violation(statements_do_not_contradict.__name__, one.id, sentence)


def withdrawn_money_is_in_review(runtime: Runtime) -> Iterator[Violation]:
    """Money that only withdrawn statements show waits for a person."""
    with runtime.database.reading() as connection:
        found = [money for money in withdrawn_money(connection) if not money.waits]
    for money in found[:BATCH]:
        sentence = (
            f"only a withdrawn statement shows its receipt {money.receipt}, and it is not in review: withdraw"
            f" the statement again (mpesa statements list), and each such payment goes to review"
        )
        yield Violation(withdrawn_money_is_in_review.__name__, money.payment_id or money.receipt, sentence)


def statement_rows_are_understood(runtime: Runtime) -> Iterator[Violation]:
    """No applied statement has rows that may be money and were not understood, unless another one proves its
    time, it is withdrawn, or a person has closed the discrepancy.
    """
    unread = (Discrepancy.kind == DiscrepancyKind.UNREAD, is_open())
    statement = select(Statement.id, Statement.name, Statement.unread_count, Discrepancy.id).join(
        Discrepancy, Discrepancy.statement_id == Statement.id
    )
    with runtime.database.read() as session:
        found = session.execute(statement.where(*unread).order_by(Statement.id).limit(BATCH)).all()
    for statement_id, name, count, discrepancy_id in found:
        sentence = (
            f"{counted(count, 'row')} of {name} that may be money could not be read: import a readable"
            f" file of its time, or withdraw it, or close the discrepancy {discrepancy_id}"
        )
        yield Violation(statement_rows_are_understood.__name__, statement_id, sentence)
