"""The invariants of payouts and their batches, in the database and against the simulator's ledger.

The token in a payout's result address identifies the payout in M-Pesa's record, so a payout that never
received M-Pesa's ids is found as well.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import token_hash
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.counting import counted
from mpesa_service.domain.event_types import batch_event_type, payout_event_type
from mpesa_service.domain.payout_batches import BATCH_TRANSITIONS, PAYOUT_UNFINISHED, is_same_actor
from mpesa_service.domain.states import PAYOUT_OPEN, PAYOUT_TRANSITIONS, PayoutStatus
from mpesa_service.models import OutgoingEvent, Payout, PayoutBatch, PayoutEvent
from mpesa_service.verification.common import Json, Moves, Tally, Violation, read_pages, transition_violation

Subject = Payout | PayoutBatch
Fault = tuple[str, str]

_PAYOUT_MOVES, _BATCH_MOVES = Moves.of(PAYOUT_TRANSITIONS), Moves.of(BATCH_TRANSITIONS)
_NEVER_PAID = frozenset({PayoutStatus.WAITING, PayoutStatus.FAILED, PayoutStatus.CANCELED})
_ENDED = frozenset({"completed", "failed"})
_QUEUED = "queued"
"""The state of a command that M-Pesa may still execute."""


def verify_payouts(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Yield every violation that the database alone shows, with one page of rows in memory at a time."""

    def read(session: Session, subjects: Sequence[Subject]) -> list[tuple[Subject, Fault]]:
        return list(_faults(session, subjects, tally))

    for table in (PayoutBatch, Payout):
        for found in read_pages(runtime, table, read):
            yield from (Violation(rule, subject.id, sentence) for subject, (rule, sentence) in found)


def _faults(session: Session, subjects: Sequence[Subject], tally: Tally) -> Iterator[tuple[Subject, Fault]]:
    ids = [subject.id for subject in subjects]
    lines, published = defaultdict[str, list[PayoutEvent]](list), defaultdict[str, list[Any]](list)
    trails = select(PayoutEvent).where(PayoutEvent.subject_id.in_(ids)).order_by(PayoutEvent.sequence)
    for line in session.scalars(trails):
        lines[line.subject_id].append(line)
    columns = (OutgoingEvent.subject_id, OutgoingEvent.sequence, OutgoingEvent.type)
    events = select(*columns).where(OutgoingEvent.subject_id.in_(ids)).order_by(OutgoingEvent.sequence)
    for row in session.execute(events):
        published[row.subject_id].append((row.sequence, row.type))
    for subject in subjects:
        trail = lines[subject.id]
        yield from ((subject, ("payout_trail_is_a_path", sentence)) for sentence in _path(subject, trail))
        yield from (
            (subject, ("payout_published_once", sentence))
            for sentence in _outgoing(subject, trail, published[subject.id])
        )
        if isinstance(subject, Payout):
            tally.counts["payouts"] += 1
            tally.counts["review"] += subject.state is PayoutStatus.REVIEW
            yield from ((subject, ("payout_is_in_order", sentence)) for sentence in _of_row(subject))
        else:
            tally.counts["batches"] += 1
            yield from ((subject, ("batch_adds_up", sentence)) for sentence in _of_batch(session, subject))


def _path(subject: Subject, trail: Sequence[PayoutEvent]) -> Iterator[str]:
    of_row = isinstance(subject, Payout)
    moves = _PAYOUT_MOVES if of_row else _BATCH_MOVES
    begins = ("waiting",) if of_row else ("running", "waiting_approval")
    numbers = [line.sequence for line in trail]
    if numbers != list(range(1, subject.event_count + 1)):
        yield f"its audit trail should count 1 to {subject.event_count} and counts {numbers}"
    at: str | None = None
    for line in trail:
        fault = transition_violation(line, at, moves, begins)
        if fault is not None:
            yield f"event {line.sequence} ({line.cause}) {fault}"
        at = line.to_status
    if at != subject.status:
        yield f"it is {subject.status}, but its audit trail ends at {at}"


def _outgoing(
    subject: Subject, trail: Sequence[PayoutEvent], outgoing: Sequence[tuple[int, str]]
) -> Iterator[str]:
    events = [event for line in trail if (event := _expected_event(subject, line)) is not None]
    expected = list(enumerate(events, start=1))
    if outgoing != expected or subject.outgoing_count != len(outgoing):
        count = subject.outgoing_count
        yield f"its outgoing events should be {expected} and are {outgoing}; it counts {count}"


