"""A person decides that a statement's file is wrong: it proves nothing any more, and contradicts nothing.

What was booked from it stays, but a payment that nothing else shows goes to review, where a person decides. A
discrepancy that nothing else shows is closed.
"""

import logging

from sqlalchemy import update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Statement
from mpesa_service.statements.only_withdrawn import review_only_withdrawn
from mpesa_service.statements.records import StatementRecord, get_statement
from mpesa_service.statements.withdrawn_discrepancies import close_withdrawn

audit = logging.getLogger("mpesa_service.audit")
NOT_AT_REST = "The statement is being read or applied. Wait until that ends."


def withdraw_statement(
    runtime: Runtime, principal: Principal, statement_id: str, reason: str
) -> StatementRecord:
    """Withdraw a statement, send the payments that nothing else shows to review, and close its discrepancies.

    To apply it again ends all three.

    If the process is stopped, withdraw the statement again.
    Raises NotFound, and Conflict while the statement is read or applied.
    """
    get_statement(runtime, statement_id)
    working = (StatementStatus.READING, StatementStatus.APPLYING)
    values = {
        "withdrawn_at": runtime.clock(),
        "withdrawn_by": principal.subject,
        "withdrawal_reason": reason,
    }
    at_rest = (Statement.id == statement_id, Statement.status.not_in(working))
    with runtime.database.begin() as session:
        done = session.execute(
            update(Statement).where(*at_rest).values(values).returning(Statement.id)
        ).first()
    if done is None:
        raise Conflict(NOT_AT_REST, code="statement_in_progress")
    extra = {"statement_id": statement_id, "actor": principal.subject, "reason": reason}
    audit.info("statement withdrawn", extra=extra)
    record = get_statement(runtime, statement_id)
    review_only_withdrawn(runtime, principal, record)
    close_withdrawn(runtime, principal, record)
    return record
