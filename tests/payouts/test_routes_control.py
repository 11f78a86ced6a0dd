"""Payout batches over the API: approved, paused, resumed and stopped by other people than their maker."""

import pytest

from mpesa_service.payouts import control
from tests.payouts.support import (
    ROW,
    act,
    batches,
    counts,
    look,
    made,
    payouts,
    to_phones,
    trail,
)
from tests.support import Service


class TestApproval:
    @pytest.fixture
    def large(self, service: Service) -> str:
        batch = made(service, {**ROW, "amount": 50_001})
        [stored] = batches(service)
        assert (stored.status, stored.needs_approval) == ("waiting_approval", True)
        return batch

    def test_another_admin_approves(self, service: Service, large: str) -> None:
        assert look(service, f"/{large}").json["data"]["secondsLeft"] is None
        answer = act(service, large, "approve", by="otieno")
        assert answer.status_code == 200
        data = answer.json["data"]
        assert (data["status"], data["approvedBy"], data["secondsLeft"]) == ("running", "otieno", 1)
        assert data["approvedAt"] is not None
        assert trail(service, large) == ["created", "approved"]

    def test_its_maker_cannot(self, service: Service, large: str) -> None:
        answer = act(service, large, "approve")
        assert (answer.status_code, answer.json["code"]) == (403, "maker_cannot_approve")
        assert batches(service)[0].status == "waiting_approval"

    def test_nobody_approves_twice(self, service: Service, large: str) -> None:
        act(service, large, "approve", by="otieno")
        for who in ("otieno", "wanjiku"):
            answer = act(service, large, "approve", by=who)
            assert (answer.status_code, answer.json["code"]) == (409, "already_approved")
            assert answer.json["details"] == {"status": "running", "approvedBy": "otieno"}

    def test_up_to_the_threshold_nobody_needs_to(self, service: Service) -> None:
        batch = made(service, {**ROW, "amount": 50_000})
        answer = act(service, batch, "approve", by="otieno")
        assert (answer.status_code, answer.json["code"]) == (409, "cannot_be_approved")
        assert answer.json["details"] == {"status": "running"}

    def test_the_sum_counts(self, service: Service) -> None:
        made(service, *to_phones(3, 20_000))
        assert batches(service)[0].status == "waiting_approval"

    def test_a_batch_that_waits_can_be_stopped_and_then_never_be_approved(
        self, service: Service, large: str
    ) -> None:
        assert act(service, large, "pause").json["code"] == "cannot_be_paused"
        assert act(service, large, "stop").json["data"]["status"] == "stopped"
        assert act(service, large, "approve", by="otieno").json["code"] == "cannot_be_approved"


class TestControl:
    def test_pause_and_resume(self, service: Service) -> None:
        batch = made(service)
        paused = act(service, batch, "pause").json["data"]
        assert (paused["status"], paused["secondsLeft"]) == ("paused", None)
        assert act(service, batch, "pause").json["code"] == "cannot_be_paused"
        assert act(service, batch, "resume").json["data"]["status"] == "running"
        answer = act(service, batch, "resume")
        assert (answer.status_code, answer.json["code"]) == (409, "cannot_be_resumed")
        assert answer.json["details"] == {"status": "running"}
        assert trail(service, batch) == ["created", "paused", "resumed"]

    @pytest.mark.parametrize("first", [None, "pause"])
    def test_stop_cancels_what_waits(self, service: Service, first: str | None) -> None:
        batch = made(service, *to_phones(3))
        if first:
            act(service, batch, first)
        data = act(service, batch, "stop").json["data"]
        assert (data["status"], data["rows"]["canceled"]) == ("stopped", {"count": 3, "amount": 300})
        assert data["completedAt"] is not None
        assert [trail(service, row.id) for row in payouts(service)] == [["created", "payout_stopped"]] * 3
        assert trail(service, batch)[-2:] == ["stopped", "finished"]
        assert act(service, batch, "stop").json["code"] == "cannot_be_stopped"
        assert act(service, batch, "resume").json["code"] == "cannot_be_resumed"

    def test_many_rows_are_canceled_a_page_at_a_time(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(control, "PAGE", 2)
        batch = made(service, *to_phones(5))
        act(service, batch, "stop")
        assert counts(service, batch) == {"canceled": 2, "waiting": 3}
        assert batches(service)[0].completed_at is None
        assert [control.cancel_waiting(service.runtime, batch) for _ in range(3)] == [2, 1, 0]
        assert control.finish(service.runtime, batch) is True
        assert control.finish(service.runtime, batch) is False
        assert batches(service)[0].status == "stopped"

    def test_only_waiting_rows_of_a_stopped_batch_are_canceled(self, service: Service) -> None:
        batch = made(service)
        assert control.cancel_waiting(service.runtime, batch) == 0
        assert control.cancel_waiting(service.runtime, "nothing") == 0
        assert control.finish(service.runtime, batch) is False
        assert control.finish(service.runtime, "nothing") is False

    @pytest.mark.parametrize("what", ["approve", "pause", "resume", "stop"])
    @pytest.mark.parametrize("batch", ["01a2027bd680451e20b011de", "%00", "x" * 300])
    def test_no_such_batch(self, service: Service, what: str, batch: str) -> None:
        answer = act(service, batch, what)
        assert (answer.status_code, answer.json["message"]) == (404, "There is no such batch of payouts.")
