"""Applies a statement: books the income that is missing, sends what differs to review, raises the evidence.

Each step can be repeated: money is booked once by its receipt, a payment in review stays there, and evidence
only rises. So a process that is killed, and the next one that goes on, do nothing twice.
"""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import or_, select, update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.errors import Conflict, InvalidRequest, ServiceError
from mpesa_service.models import Statement
from mpesa_service.statements.booking import book_missing, name_accounts
from mpesa_service.statements.contradicted import review_absent
from mpesa_service.statements.differing import review_differing
from mpesa_service.statements.evidence import raise_evidence
from mpesa_service.statements.matching import Outcome, shares_of
from mpesa_service.statements.only_withdrawn import settle_again
from mpesa_service.statements.other_files import mismatches_with_applied
from mpesa_service.statements.outgoing_times import state_times
from mpesa_service.statements.records import StatementRecord, get_statement
from mpesa_service.statements.report import compare
from mpesa_service.statements.unexplained import (
    report_absent,
    report_income,
    report_unexplained,
    report_unread,
)

log = logging.getLogger(__name__)
LEASE = timedelta(minutes=2)
"""A process that applies a statement renews its lease as it goes on."""
MAX_ATTEMPTS = 5
"""A statement whose application fails so often waits for a person."""
RETRY_AFTER = timedelta(minutes=1)
STOPPED = "Its worker was stopped each time before the end."
RENEW_EVERY = 100
"""Lines."""
BALANCE_BROKEN = (
    "The statement's balance is broken, or a sheet of the file was not read, so lines may be missing or"
    " changed. Correct the file or download it again, or apply it with a reason (`--accept-broken-balance`,"
    " or `acceptBrokenBalance` in the API)."
)
MISMATCH_NOT_ACCEPTED = (
    "{} If this file is right, withdraw the other one first. To apply both, give a reason"
    " (`--accept-mismatch`, or `acceptMismatch` in the API)."
)
MISMATCH_ACCEPTED = "It was applied although it contradicts an applied statement, by {}: {}"
UNREAD = "The statement is not read to its end. Import the file again."
Progress = Callable[[str, int], object]
"""Receives a step (`booked`, `unmatched`, `matched`, `reviewed`, `settled`, `raised`) and a number."""


def request_apply(
    runtime: Runtime,
    principal: Principal,
    statement_id: str,
    accepted: str | None = None,
    accepted_mismatch: str | None = None,
) -> StatementRecord:
    """Record that an admin applies a statement; the caller or a job does it.

    `accepted` is the reason to apply it with a broken balance, and `accepted_mismatch` the reason to apply it
    although it contradicts an applied statement.

    A statement that is applied already, or whose application failed, can be applied again: it does what is
    still to be done. So can one that was withdrawn: then it counts again. Raises InvalidRequest for a blank
    reason, NotFound, and Conflict if the statement is not read to its end, or if its balance is broken and
    there is no reason, or if it contradicts an applied statement and there is no reason for that.
    """
    for reason, what in ((accepted, "broken balance"), (accepted_mismatch, "contradiction")):
        if reason is not None and not reason.strip():
            raise InvalidRequest(f"Say why the {what} is accepted.", code="reason_needed")
    record = get_statement(runtime, statement_id)
    if record.status == StatementStatus.READING:
        raise Conflict(UNREAD, code="statement_unread")
    if record.balanced is False and not (accepted or record.broken_balance_reason):
        raise Conflict(BALANCE_BROKEN, code="balance_broken", details={"findings": record.findings})
    findings = _accept_mismatch(runtime, principal, record, accepted_mismatch)
    values: dict[str, Any] = {
        "findings": findings,
        "applied_by": principal.subject,
        "failure_reason": None,
        "progress": {},
        "apply_attempts": 0,
    }
    values |= dict.fromkeys(("withdrawn_at", "withdrawn_by", "withdrawal_reason"))
    values |= {"status": StatementStatus.APPLYING, "next_check_at": runtime.clock()}
    if accepted:
        values["broken_balance_reason"] = accepted
    idle = Statement.status != StatementStatus.APPLYING
    with runtime.database.begin() as session:
        session.execute(update(Statement).where(Statement.id == statement_id, idle).values(values))
    return get_statement(runtime, statement_id)


