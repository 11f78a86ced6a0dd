"""The invariants of payments, one function for each rule. Tests and operators run the same rules.

A rule checks one payment with everything that belongs to it (its row, audit trail, outgoing events and
refunds), and yields a sentence for each fault. `verify` reads payments in batches, each from one snapshot of
the database, so it can run beside a busy service. `simulator_ledger` compares the payments with the
simulator's own ledger: two records that share no code.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from mpesa_service.core.idempotency import MOVE
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.changes import payment_event_type
from mpesa_service.domain.counting import counted
from mpesa_service.domain.event_types import ORDER_NOTES, refund_event_type
from mpesa_service.domain.states import (
    OPEN,
    PAID,
    PAYMENT_TRANSITIONS,
    REFUND_OPEN,
    REFUND_TRANSITIONS,
    PaymentStatus,
    RefundStatus,
)
from mpesa_service.models import (
    Approval,
    IdempotencyKey,
    Inquiry,
    OutgoingEvent,
    Payment,
    PaymentEvent,
    Refund,
)
from mpesa_service.verification.c2b import verify_c2b
from mpesa_service.verification.callbacks import verify_callbacks
from mpesa_service.verification.commands import verify_commands
from mpesa_service.verification.common import (
    BATCH,
    Moves,
    PaymentHistory,
    Tally,
    Violation,
    read_pages,
    transition_violation,
)
from mpesa_service.verification.payment_rows import ended_is_dated, locks_follow_status, paid_is_sourced
from mpesa_service.verification.payouts import verify_payouts
from mpesa_service.verification.pulls import verify_pulls
from mpesa_service.verification.statements import verify_statements

_BEGINS = ("submitting",)

_MOVES = {False: Moves.of(PAYMENT_TRANSITIONS), True: Moves.of(REFUND_TRANSITIONS)}
_EVENTS = {
    False: {(e.name, str(e.source)): payment_event_type(e.name, e.target) for e in PAYMENT_TRANSITIONS.edges},
    True: {(e.name, str(e.source)): refund_event_type(e.target) for e in REFUND_TRANSITIONS.edges},
}


PaymentInvariant = Callable[[PaymentHistory], Iterator[str]]
Item = TypeVar("Item", PaymentEvent, Refund, Row[Any])


def trail_is_a_path(history: PaymentHistory) -> Iterator[str]:
    """The audit trail has no gap, follows the transition table, and ends at each row's status."""
    numbers = [event.sequence for event in history.events]
    if numbers != list(range(1, history.payment.event_count + 1)):
        yield f"its audit trail should count 1 to {history.payment.event_count} and counts {numbers}"
    where: dict[str | None, str] = {}
    for event in history.events:
        moves = _MOVES[event.refund_id is not None]
        fault = transition_violation(event, where.get(event.refund_id), moves, _BEGINS)
        if fault is not None:
            yield f"event {event.sequence} ({event.cause}) {fault}"
        where[event.refund_id] = event.to_status
    statuses: dict[str | None, str] = {None: history.payment.status}
    statuses |= {refund.id: refund.status for refund in history.refunds}
    for of, status in statuses.items():
        if where.get(of) != status:
            yield f"{f'refund {of}' if of else 'it'} is {status}, but its audit trail ends at {where.get(of)}"


def published_once(history: PaymentHistory) -> Iterator[str]:
    """Each published transition has exactly one outgoing event, in order, without gaps."""
    published = (event for line in history.events if (event := _expected_event(line)) is not None)
    expected = [(sequence, *event) for sequence, event in enumerate(published, start=1)]
    found = [(row.sequence, row.type, row.refund_id) for row in history.outgoing]
    if found != expected:
        yield f"its outgoing events should be {_listed(expected)} and are {_listed(found)}"
    if history.payment.outgoing_count != len(found):
        yield f"it counts {history.payment.outgoing_count} outgoing events and has {len(found)}"


def _expected_event(line: PaymentEvent) -> tuple[str, str | None] | None:
    if line.refund_id is None and line.cause in ORDER_NOTES:
        of_order = ORDER_NOTES[line.cause]
        return (str(of_order), None) if of_order else None
    event = _EVENTS[line.refund_id is not None].get((line.cause, line.from_status or ""))
    return (str(event), line.refund_id) if event else None


