"""Commands whose result is missing: sent again word for word, or queried, never failed by the clock."""

import pytest

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands import due
from mpesa_service.commands.command import locked
from mpesa_service.commands.due import check_due
from mpesa_service.daraja import OutcomeUnknown
from mpesa_service.refunds.command import RefundCommand
from tests.commands.support import due_after, lost_answer, request_count
from tests.refunds.support import complete
from tests.refunds.test_results import last_payout
from tests.support import Service


def test_an_unanswered_refund_is_sent_again_and_paid_once(service: Service) -> None:
    checkout = lost_answer(service)
    assert due_after(service, 59) == 0
    assert due_after(service, 1) == 1
    refund = service.refunds()[0]
    assert refund.status == "pending", "a duplicate means that the first one was accepted"
    assert request_count(service, "b2c") == 2
    complete(service)
    assert service.payment(checkout)["status"] == "refunded"
    assert len(service.ledger()["credits"]) == 1


def test_a_refund_that_never_arrived_is_sent_again_with_the_same_id(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "error_5xx"})
    assert service.refund(checkout, 100).status_code == 202
    first = service.refunds()[0].originator_conversation_id
    due_after(service, 60)
    refund = service.refunds()[0]
    assert refund.status == "pending"
    assert refund.originator_conversation_id == first == last_payout(service).originator_conversation_id
    assert refund.conversation_id == last_payout(service).conversation_id
    complete(service)
    assert service.payment(checkout)["status"] == "refunded"


def test_a_lost_result_is_made_up_for_by_a_query(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "b2c", "callback": "lost"})
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service)
    assert service.payment(checkout)["refunds"][0]["status"] == "pending"
    assert due_after(service, 60) == 1
    payment = service.payment(checkout)
    [refund] = payment["refunds"]
    assert (payment["status"], refund["status"]) == ("refunded", "succeeded")
    assert refund["mpesaReceiptNumber"] == service.ledger()["credits"][0]["receipt"]
    assert service.refunds()[0].evidence == "status"
    assert service.inbox()[-1].kind == "command_status_result"


def test_a_duplicate_without_an_id_of_its_own_is_queried_by_ours(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "b2c", "callback": "lost", "fault": "answer_lost"})
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service)
    due_after(service, 60)
    assert service.refunds()[0].conversation_id is None
    due_after(service, 300)
    assert service.payment(checkout)["status"] == "refunded"


def test_a_failed_transaction_frees_its_amount(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "b2c", "callback": "lost"})
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service, resultCode=1)
    due_after(service, 60)
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "failed"
    assert "declined" in payment["refunds"][0]["failureReason"]
    assert service.row(checkout).refunding_amount == 0


def test_a_command_in_progress_is_queried_until_its_review(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    queries = 0
    for seconds in (60, 240, 600, 2_700, 18_000, 64_800):
        queries += due_after(service, seconds)
    assert queries == 6
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "review"
    assert "manual review" in payment["refunds"][0]["failureReason"]
    assert service.row(checkout).refunding_amount == 100, "the money may still leave"
    complete(service)
    assert service.inbox()[-1].verdict == "noted"
    assert service.refunds()[0].receipt == service.ledger()["credits"][0]["receipt"]


def test_v1_is_never_sent_again(
    service_env: dict[str, str], listening, simulator, clock, sqlite_url: str
) -> None:
    from tests.support import start_service

    env = {**service_env, "DATABASE_URL": sqlite_url, "MPESA_B2C_VERSION": "v1"}
    service = start_service(listening, simulator, clock, env)
    checkout = lost_answer(service)
    due_after(service, 60)
    assert request_count(service, "b2c") == 1
    assert service.refunds()[0].status == "unknown"
    complete_by_result(service)
    assert service.payment(checkout)["status"] == "refunded"
    service.runtime.database.dispose()


def complete_by_result(service: Service) -> None:
    service.simulator.post(f"/simulator/b2c/{last_payout(service).originator_conversation_id}/complete")


def test_a_crash_before_the_answer_was_recorded(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = service.paid(amount=100)
    pay = service.runtime.daraja.b2c_payment

    class Killed(BaseException):
        pass

    def pay_and_die(message: object) -> None:
        pay(message)
        raise Killed

    monkeypatch.setattr(service.runtime.daraja, "b2c_payment", pay_and_die)
    with pytest.raises(Killed):
        service.refund(checkout, 100)
    monkeypatch.undo()
    assert due_after(service, 89) == 0
    assert due_after(service, 1) == 1
    assert [event.cause for event in service.events(service.row(checkout).id)][-2:] == [
        "refund_unanswered",
        "refund_accepted",
    ]
    complete(service)
    assert len(service.ledger()["credits"]) == 1


def test_an_answer_to_the_query_before_its_acknowledgement(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "b2c", "callback": "lost"})
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service)
    service.simulator.post("/simulator/script", {"for": "transaction_status", "callback": "before_answer"})
    due_after(service, 60)
    assert service.payment(checkout)["status"] == "refunded"
    assert service.refunds()[0].next_check_at is None


def test_an_unanswered_query_is_no_information(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)

    def fail(_query: object) -> None:
        raise OutcomeUnknown("time-out", operation="transaction_status")

    monkeypatch.setattr(service.runtime.daraja, "transaction_status", fail)
    assert due_after(service, 60) == 1
    assert service.payment(checkout)["refunds"][0]["status"] == "pending"


def test_a_fault_in_one_refund_does_not_hold_up_the_others(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = service.paid(order="ORDER1", amount=100)
    second = service.paid(order="ORDER2", amount=100, phone="254722000001")
    service.refund(first, 100)
    service.clock.advance(1)
    service.refund(second, 100)
    poisonous = service.refunds()[0].id
    real = due._check

    def fail_for_one(runtime, command) -> None:
        if command.row.id == poisonous:
            raise RuntimeError("poison")
        real(runtime, command)

    monkeypatch.setattr(due, "_check", fail_for_one)
    assert due_after(service, 60) == 2
    assert request_count(service, "transaction_status") == 1


def test_one_that_another_worker_took_a_moment_ago_is_left_alone(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its row was due when it was found, and is not by the time that it is locked."""
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    taken = service.refunds()[0].id
    monkeypatch.setattr(RefundCommand, "claim", lambda session, _now: RefundCommand.lock(session, id=taken))
    assert check_due(service.runtime, KINDS) == 0
    assert service.refunds()[0].check_attempts == 0


def test_one_that_has_vanished_is_a_fault() -> None:
    class Nothing(RefundCommand):
        @classmethod
        def lock(cls, session, **columns):
            return None

    with pytest.raises(LookupError, match="refund 1 has vanished"):
        locked(Nothing, None, "1")


def test_looking_into_stops_at_its_limit(service: Service) -> None:
    for number in range(3):
        checkout = service.paid(order=f"ORDER{number}", amount=100, phone=f"25472200000{number}")
        service.refund(checkout, 100)
    service.clock.advance(60)
    assert check_due(service.runtime, KINDS, limit=2) == 2