def _accept_mismatch(
    runtime: Runtime, principal: Principal, record: StatementRecord, accepted: str | None
) -> list[str]:
    """Return the statement's findings, with the reason to apply it although it contradicts an applied one.

    Raises Conflict if it does, and there is no reason.
    """
    if record.status == StatementStatus.APPLYING:
        return record.findings
    found = mismatches_with_applied(runtime, record)
    if not found:
        return record.findings
    if accepted is None:
        message = MISMATCH_NOT_ACCEPTED.format(found[0])
        raise Conflict(message, code="statement_contradicts", details={"findings": found})
    finding = MISMATCH_ACCEPTED.format(principal.subject, accepted.strip())
    return [*(one for one in record.findings if one != finding), finding]


def apply_statement(
    runtime: Runtime, statement_id: str, progress: Progress = lambda _, __: None
) -> StatementRecord:
    """Apply a statement that an admin has requested, to its end; return it with a new report.

    Two processes may apply the same statement: each line is done once.
    """
    record = get_statement(runtime, statement_id)
    done = {"reviewed": 0, "booked": 0, "unmatched": 0, "raised": 0}
    _renew(runtime, statement_id, done)

    def advance(step: str, count: int) -> None:
        before = sum(done.values())
        done[step] = done.get(step, 0) + count
        if before // RENEW_EVERY != sum(done.values()) // RENEW_EVERY:
            _renew(runtime, statement_id, done)
        progress(step, count)

    shares = shares_of(runtime, record)
    found = {share.outcome for share in shares}
    if Outcome.DIFFERS in found:
        review_differing(runtime, record, advance)
    review_absent(runtime, record, advance)
    if Outcome.MISSING in found:
        book_missing(runtime, record, advance)
    name_accounts(runtime, record, advance)
    if Outcome.ELSEWHERE in found:
        report_unexplained(runtime, record)
    settle_again(runtime, record, advance)
    if Outcome.UNCLEAR in found:
        report_income(runtime, record)
    report_unread(runtime, record)
    raise_evidence(runtime, record, advance)
    if any(share.outcome is Outcome.AGREES and share.withdrawn_cents for share in shares):
        state_times(runtime, record)
    _renew(runtime, statement_id, done)
    record = compare(runtime, get_statement(runtime, statement_id))
    if record.report["absent"]["count"]:
        report_absent(runtime, record)
    _end(runtime, statement_id, done)
    return get_statement(runtime, statement_id)


def apply_due(runtime: Runtime) -> int:
    """Apply the statements that admins requested and that no process works on; return how many.

    One that fails is tried again later, `MAX_ATTEMPTS` times. Then its status is `failed`, with the reason.
    """
    done = 0
    while (claim := _claim(runtime)) is not None:
        statement_id, attempts = claim
        try:
            if attempts <= MAX_ATTEMPTS:
                apply_statement(runtime, statement_id)
                done += 1
            else:  # a worker that was killed could not say so
                _set(runtime, statement_id, **_FAILED, failure_reason=STOPPED)
        except Exception as error:  # the others must not wait for a fault in this one
            log.exception("could not apply a statement", extra={"statement_id": statement_id})
            reason = error.message if isinstance(error, ServiceError) else type(error).__name__
            again = {"next_check_at": runtime.clock() + attempts * RETRY_AFTER}
            values = _FAILED if attempts == MAX_ATTEMPTS else again
            _set(runtime, statement_id, **values, failure_reason=reason[:512])
    return done


_FAILED: dict[str, Any] = {"status": StatementStatus.FAILED, "next_check_at": None}


def _claim(runtime: Runtime) -> tuple[str, int] | None:
    """Take the lease of one statement that is due; return its id and the number of this attempt."""
    now = runtime.clock()
    free = or_(Statement.next_check_at.is_(None), Statement.next_check_at <= now)
    due = select(Statement).where(Statement.status == StatementStatus.APPLYING, free)
    with runtime.database.begin() as session:
        found = session.scalar(due.order_by(Statement.id).limit(1).with_for_update(skip_locked=True))
        if found is None:
            return None
        found.next_check_at = now + LEASE
        found.apply_attempts = (found.apply_attempts or 0) + 1
        return found.id, found.apply_attempts


def _renew(runtime: Runtime, statement_id: str, done: dict[str, int]) -> None:
    _set(runtime, statement_id, next_check_at=runtime.clock() + LEASE, progress=dict(done))


def _end(runtime: Runtime, statement_id: str, done: dict[str, int]) -> None:
    now = runtime.clock()
    _set(
        runtime,
        statement_id,
        status=StatementStatus.APPLIED,
        applied_at=now,
        next_check_at=None,
        failure_reason=None,
        progress=dict(done),
    )


def _set(runtime: Runtime, statement_id: str, **values: Any) -> None:
    with runtime.database.begin() as session:
        session.execute(update(Statement).where(Statement.id == statement_id).values(values))