def _listed(events: Sequence[tuple[int, str, str | None]]) -> str:
    return ", ".join(f"{sequence} {kind}" for sequence, kind, _ in events) or "none"


def refunds_add_up(history: PaymentHistory) -> Iterator[str]:
    """The refunded and reserved amounts are the sums of the refunds, and never exceed the payment."""
    payment, refunds = history.payment, history.refunds
    paid_back = sum(r.amount for r in refunds if r.state is RefundStatus.SUCCEEDED)
    reserved = sum(r.reserved_amount for r in refunds)
    if (payment.refunded_amount, payment.refunding_amount) != (paid_back, reserved):
        yield (
            f"it says {payment.refunded_amount} refunded and {payment.refunding_amount} reserved,"
            f" its refunds say {paid_back} and {reserved}"
        )
    if paid_back + reserved > payment.amount:
        gone = counted(paid_back + reserved, "shilling is", "shillings are")
        yield f"{gone} refunded or reserved of {payment.amount} paid"
    if payment.refund_count != len(refunds):
        yield f"it counts {counted(payment.refund_count, 'refund')} and has {len(refunds)}"
    for refund in refunds:
        to_reserve = refund.amount if refund.state in REFUND_OPEN else 0
        if refund.state is not RefundStatus.REVIEW and refund.reserved_amount != to_reserve:
            reserved_of = f"{refund.reserved_amount} of {refund.amount}"
            yield f"refund {refund.id} is {refund.status} and reserves {reserved_of}"
    in_review = any(refund.state is RefundStatus.REVIEW for refund in refunds)
    if payment.state in PAID and not in_review and payment.state is not _paid_status(payment):
        yield f"it is {payment.status} with {payment.refunded_amount} of {payment.amount} refunded"


def _paid_status(payment: Payment) -> PaymentStatus:
    if payment.refunded_amount == payment.amount:
        return PaymentStatus.REFUNDED
    return PaymentStatus.PARTIALLY_REFUNDED if payment.refunded_amount else PaymentStatus.SUCCEEDED


def review_says_why(history: PaymentHistory) -> Iterator[str]:
    """Every payment and refund in review has a reason."""
    if history.payment.state is PaymentStatus.REVIEW and not history.payment.failure_reason:
        yield "it is in review without a reason"
    for refund in history.refunds:
        if refund.state is RefundStatus.REVIEW and not refund.failure_reason:
            yield f"refund {refund.id} is in review without a reason"


def open_is_due(history: PaymentHistory) -> Iterator[str]:
    """Every open payment and refund has a time for its next check."""
    if history.payment.state in OPEN and history.payment.next_check_at is None:
        yield f"it is {history.payment.status}, but no check is scheduled"
    for refund in history.refunds:
        if refund.state in REFUND_OPEN and refund.next_check_at is None:
            yield f"refund {refund.id} is {refund.status}, but no check is scheduled"


RULES: tuple[PaymentInvariant, ...] = (
    trail_is_a_path,
    published_once,
    refunds_add_up,
    review_says_why,
    open_is_due,
    ended_is_dated,
    paid_is_sourced,
    locks_follow_status,
)


def verify(runtime: Runtime, tally: Tally | None = None) -> Iterator[Violation]:
    """Yield every violation that the database alone shows; `tally` counts the checked rows."""
    tally = tally or Tally()
    for history in histories(runtime, tally):
        for rule in RULES:
            yield from (Violation(rule.__name__, history.payment.id, sentence) for sentence in rule(history))
    yield from verify_payouts(runtime, tally)
    yield from verify_c2b(runtime, tally)
    yield from verify_callbacks(runtime, tally)
    yield from verify_commands(runtime)
    yield from verify_pulls(runtime, tally)
    yield from verify_statements(runtime, tally)
    yield from one_key_one_resource(runtime, tally)
    yield from inquiries_are_due(runtime)


def histories(runtime: Runtime, tally: Tally) -> Iterator[PaymentHistory]:
    """Yield every payment with its rows, oldest first, with one batch in memory at a time."""
    for page in read_pages(runtime, Payment, _histories):
        for history in page:
            tally.counts["payments"] += 1
            tally.counts["refunds"] += len(history.refunds)
            tally.counts["outgoing events"] += len(history.outgoing)
            tally.counts["review"] += history.payment.state is PaymentStatus.REVIEW
            tally.counts["review"] += sum(r.state is RefundStatus.REVIEW for r in history.refunds)
            yield history


