"""The job that sends payouts: each row once, within the rate limit, while nothing is suspended."""

from collections import Counter

import pytest
from sqlalchemy import select

from mpesa_service.core import suspensions
from mpesa_service.models import OutgoingEvent
from tests.payouts.support import (
    PAYBILL,
    POCHI,
    ROW,
    TILL,
    act,
    at_m_pesa,
    batches,
    complete,
    counts,
    look,
    made,
    pay,
    payouts,
    script,
    to_phones,
    trail,
)
from tests.support import Service


def events(service: Service) -> list[str]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(OutgoingEvent.type).order_by(OutgoingEvent.id)))


def sequences(service: Service, subject: str) -> list[int]:
    statement = select(OutgoingEvent.sequence).where(OutgoingEvent.subject_id == subject)
    with service.runtime.database.read() as session:
        return list(session.scalars(statement.order_by(OutgoingEvent.id)))


def test_every_type_is_paid(service: Service) -> None:
    salary = {**ROW, "command": "SalaryPayment", "accountReference": "EMP-1", "remarks": "November"}
    batch = made(service, salary, POCHI, PAYBILL, TILL)
    assert pay(service) == 4
    assert counts(service, batch) == {"pending": 4}
    sent = {payout.kind + payout.party_b: payout for payout in at_m_pesa(service)}
    assert set(sent) == {"b2c254712345678", "b2pochi254722000001", "b2b888880", "b2b54321"}
    first = sent["b2c254712345678"].payload
    assert (first["CommandID"], first["Remarks"], first["Occassion"]) == (
        "SalaryPayment",
        "November",
        "EMP-1",
    )
    assert sent["b2b888880"].payload["CommandID"] == "BusinessPayBill"
    assert sent["b2b888880"].payload["AccountReference"] == "METER-1"
    assert sent["b2b54321"].payload["CommandID"] == "BusinessBuyGoods"
    complete(service)
    assert counts(service, batch) == {"succeeded": 4}
    ledger = service.ledger()
    receipts = {entry["receipt"] for entry in ledger["credits"] + ledger["transfers"]}
    assert {row.receipt for row in payouts(service)} == receipts
    assert {(row.evidence, row.failure_reason, row.next_check_at) for row in payouts(service)} == {
        ("callback", None, None)
    }
    assert pay(service) == 1, "the batch is closed"
    assert (batches(service)[0].status, pay(service)) == ("done", 0)
    assert trail(service, batch) == ["created", "finished"]
    assert trail(service, payouts(service)[0].id) == [
        "created",
        "payout_begun",
        "payout_accepted",
        "payout_paid",
    ]
    assert Counter(events(service)) == {"payout.succeeded": 4, "payout_batch.done": 1}


def test_the_data_of_events(service: Service) -> None:
    import json

    batch = made(service, {**ROW, "amount": 60_000})
    act(service, batch, "approve", by="otieno")
    pay(service)
    complete(service)
    pay(service)
    with service.runtime.database.read() as session:
        events_sent = [
            json.loads(event.payload)
            for event in session.scalars(select(OutgoingEvent).order_by(OutgoingEvent.id))
            if not event.type.startswith("approval.")
        ]
    assert [event["type"] for event in events_sent] == [
        "payout_batch.waiting_approval",
        "payout.succeeded",
        "payout_batch.done",
    ]
    approval, paid, done = (event["data"] for event in events_sent)
    [row] = payouts(service)
    assert (approval["_id"], approval["reference"], approval["totalAmount"]) == (batch, "PAY-1", 60_000)
    assert approval["rows"]["waiting"] == {"count": 1, "amount": 60_000}
    assert (paid["_id"], paid["batchId"], paid["reference"], paid["row"]) == (row.id, batch, "PAY-1", 1)
    assert (paid["status"], paid["previousStatus"]) == ("succeeded", "pending")
    assert paid["mpesaReceiptNumber"] == row.receipt
    assert (done["status"], done["rows"]["succeeded"]["count"]) == ("done", 1)
    assert (approval["sequence"], done["sequence"]) == (1, 2)
    assert sequences(service, batch) == [1, 2]


def test_a_failed_row_does_not_stop_the_others(service: Service) -> None:
    batch = made(service, {**ROW, "phoneNumber": "0799999999"}, ROW)
    pay(service)
    bad, good = sorted(at_m_pesa(service), key=lambda payout: payout.party_b, reverse=True)
    for payout, outcome in ((bad, {"resultCode": 2040}), (good, {})):
        service.simulator.post(f"/simulator/commands/{payout.conversation_id}/complete", outcome)
    assert counts(service, batch) == {"failed": 1, "succeeded": 1}
    row = payouts(service)[0]
    assert (row.result_code, row.status) == ("2040", "failed")
    assert "not registered" in str(row.failure_reason)
    pay(service)
    assert batches(service)[0].status == "done"
    assert "payout.failed" in events(service)


