"""Carries out an action whose commit is a plan, by one person alone or with a second person's consent.

Alone, the action is counted first, in a transaction of its own. If it then fails, it is not counted any more.
A process that is killed in between leaves too large a sum, never too small a one. With a consent, the plan
itself uses up the approval and counts the action.
"""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import delete

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.outflow import ApprovalStatus
from mpesa_service.domain.plans import NewRow, Plan, Update
from mpesa_service.domain.references import new_id
from mpesa_service.errors import NotFound, ServiceError, TryLater
from mpesa_service.models import Approval, CountedOutflow
from mpesa_service.outflow import decisions
from mpesa_service.outflow.actions import Action, Consent
from mpesa_service.outflow.gate import admit, counted_rows
from mpesa_service.outflow.records import ApprovalRecord, find_approval

Result = TypeVar("Result")
Extend = Callable[[Plan, Action], Plan]
"""Returns the plan of an action with what its commit needs besides. The action is as it was decided now."""


def as_it_is(plan: Plan, _action: Action) -> Plan:
    """Return the plan as it is: its action was admitted, or needs no admission."""
    return plan


def existing(facts: PaymentFacts | None) -> PaymentFacts:
    """Return the facts of a payment that was found before. Payments are never deleted."""
    if facts is None:
        raise NotFound
    return facts


def carry_out(
    runtime: Runtime, action: Action, consent: Consent | None, act: Callable[[Extend], Result]
) -> Result | ApprovalRecord:
    """Carry out an action, or store that it waits for a second person, and return that.

    `act` applies the plan. Raises what `act` raises, and with a consent what `gate.admit` raises.
    """
    if consent is not None:
        return act(lambda plan, now: plan.and_also(_approved(runtime, now, consent)))
    counted_as = new_id(runtime.clock())
    with runtime.database.begin() as session:
        waiting = admit(runtime, session, action, counted_as)
    if waiting is not None:
        return waiting
    try:
        return act(lambda plan, now: _as_counted(plan, now, action))
    except ServiceError:
        _forget(runtime, counted_as)
        raise


def _as_counted(plan: Plan, now: Action, counted: Action) -> Plan:
    """Return the plan, if the action still moves what was counted."""
    if now.outflow != counted.outflow:
        raise TryLater
    return plan


def _forget(runtime: Runtime, counted_as: str) -> None:
    with runtime.database.begin() as session:
        session.execute(delete(CountedOutflow).where(CountedOutflow.subject_id == counted_as))


def _approved(runtime: Runtime, action: Action, consent: Consent) -> Plan:
    """Return the plan that uses up an approval. It writes nothing if somebody else decides first."""
    now = runtime.clock()
    with runtime.database.read() as session:
        row = find_approval(session, consent.approval_id)
    decisions.refuse_decided(row, now)
    decisions.refuse_maker(row, consent.by)
    decisions.refuse_other(row, action.hash(runtime.encryption))
    columns = {
        "status": ApprovalStatus.APPROVED.value,
        "decided_by": consent.by,
        "decided_why": consent.reason,
        "decided_at": now,
        "updated_at": now,
        "result_id": action.subject_id,
        "outgoing_count": row.outgoing_count + 1,
    }
    for name, value in columns.items():
        setattr(row, name, value)
    waits = {"id": row.id, "status": ApprovalStatus.WAITING.value}
    counted = counted_rows(runtime, action, action.subject_id)
    return Plan(
        "approved",
        "a second person approved it",
        rows=tuple(NewRow(CountedOutflow.__tablename__, one) for one in counted),
        events=(decisions.approval_event(row, now),),
        updates=(Update(Approval.__tablename__, waits, columns),),
        log=(decisions.log_line(row),),
    )