def _histories(session: Session, payments: Sequence[Payment]) -> list[PaymentHistory]:
    ids = [payment.id for payment in payments]
    of_events = select(PaymentEvent).where(PaymentEvent.payment_id.in_(ids)).order_by(PaymentEvent.sequence)
    of_refunds = select(Refund).where(Refund.payment_id.in_(ids)).order_by(Refund.id)
    columns = (OutgoingEvent.payment_id, OutgoingEvent.sequence, OutgoingEvent.type, OutgoingEvent.refund_id)
    of_outgoing = select(*columns).where(OutgoingEvent.payment_id.in_(ids)).order_by(OutgoingEvent.sequence)
    events = _by_payment(session.scalars(of_events).all())
    refunds = _by_payment(session.scalars(of_refunds).all())
    outgoing: Mapping[str, Sequence[Row[Any]]] = _by_payment(list(session.execute(of_outgoing)))
    return [PaymentHistory(one, events[one.id], outgoing[one.id], refunds[one.id]) for one in payments]


def _by_payment(rows: Sequence[Item]) -> "defaultdict[str, list[Item]]":
    found: defaultdict[str, list[Item]] = defaultdict(list)
    for row in rows:
        found[row.payment_id].append(row)
    return found


def inquiries_are_due(runtime: Runtime) -> Iterator[Violation]:
    """Every inquiry without an answer has a time for its next check."""
    open_and_idle = Inquiry.completed_at.is_(None), Inquiry.next_check_at.is_(None)
    waiting = select(Inquiry.id).where(*open_and_idle).limit(BATCH)
    with runtime.database.read() as session:
        found = session.scalars(waiting).all()
    for subject in found:
        yield Violation(
            inquiries_are_due.__name__, subject, "this inquiry has no answer, and no check is scheduled"
        )


def one_key_one_resource(runtime: Runtime, tally: Tally) -> Iterator[Violation]:
    """Each idempotency key belongs to one payment, refund, inquiry or approval, which its answer names.

    A payment has one key of the request that started it, and any number of keys of its moves.
    """
    name = one_key_one_resource.__name__

    def read(session: Session, keys: Sequence[IdempotencyKey]) -> tuple[Sequence[Any], Counter[str]]:
        return keys, _owners(session, [key.resource_id for key in keys])

    for keys, owners in read_pages(runtime, IdempotencyKey, read):
        tally.counts["keys"] += len(keys)
        for key in keys:
            subject = f"key {key.id}"
            if owners[key.resource_id] == 0:
                yield Violation(name, subject, f"it names {key.resource_id}, which does not exist")
            if owners[key.resource_id] > 1:
                yield Violation(name, subject, f"another key names {key.resource_id} as well")
            if not _answer_names(runtime, key):
                yield Violation(name, subject, f"its answer is not about {key.resource_id}")


def _answer_names(runtime: Runtime, key: IdempotencyKey) -> bool:
    """Return whether a stored answer contains the key's resource id; True if there is no answer yet."""
    if key.answer_body is None:
        return True
    return key.resource_id.encode() in runtime.encryption.decrypt_bytes(key.answer_body)


def _owners(session: Session, ids: Sequence[str]) -> Counter[str]:
    """Return how many keys name each id: 0 where nothing has it.

    Any number of moves of a payment counts as 1, and so does any number of requests about one receipt, which
    share an inquiry, or of equal requests, which wait for one approval.
    """
    known = set(session.scalars(select(Payment.id).where(Payment.id.in_(ids))))
    known |= set(session.scalars(select(Refund.id).where(Refund.id.in_(ids))))
    shared = set(session.scalars(select(Inquiry.id).where(Inquiry.id.in_(ids))))
    shared |= set(session.scalars(select(Approval.id).where(Approval.id.in_(ids))))
    columns = select(IdempotencyKey.resource_id, IdempotencyKey.operation)
    named = session.execute(columns.where(IdempotencyKey.resource_id.in_(ids))).all()
    makers = Counter(found for found, operation in named if found in known and operation != MOVE)
    return makers | Counter({found: 1 for found, _ in named if found in known | shared})
