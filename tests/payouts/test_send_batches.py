"""The state of a batch while its payouts are sent, and a worker that is killed."""

from typing import Any

import pytest

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.payouts import control
from mpesa_service.payouts import send as payout_sending
from mpesa_service.payouts.send import begin_row
from tests.payouts.support import (
    ROW,
    TILL,
    act,
    at_m_pesa,
    batches,
    complete,
    counts,
    made,
    pay,
    payouts,
    to_phones,
)
from tests.payouts.test_send import events
from tests.support import Service


def due_after(service: Service, seconds: float) -> int:
    service.clock.advance(seconds)
    done = check_due(service.runtime, KINDS)
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})
    return done


class TestBatchState:
    @pytest.mark.parametrize("what", ["pause", "stop"])
    def test_nothing_more_is_sent(self, service: Service, what: str) -> None:
        batch = made(service)
        act(service, batch, what)
        assert pay(service) == 0
        assert at_m_pesa(service) == []

    def test_what_waits_for_approval_is_not_sent(self, service: Service) -> None:
        batch = made(service, {**ROW, "amount": 60_000})
        assert pay(service) == 0
        act(service, batch, "approve", by="otieno")
        assert pay(service) == 1

    def test_a_row_is_not_begun_for_somebody_who_comes_too_late(self, service: Service) -> None:
        """The choice of a batch is made without a lock; under it, all is looked at again."""
        runtime = service.runtime
        batch = made(service)
        act(service, batch, "pause")
        with runtime.database.begin() as session:
            assert begin_row(runtime, session, batch) is None
            assert begin_row(runtime, session, "nothing") is None
        act(service, batch, "resume")
        pay(service)
        with runtime.database.begin() as session:
            assert begin_row(runtime, session, batch) is None

    def test_rows_under_way_come_to_their_end_in_a_stopped_batch(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "PAGE", 1)
        batch = made(service, *to_phones(10))
        pay(service)
        assert counts(service, batch) == {"pending": 6, "waiting": 4}
        act(service, batch, "stop")
        assert counts(service, batch) == {"pending": 6, "waiting": 3, "canceled": 1}
        assert [pay(service) for _ in range(4)] == [1, 1, 1, 0]
        assert (batches(service)[0].status, batches(service)[0].completed_at) == ("stopped", None)
        complete(service)
        assert pay(service) == 1
        assert batches(service)[0].completed_at is not None
        assert counts(service, batch) == {"succeeded": 6, "canceled": 4}
        assert events(service).count("payout_batch.done") == 1


class TestCrashes:
    """Whatever dies, a row is not sent as a new one."""

    def test_one_that_was_begun_and_perhaps_sent_is_sent_again_under_its_id(self, service: Service) -> None:
        batch = made(service)
        [command] = payout_sending._begin_some(service.runtime)
        assert counts(service, batch) == {"pending": 1}, "that is how clients see it"
        assert pay(service) == 0
        assert due_after(service, 91) == 1
        assert [p.originator_conversation_id for p in at_m_pesa(service)] == [
            command.row.originator_conversation_id
        ]
        complete(service)
        assert counts(service, batch) == {"succeeded": 1}

    def test_a_fault_of_ours_costs_one_row_its_lease(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        batch = made(service, ROW, TILL)
        inner = payout_sending.send

        def send(runtime: Any, command: Any) -> Any:
            if command.row.type == "b2c":
                raise RuntimeError("fault")
            return inner(runtime, command)

        monkeypatch.setattr(payout_sending, "send", send)
        assert pay(service) == 2
        assert [row.status for row in payouts(service)] == ["submitting", "pending"]
        complete(service)
        due_after(service, 91)
        complete(service)
        assert counts(service, batch) == {"succeeded": 2}