def _expected_event(subject: Subject, line: PayoutEvent) -> str | None:
    if isinstance(subject, PayoutBatch):
        return batch_event_type(line.cause, BatchStatus(line.to_status))
    moved = line.cause in _PAYOUT_MOVES.names
    return payout_event_type(PayoutStatus(line.to_status)) if moved else None


def _of_row(row: Payout) -> Iterator[str]:
    if row.state in PAYOUT_OPEN and row.next_check_at is None:
        yield f"it is {row.status}, but no check is scheduled"
    if row.state is PayoutStatus.WAITING and row.next_check_at is not None:
        yield "it was not sent yet, but a check is scheduled"
    if row.state is PayoutStatus.REVIEW and not row.failure_reason:
        yield "it is in review without a reason"


def _of_batch(session: Session, batch: PayoutBatch) -> Iterator[str]:
    count, total = func.count(), func.coalesce(func.sum(Payout.amount), 0)
    rows, amount = session.execute(select(count, total).where(Payout.batch_id == batch.id)).one()
    if (rows, int(amount)) != (batch.row_count, batch.total_amount):
        yield f"it says {counted(batch.row_count, 'row')} of {batch.total_amount}, but has {rows} of {amount}"
    live = select(Payout.id).where(Payout.batch_id == batch.id, Payout.status.in_(PAYOUT_UNFINISHED)).limit(1)
    if batch.completed_at is not None and session.scalars(live).first() is not None:
        yield "it is closed, but one of its rows is not finished"
    sent = select(Payout.id).where(Payout.batch_id == batch.id, Payout.first_sent_at.is_not(None)).limit(1)
    approved = batch.approved_by is not None and not is_same_actor(batch.approved_by, batch.created_by)
    if batch.needs_approval and not approved and session.scalars(sent).first() is not None:
        yield "some of its rows were sent without a second person's approval"


def verify_payouts_in_ledger(
    runtime: Runtime, payload: Json, *, settled: bool, tally: Tally
) -> Iterator[Violation]:
    """Yield every violation that the simulator's ledger shows; `settled` means that no result is missing."""
    requested, paid = _at_m_pesa(payload)

    def read(session: Session, rows: Sequence[Payout]) -> tuple[Sequence[Payout], set[str]]:
        return rows, _settled_by_people(session, [row.id for row in rows])

    for rows, settlers in read_pages(runtime, Payout, read):
        for row in rows:
            commands = requested.get(row.result_token_hash, ())
            entries = [entry for command in commands for entry in paid.get(command["conversationId"], ())]
            tally.counts["payouts paid"] += len(entries)
            faults = [*_compared(row, entries, row.id in settlers)]
            if row.state is PayoutStatus.FAILED and any(one["state"] == _QUEUED for one in commands):
                faults.append("it is failed, but M-Pesa has not ended it")
            if settled and row.state in PAYOUT_OPEN and any(one["state"] in _ENDED for one in commands):
                faults.append(f"it is {row.status}, but M-Pesa has ended it")
            yield from (Violation("payout_paid_once", row.id, sentence) for sentence in faults)


def _at_m_pesa(payload: Json) -> tuple[Mapping[str, Sequence[Json]], Mapping[str, Sequence[Json]]]:
    """Return M-Pesa's payout commands by the hash of their token, and its payments by ConversationID."""
    requested, paid = defaultdict[str, list[Json]](list), defaultdict[str, list[Json]](list)
    for command in payload["payouts"]:
        requested[token_hash(command["resultUrl"].rpartition("/")[2])].append(command)
    for entry in [*payload["credits"], *payload["transfers"]]:
        paid[entry.get("conversationId", "")].append(entry)
    return requested, paid


def _settled_by_people(session: Session, ids: Sequence[str]) -> set[str]:
    statement = select(PayoutEvent.subject_id).where(
        PayoutEvent.subject_id.in_(ids), PayoutEvent.cause == "payout_settled_by_operator"
    )
    return set(session.scalars(statement))


def _compared(row: Payout, entries: Sequence[Json], settled_by_a_person: bool) -> Iterator[str]:
    if len(entries) > 1:
        yield f"it was paid {counted(len(entries), 'time')}"
    if entries and row.state in _NEVER_PAID:
        yield f"it is {row.status}, but was paid ({entries[0]['receipt']})"
    if entries and entries[0]["amount"] != row.amount:
        yield f"it is {counted(row.amount, 'shilling')}, but {entries[0]['amount']} were paid"
    if not entries and row.state is PayoutStatus.SUCCEEDED and not settled_by_a_person:
        yield "it is succeeded, but was never paid"
