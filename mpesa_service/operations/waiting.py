"""What the doctor says about callbacks, statements and mismatches that wait for a person."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.statement_files import mismatch
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.models import Statement
from mpesa_service.models.statement_differences import mismatches, proven_files
from mpesa_service.operations.contradicted import REVIEW_ADVICE, contradicted_finding
from mpesa_service.operations.discrepancies import DISCREPANCIES_ADVICE, discrepancies_finding
from mpesa_service.operations.unread import UNREAD_ADVICE, unread_finding

STATEMENTS_ADVICE = "Fix the cause, then: mpesa statements apply ID --by NAME. The worker's log says more."
MISMATCH_ADVICE = "See docs/statements.md, Files that contradict each other."


def what_waits(runtime: Runtime) -> Iterator[tuple[str, str, str]]:
    """Yield what waits for a person: its subject, a sentence, and advice."""
    if (unread := unread_finding(runtime)) is not None:
        yield "callbacks", unread, UNREAD_ADVICE
    if (contradicted := contradicted_finding(runtime)) is not None:
        yield "review", contradicted, REVIEW_ADVICE
    if (open_ones := discrepancies_finding(runtime)) is not None:
        yield "discrepancies", open_ones, DISCREPANCIES_ADVICE
    for found in _failed_statements(runtime):
        yield "statements", found, STATEMENTS_ADVICE
    for found in _mismatches(runtime):
        yield "statements", found, MISMATCH_ADVICE


def _failed_statements(runtime: Runtime) -> list[str]:
    """Return a sentence for each statement whose application failed too often."""
    statement = select(Statement).where(Statement.status == StatementStatus.FAILED).order_by(Statement.id)
    try:
        with runtime.database.read() as session:
            return [
                f"{one.id} ({one.name}) could not be applied: {one.failure_reason}"
                for one in session.scalars(statement)
            ]
    except SQLAlchemyError:  # the doctor's check of the database says so
        return []


def _mismatches(runtime: Runtime) -> list[str]:
    """Return a sentence for each pair of statements that contradict each other."""
    try:
        with runtime.database.read() as session:
            files = proven_files(session)
        with runtime.database.reading() as connection:
            return [
                f"{one.id} ({one.name}): {mismatch(other, found)}"
                for one, other, found in mismatches(connection, files)
            ]
    except SQLAlchemyError:  # the doctor's check of the database says so
        return []
