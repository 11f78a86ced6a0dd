"""Creates payouts in batches. A single payout is a batch of one row.

A batch is checked as a whole before anything is stored: if one row is wrong, no row is stored. The
stored rows are only intents; `payouts/send.py` sends them one by one.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.commands.sending import tokens_of
from mpesa_service.commands.shown_payouts import shown_payout
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.payout_files import warnings_of
from mpesa_service.domain.payouts import PayoutRow, PayoutTerms, RowFault, read_rows
from mpesa_service.domain.principal import Principal
from mpesa_service.domain.references import new_id
from mpesa_service.errors import InvalidRequest, KeyReused, Unavailable
from mpesa_service.models import PayoutBatch
from mpesa_service.models.statements import insert_once
from mpesa_service.outflow.actions import Action
from mpesa_service.outflow.decisions import wait
from mpesa_service.outflow.gate import count, exceeded_by
from mpesa_service.payouts.command import PayoutCommand
from mpesa_service.payouts.outflow import batch_action
from mpesa_service.payouts.transitions import create_batch
from mpesa_service.payouts.views import Progress, find_batch, progress_of

FAULTS_SHOWN = 1_000


class InvalidRows(InvalidRequest):
    """Rows that may not be paid: the first fault leads, all are listed, up to FAULTS_SHOWN."""

    code = "invalid_rows"

    def __init__(self, faults: Sequence[RowFault]) -> None:
        self.faults = faults
        listed = [asdict(fault) for fault in faults[:FAULTS_SHOWN]]
        super().__init__(
            f"Row {faults[0].row}, {faults[0].field}: {faults[0].message}",
            details={"rows": listed, "total": len(faults)},
        )


@dataclass(frozen=True)
class BatchRequest:
    """A requested batch: rows as number and fields, under the caller's own reference.

    `reference` is the batch's idempotency key: 1 to 64 letters, digits, `-` and `_`.
    """

    reference: str
    rows: Sequence[tuple[int, object]]
    description: str = ""
    allow_duplicates: bool = False


@dataclass(frozen=True)
class BatchMade:
    """A batch, and whether an earlier request with the same content created it.

    `warnings` are sentences about the file that was read.
    """

    progress: Progress
    replayed: bool
    warnings: tuple[str, ...] = ()


def create(runtime: Runtime, principal: Principal, request: BatchRequest) -> BatchMade:
    """Store a batch if all of its rows are valid. The batch is sent while it is running.

    A batch that exceeds a limit of the outflow policy waits for a second person.

    Raises InvalidRows with every fault, KeyReused when the reference belongs to another batch, Unavailable
    without an initiator, and Conflict while a statement shows what may be an earlier payout like a row.
    """
    if runtime.settings.mpesa_initiator_name is None:
        raise Unavailable(
            "Payouts are not set up: MPESA_INITIATOR_NAME is missing.", code="payouts_not_set_up"
        )
    rows, warnings = _checked(runtime, request), warnings_of(request.rows)
    now = runtime.clock()
    batch = _batch(runtime, principal, request, rows, now)
    stored = [_stored(runtime.encryption, batch["id"], row, principal, now) for row in rows]
    action = _action(batch, stored)
    with runtime.database.begin() as session:
        exceeded = exceeded_by(runtime, session, action)
        status = BatchStatus.WAITING_APPROVAL if exceeded else BatchStatus.RUNNING
        batch |= {"status": status.value, "needs_approval": bool(exceeded)}
        if not insert_once(session, PayoutBatch, batch):
            return BatchMade(_earlier(runtime, session, batch), replayed=True, warnings=warnings)
        shown = shown_payout(session, {(row["party_hash"], row["amount"]) for row in stored})
        if shown is not None:
            raise shown
        made = find_batch(session, batch["id"])
        detail = {"rows": made.row_count, "totalAmount": made.total_amount}
        create_batch(session, made, stored, Cause(principal.subject, now, detail=detail))
        if exceeded:
            wait(runtime, session, action, exceeded)
        else:
            count(runtime, session, action, made.id)
        session.flush()
        return BatchMade(progress_of(runtime, session, made), replayed=False, warnings=warnings)


def _checked(runtime: Runtime, request: BatchRequest) -> list[PayoutRow]:
    settings = runtime.settings
    ours = {settings.mpesa_shortcode, settings.mpesa_till, settings.mpesa_b2c_shortcode}
    own_numbers = frozenset(number for number in ours if number)
    terms = PayoutTerms(settings.payout_min_amount, settings.payout_max_amount, own_numbers)
    rows, faults = read_rows(request.rows, terms, allow_duplicates=request.allow_duplicates)
    if faults:
        raise InvalidRows(faults)
    return rows


def _batch(
    runtime: Runtime, principal: Principal, request: BatchRequest, rows: Sequence[PayoutRow], now: datetime
) -> dict[str, Any]:
    total = sum(row.amount for row in rows)
    content = json.dumps([request.description, *(list(vars(row).values()) for row in rows)])
    return {
        "id": new_id(now),
        "reference": request.reference,
        "request_hash": runtime.encryption.blind_index("payout batch", content),
        "description": request.description,
        "row_count": len(rows),
        "total_amount": total,
        "created_by": principal.subject,
        "served_at": now,
        "created_at": now,
        "updated_at": now,
    }


def _action(batch: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Action:
    payees: dict[str, int] = defaultdict(int)
    for row in rows:
        payees[row["party_hash"]] += row["amount"]
    return batch_action(batch["id"], batch["created_by"], batch["total_amount"], payees, batch["description"])


def _stored(
    encryption: Encryption, batch_id: str, row: PayoutRow, principal: Principal, now: datetime
) -> dict[str, Any]:
    payout_id = new_id(now)
    return {
        "id": payout_id,
        "batch_id": batch_id,
        "row_number": row.number,
        "type": row.type.value,
        "command": row.command.value if row.command else None,
        "amount": row.amount,
        "party_encrypted": encryption.encrypt(row.party),
        "party_hash": encryption.blind_index("phone" if row.to_phone else "business", row.party),
        "account_reference_encrypted": encryption.encrypt(row.account_reference)
        if row.account_reference
        else None,
        "remarks": row.remarks,
        "originator_conversation_id": str(uuid.uuid4()),
        **tokens_of(encryption, PayoutCommand.name, payout_id).hashes(),
        "requested_by": principal.subject,
        "created_at": now,
        "updated_at": now,
    }


def _earlier(runtime: Runtime, session: Session, batch: Mapping[str, Any]) -> Progress:
    statement = select(PayoutBatch).where(PayoutBatch.reference == batch["reference"])
    earlier = session.scalars(statement).one()
    if earlier.request_hash != batch["request_hash"]:
        raise KeyReused(
            "This reference belongs to another batch of payouts. Use a new one.", code="reference_reused"
        )
    return progress_of(runtime, session, earlier)