class TestRateLimit:
    @pytest.fixture(autouse=True)
    def slowly(self, service_env: dict[str, str]) -> None:
        service_env["PAYOUTS_PER_MINUTE"] = "60"

    def test_a_tenth_at_once_then_one_a_second(self, service: Service) -> None:
        batch = made(service, *to_phones(20))
        assert pay(service) == 6
        assert pay(service) == 0
        service.clock.advance(1)
        assert pay(service) == 1
        service.clock.advance(3)
        assert pay(service) == 3
        assert counts(service, batch) == {"pending": 10, "waiting": 10}
        assert [row.row_number for row in payouts(service) if row.status == "waiting"] == list(range(11, 21))

    def test_batches_alternate(self, service: Service) -> None:
        large = made(service, *to_phones(10), reference="LARGE")
        pay(service)
        small = made(service, TILL, reference="SMALL")
        other = made(service, *to_phones(3), reference="OTHER")
        for _ in range(4):
            service.clock.advance(1)
            assert pay(service) >= 1
        assert counts(service, small) == {"pending": 1}
        assert counts(service, other)["pending"] >= 1
        assert counts(service, large)["pending"] >= 7

    def test_a_retry_after_of_m_pesa_is_kept(self, service: Service) -> None:
        batch = made(service, *to_phones(3))
        script(service, fault="spike_arrest", times=9)
        pay(service)
        assert counts(service, batch) in ({"waiting": 1, "pending": 2}, {"waiting": 3})
        service.clock.advance(10)
        assert pay(service) == 0
        service.clock.advance(25)
        assert pay(service) >= 1
        assert counts(service, batch) == {"pending": 3}
        assert len(at_m_pesa(service)) == 3


class TestNotTaken:
    """What M-Pesa surely did not take waits again, under the same id."""

    @pytest.mark.parametrize("fault", ["spike_arrest", "token_unreachable"])
    def test_it_waits_again(self, service: Service, fault: str) -> None:
        batch = made(service)
        [before] = payouts(service)
        if fault == "token_unreachable":
            service.simulator.post("/simulator/options", {"faults": {"oauth.error_5xx": 1}})
        else:
            script(service, fault=fault, times=3)
        assert pay(service) == 1
        assert counts(service, batch) == {"waiting": 1}
        assert trail(service, before.id) == ["created", "payout_begun", "payout_requeued"]
        [row] = payouts(service)
        assert row.next_check_at is None
        assert row.result_desc
        service.simulator.post("/simulator/options", {"faults": {}})
        service.clock.advance(60)
        assert pay(service) == 1
        [row] = payouts(service)
        assert (row.status, row.result_desc) == ("pending", None)
        assert [p.originator_conversation_id for p in at_m_pesa(service)] == [
            before.originator_conversation_id
        ]

    def test_refused_credentials_stop_all(self, service: Service) -> None:
        batch = made(service)
        script(service, fault="token_refused", times=9)
        pay(service)
        assert counts(service, batch) == {"waiting": 1}
        assert look(service, f"/{batch}").json["data"]["suspensionReason"]
        service.clock.advance(60)
        assert pay(service) == 0
        assert suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
        service.simulator.post("/simulator/reset", {"timers": "manual", "b2c_auto": "hold"})
        assert pay(service) == 1
        assert counts(service, batch) == {"pending": 1}

    @pytest.fixture
    def wrong_shortcode(self, service_env: dict[str, str]) -> None:
        service_env["MPESA_B2C_SHORTCODE"] = "999999"

    @pytest.mark.usefixtures("wrong_shortcode")
    def test_a_refused_row_has_failed(self, service: Service) -> None:
        batch = made(service)
        pay(service)
        assert counts(service, batch) == {"failed": 1}
        [row] = payouts(service)
        assert trail(service, row.id)[-1] == "payout_refused"
        assert row.failure_reason


class TestSuspensions:
    def test_an_empty_account_suspends_the_others(self, service: Service) -> None:
        batch = made(service, *to_phones(2))
        pay(service)
        complete(service, resultCode=1)
        assert counts(service, batch) == {"failed": 2}
        more = made(service, reference="MORE")
        service.clock.advance(60)
        assert pay(service) <= 1
        assert counts(service, more) == {"waiting": 1}
        assert "short of money" in look(service, f"/{more}").json["data"]["suspensionReason"]
        assert suspensions.resume(service.runtime, "amina", suspensions.PAYOUTS)
        assert pay(service) == 1
        assert counts(service, more) == {"pending": 1}

    def test_a_refused_initiator_suspends_refunds_as_well(self, service: Service) -> None:
        made(service)
        pay(service)
        complete(service, resultCode=2001)
        with service.runtime.database.read() as session:
            assert suspensions.why_suspended(session, suspensions.REFUNDS)
            assert suspensions.why_suspended(session, suspensions.PAYOUTS)

    @pytest.mark.parametrize("name", [suspensions.PAYOUTS, suspensions.LOW_BALANCE])
    def test_nothing_is_sent_while_payouts_are_suspended(self, service: Service, name: str) -> None:
        made(service)
        with service.runtime.database.begin() as session:
            suspensions.suspend(session, name, "suspended", service.clock())
        assert pay(service) == 0
        assert at_m_pesa(service) == []
