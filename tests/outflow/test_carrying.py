"""Cases that only another process can make between two steps."""

import pytest
from sqlalchemy import delete, update

from mpesa_service.approvals.decide import approve
from mpesa_service.core.idempotency import Answer
from mpesa_service.domain.outflow import OutflowKind
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import Conflict, InvalidRequest, NotFound, TryLater
from mpesa_service.models import Approval, CountedOutflow, PayoutBatch
from mpesa_service.outflow import carrying, gate
from mpesa_service.outflow.actions import Action, Consent
from mpesa_service.outflow.decisions import lock, withdraw
from mpesa_service.outflow.records import list_approvals
from mpesa_service.payouts import control
from mpesa_service.review import moves
from tests.approvals.conftest import service_env as service_env
from tests.approvals.support import approval_row, counted, decide, listed, refund, waits
from tests.approvals.test_decisions import move
from tests.approvals.test_returns import arrived
from tests.orders.support import add_order
from tests.payouts.support import ROW, act, batches, made, post
from tests.support import Service

PLAN = Plan("verdict", "reason")


def test_a_plan_that_moves_more_than_was_counted_is_not_applied() -> None:
    small, large = (Action(OutflowKind.MOVE, "amina", "p", amount) for amount in (1, 2))
    assert carrying._as_counted(PLAN, small, small) is PLAN
    with pytest.raises(TryLater):
        carrying._as_counted(PLAN, large, small)
    with pytest.raises(NotFound):
        carrying.existing(None)


def test_a_batch_from_before_the_rule_has_no_approval(service: Service) -> None:
    for what in ("approve", "stop"):
        batch = made(service, {**ROW, "amount": 501}, reference=f"PAY-{what}")
        with service.runtime.database.begin() as session:
            session.execute(delete(Approval))
        assert not control.expire(service.runtime, batch)
        assert act(service, batch, what, by="otieno").status_code == 200
    assert not control.expire(service.runtime, "none")
    assert [row.amount for row in counted(service)] == [501, 501]


def test_only_what_is_due_expires(service: Service) -> None:
    batch = made(service, {**ROW, "amount": 501})
    assert not control.expire(service.runtime, batch)
    assert batches(service)[0].status == "waiting_approval"


def test_a_batch_whose_approval_vanished_is_rejected_by_its_stop(service: Service) -> None:
    batch = made(service, {**ROW, "amount": 501})
    with service.runtime.database.begin() as session:
        session.execute(update(PayoutBatch).values(needs_approval=False))
    control.reject(service.runtime, Principal("otieno"), batch, "no")
    assert batches(service)[0].status == "stopped"


def test_what_is_decided_is_not_withdrawn(service: Service) -> None:
    approval = waits(refund(service, service.paid(amount=501)), "single")
    decide(service, approval, "reject", why="first")
    with service.runtime.database.begin() as session:
        withdraw(session, approval, "x", "second", service.clock())
        with pytest.raises(NotFound):
            lock(session, "none")
    assert approval_row(service, approval).decided_why == "first"


def test_a_move_that_was_made_meanwhile_is_not_approved(service: Service) -> None:
    for order in ("ORDER1", "ORDER2"):
        add_order(service, order, 501)
    payment = arrived(service, 501, "ORDER1")
    approval = waits(move(service, payment, "ORDER2"), "single")
    again = waits(move(service, payment, "ORDER2", by="wanjiku", reason="another"), "single")
    assert again == approval
    assert decide(service, approval).status_code == 200
    request, who = moves.MoveRequest("ORDER2", "late"), Principal("amina", frozenset({ADMIN}))
    consent = Consent(approval, "otieno", "late")
    with pytest.raises(Conflict, match="there already"):
        moves.move(service.runtime, who, payment, request, no_answer, consent=consent)


def no_answer(_outcome: object) -> Answer:
    raise AssertionError("there is nothing to answer")


def test_a_decision_in_code_needs_a_reason_too(service: Service) -> None:
    with pytest.raises(InvalidRequest):
        approve(service.runtime, Principal("otieno"), "any", " ")
    made(service, {**ROW, "amount": 501})
    assert len(list_approvals(service.runtime, status=None)) == 1


def test_old_amounts_are_pruned(service: Service) -> None:
    assert post(service, {"reference": "PAY-1", **ROW}).status_code == 201
    assert gate.prune(service.runtime) == 0
    service.clock.advance(4 * 86_400)
    assert gate.prune(service.runtime) == 2
    with service.runtime.database.read() as session:
        assert session.query(CountedOutflow).count() == 0


@pytest.fixture
def own_limit(service_env: dict[str, str]) -> None:
    service_env["PAYOUT_APPROVAL_THRESHOLD"] = "100"


@pytest.mark.usefixtures("own_limit")
def test_payouts_may_have_a_limit_of_their_own(service: Service) -> None:
    waits(post(service, {"reference": "PAY-1", **ROW, "amount": 101}), "single")
    assert refund(service, service.paid(amount=500)).status_code == 200
    assert len(listed(service, "?status=waiting")) == 1
