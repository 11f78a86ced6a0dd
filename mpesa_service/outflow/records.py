"""Approvals as admins see them: plain values, with the payee masked."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.counting import counted
from mpesa_service.domain.outflow import ApprovalStatus, Limit, OutflowKind
from mpesa_service.errors import NotFound
from mpesa_service.models import Approval


@dataclass(frozen=True)
class ApprovalRecord:
    """An action that waits for a second person, or the decision about it. `payee` is masked."""

    id: str
    kind: OutflowKind
    status: ApprovalStatus
    subject_id: str
    order_id: str | None
    amount: int
    payee: str | None
    limits: tuple[Limit, ...]
    reason: str | None
    requested_by: str
    created_at: datetime
    expires_at: datetime
    decided_by: str | None
    decided_at: datetime | None
    decided_why: str | None
    result_id: str | None
    parameters: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def sentence(self) -> str:
        """Say what is asked for, and its status."""
        words = f"{self.kind.replace('_', ' ')} of {counted(self.amount, 'shilling')}"
        return f"approval {self.id} ({words}) is {self.status}"


def approval_record(encryption: Encryption, row: Approval) -> ApprovalRecord:
    """Return the record of a row."""
    action = json.loads(encryption.decrypt(row.action_encrypted))
    return record_from(
        ApprovalRecord,
        row,
        kind=OutflowKind(row.kind),
        status=row.state,
        payee=action["payee"],
        limits=tuple(map(Limit, row.limits.split())),
        parameters=action["parameters"],
    )


def list_approvals(
    runtime: Runtime,
    limit: int = 50,
    after: str = "",
    status: ApprovalStatus | None = ApprovalStatus.WAITING,
    kind: OutflowKind | None = None,
) -> tuple[ApprovalRecord, ...]:
    """Return approvals, oldest first, after an id; by default those that wait. Without a status: all."""
    statement = select(Approval).where(Approval.id > after).order_by(Approval.id).limit(limit)
    if status is not None:
        statement = statement.where(Approval.status == status)
    if kind is not None:
        statement = statement.where(Approval.kind == kind)
    with runtime.database.read() as session:
        return tuple(approval_record(runtime.encryption, row) for row in session.scalars(statement))


def show_approval(runtime: Runtime, approval_id: str) -> ApprovalRecord:
    """Return an approval; raise NotFound."""
    with runtime.database.read() as session:
        return approval_record(runtime.encryption, find_approval(session, approval_id))


def find_approval(session: Session, approval_id: str) -> Approval:
    """Return the row of an approval; raise NotFound."""
    row = session.get(Approval, approval_id) if approval_id.isprintable() else None
    if row is None:
        raise NotFound("There is no such approval.")
    return row


def waiting_approvals(session: Session) -> tuple[int, datetime | None]:
    """Return how many actions wait, and when the first of them expires."""
    counted = select(func.count(), func.min(Approval.expires_at))
    number, first = session.execute(counted.where(Approval.status == ApprovalStatus.WAITING)).one()
    return int(number), first
