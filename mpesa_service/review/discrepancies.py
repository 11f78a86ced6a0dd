"""Discrepancies: listed, and closed by a person with a reason, who may say whose money a line is."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import typed_reference
from mpesa_service.c2b.booking import send_to_review
from mpesa_service.commands.command import Command
from mpesa_service.core.apply import apply_to
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.commands import Stage
from mpesa_service.domain.discrepancies import WORDS, DiscrepancyKind
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.money import shillings
from mpesa_service.domain.phones import mask_reference
from mpesa_service.domain.plans import Plan, Update
from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import normal_receipt
from mpesa_service.domain.reports import Verdict
from mpesa_service.errors import Conflict, InvalidRequest, NotFound
from mpesa_service.models import Discrepancy, Payment
from mpesa_service.models.open_discrepancies import is_open
from mpesa_service.models.payments import Provider
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.refunds.command import RefundCommand
from mpesa_service.review.candidates import Candidate, candidates_of, named
from mpesa_service.review.payments import operator_cause

log = logging.getLogger("mpesa_service.audit")

_NOT_DECIDABLE = (
    "This refund or payout is not in review and has not failed. If M-Pesa has not reported its result, wait."
)


@dataclass(frozen=True)
class DiscrepancyRecord:
    """A discrepancy as admins see it. `account` is what the repeated confirmation names, masked."""

    id: str
    kind: DiscrepancyKind
    receipt: str
    amount: str
    sentence: str
    resource_id: str | None
    candidates: tuple[Candidate, ...]
    account: str | None
    statement_id: str | None
    row_number: int | None
    created_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_why: str | None
    belongs_to: str | None


def list_discrepancies(runtime: Runtime, limit: int = 50, after: str = "") -> tuple[DiscrepancyRecord, ...]:
    """Return discrepancies that wait for a person: oldest first, after an id."""
    statement = (
        select(Discrepancy).where(is_open(), Discrepancy.id > after).order_by(Discrepancy.id).limit(limit)
    )
    with runtime.database.read() as session:
        rows = session.scalars(statement).all()
        return _records(session, runtime.encryption, rows)


def close_discrepancy(
    runtime: Runtime, principal: Principal, discrepancy_id: str, reason: str, belongs_to: str | None = None
) -> DiscrepancyRecord:
    """Close a discrepancy with a reason.

    `belongs_to` says whose money the line is: the receipt or id of the payment that was reversed, or the id
    of the refund or payout that was paid, or the absent payment. Then that one goes to review, where a person
    settles or fails it.

    Raises NotFound, Conflict if it is closed already, and InvalidRequest for a reason that is missing or for
    a `belongs_to` that does not fit.
    """
    cause = operator_cause(runtime, principal, reason)
    row = _find(runtime, discrepancy_id)
    if row.closed_at is not None:
        raise _closed()
    target = None
    if belongs_to is not None and row.kind == DiscrepancyKind.REVERSAL:
        target = _review_payment(runtime, row, belongs_to, cause)
    elif belongs_to is not None and row.kind == DiscrepancyKind.ABSENT:
        target = _review_absent(runtime, row, belongs_to, cause)
    elif belongs_to is not None and row.kind == DiscrepancyKind.PAYOUT:
        target = _review_command(runtime, row, belongs_to, cause)
    elif belongs_to is not None:
        raise InvalidRequest("This discrepancy is not about the money of a line.", code="belongs_to_nothing")
    with runtime.database.begin() as session:
        found = session.get_one(Discrepancy, row.id, with_for_update=True)
        if found.closed_at is not None:
            raise _closed()
        found.closed_at, found.closed_by, found.closed_why = cause.at, cause.actor, reason.strip()
        found.belongs_to = target
        session.flush()
        log.info("discrepancy closed", extra={"discrepancy_id": found.id, "actor": cause.actor})
        [record] = _records(session, runtime.encryption, [found])
        return record


def _closed() -> Conflict:
    return Conflict("Somebody has closed it before.", code="already_closed")


def _find(runtime: Runtime, discrepancy_id: str) -> Discrepancy:
    found = None
    if discrepancy_id.isprintable():  # PostgreSQL takes no NUL in a text
        with runtime.database.read() as session:
            found = session.get(Discrepancy, discrepancy_id)
    if found is None:
        raise NotFound("There is no such discrepancy.", code="discrepancy_not_found")
    return found


def _review_payment(runtime: Runtime, row: Discrepancy, named: str, cause: Cause) -> str:
    """Send the payment that a line reverses to review; return its id."""
    with runtime.database.read() as session:
        payment_id = _payment_of(session, named)
    undone = PortalReversal(str(row.statement_id), row.row_number or 0, row.receipt, row.amount_cents)

    def decide(facts: PaymentFacts) -> Plan:
        change = PaymentChange(facts)
        send_to_review(change, undone.reason, cause)
        mark = Update(
            "statement_lines",
            undone.marked.where,
            {"outcome": "reviewed", "linked_receipt": facts.receipt},
            required=False,
        )
        return replace(change.plan(Verdict.DISPUTED, undone.reason), updates=(mark,))

    apply_to(runtime.database, payment_id, decide)
    return payment_id


def _review_absent(runtime: Runtime, row: Discrepancy, named: str, cause: Cause) -> str:
    """Send the payment that a statement lacks to review; return its id."""
    with runtime.database.read() as session:
        payment_id = _payment_of(session, named)
    if payment_id != row.resource_id:
        raise InvalidRequest("This discrepancy is about another payment.", code="belongs_to_nothing")
    reason = (
        f"M-Pesa's statement {row.statement_id} covers its time, and does not show its receipt {row.receipt}"
    )

    def decide(facts: PaymentFacts) -> Plan:
        change = PaymentChange(facts)
        send_to_review(change, reason, cause)
        return change.plan(Verdict.DISPUTED, reason)

    apply_to(runtime.database, payment_id, decide)
    return payment_id


def _payment_of(session: Session, named: str) -> str:
    receipt = Payment.receipt == normal_receipt(named)
    found = None
    if named.isprintable():
        statement = select(Payment.id).where(
            Payment.provider == Provider.MPESA, or_(Payment.id == named, receipt)
        )
        found = session.scalars(statement.where(Payment.receipt.is_not(None))).first()
    if found is None:
        raise NotFound("No payment has this receipt or id.")
    return found


def _review_command(runtime: Runtime, row: Discrepancy, named: str, cause: Cause) -> str:
    """Send the refund or payout whose money a line shows to review, if it is not there; return its id."""
    with runtime.database.begin() as session:
        command: Command[Any] | None = None
        if named.isprintable():
            command = RefundCommand.lock(session, id=named) or PayoutCommand.lock(session, id=named)
        if command is None:
            raise NotFound("No refund or payout has this id.")
        if command.row.status not in {Stage.FAILED, Stage.REVIEW}:
            raise Conflict(_NOT_DECIDABLE, code="not_failed")
        command.keep_receipt(row.receipt)
        shown = f"{shillings(-row.amount_cents)} paid out, receipt {row.receipt}"
        reason = f"Needs manual review: M-Pesa's statement shows {shown}"
        if command.row.status == Stage.REVIEW:
            command.row.failure_reason = f"{reason}."
            command.note("reported", cause)
        else:
            command.row.failure_reason = f"{reason}, and it failed here."
            command.reopen(paid=True)
            command.move("contradicted", cause)
        return str(command.row.id)


def _records(
    session: Session, encryption: Encryption, rows: Sequence[Discrepancy]
) -> tuple[DiscrepancyRecord, ...]:
    candidates = candidates_of(session, [row.id for row in rows]) if rows else {}
    return tuple(_record(encryption, row, candidates.get(row.id, ())) for row in rows)


def _record(encryption: Encryption, row: Discrepancy, candidates: tuple[Candidate, ...]) -> DiscrepancyRecord:
    kind = DiscrepancyKind(row.kind)
    perhaps = f": it may be {named(candidates)}" if candidates else ""
    return record_from(
        DiscrepancyRecord,
        row,
        kind=kind,
        amount=shillings(row.amount_cents),
        sentence=f"Needs manual review: {WORDS[kind]}{perhaps}.",
        candidates=candidates,
        account=mask_reference(typed_reference(encryption, row.account_encrypted)) or None,
    )
