"""A person decides that a statement's file is wrong: it proves nothing any more, and contradicts nothing.

What was booked from it stays: money is moved or failed by decisions on payments, never by a file that leaves.
"""

import logging

from sqlalchemy import update

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.statements import StatementStatus
from mpesa_service.errors import Conflict
from mpesa_service.models import Statement
from mpesa_service.statements.records import StatementRecord, get_statement

log = logging.getLogger(__name__)
NOT_AT_REST = "The statement is being read or applied. Wait until that ends."


def withdraw_statement(
    runtime: Runtime, principal: Principal, statement_id: str, reason: str
) -> StatementRecord:
    """Withdraw a statement. To apply it again ends that.

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
    log.warning(
        "statement withdrawn",
        extra={"statement_id": statement_id, "actor": principal.subject, "reason": reason},
    )
    return get_statement(runtime, statement_id)
