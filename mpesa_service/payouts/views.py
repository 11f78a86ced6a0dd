"""Batches and their rows as admins see them: plain values, with phone numbers masked."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.core import suspensions
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import BatchStatus, PayoutType
from mpesa_service.domain.payout_batches import seconds_left
from mpesa_service.domain.payouts import TO_PHONES
from mpesa_service.domain.phones import mask_msisdn, mask_reference
from mpesa_service.domain.states import PayoutStatus
from mpesa_service.errors import NotFound
from mpesa_service.models import Payout, PayoutBatch
from mpesa_service.outflow.records import ApprovalRecord, approval_record
from mpesa_service.payouts.outflow import approval_of

PAGE = 500
"""Rows of a result that are in memory at a time."""


@dataclass(frozen=True)
class BatchRecord:
    id: str
    reference: str
    description: str
    status: str
    row_count: int
    total_amount: int
    needs_approval: bool
    created_by: str
    approved_by: str | None
    approved_at: datetime | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None


@dataclass
class Share:
    """How many rows of a batch are in one status, and the sum of their amounts."""

    count: int = 0
    amount: int = 0


@dataclass(frozen=True)
class Progress:
    """A batch and its progress: its rows by status, with every status that clients see.

    `suspension_reason` says why nothing is sent at present, if all payouts are suspended. `seconds_left` is
    the time for the waiting rows at the present rate limit, None if none will be sent. `approval` is what
    waits for a second person, or that person's decision; None if the batch needs none.
    """

    batch: BatchRecord
    suspension_reason: str | None
    seconds_left: int | None
    approval: ApprovalRecord | None
    rows: dict[str, Share] = field(default_factory=dict)


@dataclass(frozen=True)
class PayoutRecord:
    """One row. Of `phone` (masked) and `business_number` one is set."""

    id: str
    batch_id: str
    row_number: int
    type: str
    command: str | None
    phone: str | None
    business_number: str | None
    amount: int
    account_reference: str | None
    remarks: str
    status: str
    evidence: str | None
    receipt: str | None
    conversation_id: str | None
    result_code: str | None
    result_desc: str | None
    failure_reason: str | None
    created_at: datetime
    updated_at: datetime
    completed_at: datetime | None
    paid_at: datetime | None
    paid_at_source: str | None


def list_batches(
    runtime: Runtime, limit: int = 50, before: str | None = None, status: BatchStatus | None = None
) -> tuple[BatchRecord, ...]:
    """Return batches, newest first; `before` is the id of the last one of the page before."""
    statement = select(PayoutBatch).order_by(PayoutBatch.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(PayoutBatch.id < before)
    if status is not None:
        statement = statement.where(PayoutBatch.status == status)
    with runtime.database.read() as session:
        return tuple(record_from(BatchRecord, batch) for batch in session.scalars(statement))


def batch_progress(runtime: Runtime, batch_id: str) -> Progress:
    """Return a batch and how far it is; raise NotFound."""
    with runtime.database.read() as session:
        return progress_of(runtime, session, find_batch(session, batch_id))


def list_rows(
    runtime: Runtime, batch_id: str, limit: int = 100, after: int = 0, status: str | None = None
) -> tuple[PayoutRecord, ...]:
    """Return rows of a batch in their order, those after row `after`; raise NotFound.

    `status` is one that clients see: `pending` are those that are being sent, too.
    """
    with runtime.database.read() as session:
        find_batch(session, batch_id)
        return _rows(runtime.encryption, session, batch_id, limit, after, status)


def all_rows(runtime: Runtime, batch_id: str) -> Iterator[PayoutRecord]:
    """Yield every row of a batch as it stands, a page in memory at a time; raise NotFound at once."""
    page = list_rows(runtime, batch_id, PAGE)

    def rows(page: tuple[PayoutRecord, ...]) -> Iterator[PayoutRecord]:
        while page:
            yield from page
            page = list_rows(runtime, batch_id, PAGE, page[-1].row_number)

    return rows(page)


def find_batch(session: Session, batch_id: str) -> PayoutBatch:
    """Return a batch; raise NotFound."""
    batch = session.get(PayoutBatch, batch_id) if batch_id.isprintable() else None
    if batch is None:
        raise NotFound("There is no such batch of payouts.")
    return batch


def progress_of(runtime: Runtime, session: Session, batch: PayoutBatch) -> Progress:
    """Return how far a batch is."""
    shares = shares_of(session, batch.id)
    reason = suspensions.why_suspended(session, suspensions.PAYOUTS)
    left = None
    if batch.state is BatchStatus.RUNNING and reason is None:
        left = seconds_left(shares[PayoutStatus.WAITING].count, runtime.settings.payouts_per_minute)
    row = approval_of(session, batch)
    approval = approval_record(runtime.encryption, row) if row is not None else None
    return Progress(record_from(BatchRecord, batch), reason, left, approval, shares)


def shares_of(session: Session, batch_id: str) -> dict[str, Share]:
    """Return a batch's rows by the statuses that clients see, empty ones named as well."""
    shares = {status.public: Share() for status in PayoutStatus}
    count, amount = func.count(), func.sum(Payout.amount)
    grouped = select(Payout.status, count, amount).where(Payout.batch_id == batch_id).group_by(Payout.status)
    for status, rows, shillings in session.execute(grouped):
        share = shares[PayoutStatus(status).public]
        share.count, share.amount = share.count + rows, share.amount + int(shillings)
    return shares


def payout_record(encryption: Encryption, row: Payout) -> PayoutRecord:
    party = encryption.decrypt(row.party_encrypted)
    account = row.account_reference_encrypted and encryption.decrypt(row.account_reference_encrypted)
    to_phone = PayoutType(row.type) in TO_PHONES
    return record_from(
        PayoutRecord,
        row,
        phone=mask_msisdn(party) if to_phone else None,
        business_number=None if to_phone else party,
        account_reference=mask_reference(account) if account else None,
        status=row.state.public,
    )


def _rows(
    encryption: Encryption, session: Session, batch_id: str, limit: int, after: int, status: str | None
) -> tuple[PayoutRecord, ...]:
    statement = (
        select(Payout)
        .where(Payout.batch_id == batch_id, Payout.row_number > after)
        .order_by(Payout.row_number)
        .limit(limit)
    )
    if status is not None:
        statement = statement.where(Payout.status.in_([s for s in PayoutStatus if s.public == status]))
    return tuple(payout_record(encryption, row) for row in session.scalars(statement))
