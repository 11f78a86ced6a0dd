"""A payout's lifecycle after it was sent: results, no results, mismatches, and what is never sent again."""

from typing import Any

import pytest
import requests

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.payouts.command import PayoutCommand
from tests.payouts.support import (
    PAYBILL,
    POCHI,
    ROW,
    TILL,
    act,
    at_m_pesa,
    complete,
    counts,
    made,
    pay,
    payouts,
    script,
    trail,
)
from tests.payouts.test_send import events
from tests.payouts.test_send_batches import due_after
from tests.support import Service


def request_count(service: Service, operation: str) -> int:
    return int(service.ledger()["requests"].get(operation, 0))


def post_result(service: Service, number: int = -1, **changes: Any) -> None:
    """Post a result to a payout's own address, as M-Pesa does."""
    payout = at_m_pesa(service)[number]
    body: dict[str, Any] = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": payout.originator_conversation_id,
        "ConversationID": payout.conversation_id,
        "TransactionID": "SG632NMUAB",
        "ResultParameters": {
            "ResultParameter": [{"Key": "TransactionAmount", "Value": payout.amount}],
        },
    }
    assert requests.post(payout.result_url, json={"Result": {**body, **changes}}, timeout=5).ok


@pytest.mark.parametrize(("row", "operation"), [(ROW, "b2c"), (POCHI, "b2pochi")])
def test_one_whose_answer_was_lost_is_sent_again_and_paid_once(
    service: Service, row: dict[str, Any], operation: str
) -> None:
    batch = made(service, row)
    script(service, operation, fault="answer_lost")
    pay(service)
    assert counts(service, batch) == {"unknown": 1}
    assert due_after(service, 60) == 1
    assert request_count(service, operation) == 2
    assert counts(service, batch) == {"pending": 1}
    complete(service)
    assert counts(service, batch) == {"succeeded": 1}
    assert len(service.ledger()["credits"]) == 1


@pytest.mark.parametrize("row", [PAYBILL, TILL])
def test_a_business_payment_is_never_sent_again(service: Service, row: dict[str, Any]) -> None:
    batch = made(service, row)
    script(service, "b2b", fault="answer_lost")
    pay(service)
    for seconds in (60, 240, 600, 2_700, 18_000):
        assert due_after(service, seconds) == 1
    assert counts(service, batch) == {"unknown": 1}
    assert request_count(service, "b2b") == 1
    complete(service)
    assert counts(service, batch) == {"succeeded": 1}, "its own address identifies it"
    assert len(service.ledger()["transfers"]) == 1


def test_a_business_payment_without_a_report_needs_review(service: Service) -> None:
    batch = made(service, TILL)
    script(service, "b2b", fault="answer_lost", callback="lost")
    pay(service)
    for seconds in (60, 240, 600, 2_700, 18_000, 64_800):
        due_after(service, seconds)
    assert counts(service, batch) == {"review": 1}
    assert "M-Pesa never reported" in str(payouts(service)[0].failure_reason)
    assert events(service) == ["payout.review"]


@pytest.fixture
def v1(service_env: dict[str, str]) -> None:
    service_env["MPESA_B2C_VERSION"] = "v1"


@pytest.mark.usefixtures("v1")
def test_v1_is_never_sent_again(service: Service) -> None:
    made(service)
    script(service, fault="answer_lost")
    pay(service)
    due_after(service, 60)
    assert request_count(service, "b2c") == 1


@pytest.mark.parametrize("row", [ROW, TILL])
def test_a_lost_result_is_made_up_for_by_a_query(service: Service, row: dict[str, Any]) -> None:
    batch = made(service, row)
    script(service, "b2c" if row is ROW else "b2b", callback="lost")
    pay(service)
    complete(service)
    assert counts(service, batch) == {"pending": 1}
    assert due_after(service, 60) == 1
    assert counts(service, batch) == {"succeeded": 1}
    [stored] = payouts(service)
    ledger = service.ledger()
    assert stored.receipt == (ledger["credits"] + ledger["transfers"])[0]["receipt"]
    assert stored.evidence == "status"
    assert service.inbox()[-1].payout_id == stored.id


def test_its_schedule_counts_from_its_first_sending(service: Service) -> None:
    batch = made(service)
    act(service, batch, "pause")
    service.clock.advance(200_000)
    act(service, batch, "resume")
    pay(service)
    [row] = payouts(service)
    assert row.first_sent_at == service.clock()
    assert due_after(service, 59) == 0
    assert due_after(service, 1) == 1
    assert counts(service, batch) == {"pending": 1}


def test_one_that_was_never_begun_counts_from_when_it_was_made(service: Service) -> None:
    made(service)
    with service.runtime.database.begin() as session:
        command = PayoutCommand.lock(session, id=payouts(service)[0].id)
        assert command is not None
        assert command.first_sent_at == command.row.created_at


def test_a_time_out_is_not_a_failure(service: Service) -> None:
    batch = made(service)
    pay(service)
    [payout] = at_m_pesa(service)
    service.simulator.post(f"/simulator/commands/{payout.conversation_id}/timeout", {})
    assert counts(service, batch) == {"unknown": 1}
    complete(service)
    assert counts(service, batch) == {"succeeded": 1}


def test_a_result_twice_changes_nothing(service: Service) -> None:
    made(service)
    pay(service)
    complete(service)
    post_result(service)
    assert service.inbox()[-1].verdict == "duplicate"
    assert events(service) == ["payout.succeeded"]


@pytest.mark.parametrize("first", [0, 2040])
def test_a_mismatch_needs_review(service: Service, first: int) -> None:
    batch = made(service)
    pay(service)
    complete(service, resultCode=first)
    post_result(service, ResultCode=0 if first else 2040)
    assert counts(service, batch) == {"review": 1}
    assert events(service)[-1] == "payout.review"


def test_another_amount_goes_to_a_person(service: Service) -> None:
    batch = made(service)
    pay(service)
    post_result(service, ResultParameters={"ResultParameter": [{"Key": "TransactionAmount", "Value": 99}]})
    assert counts(service, batch) == {"review": 1}
    assert "another amount" in str(payouts(service)[0].failure_reason)


def test_another_payout_s_receipt_goes_to_a_person(service: Service) -> None:
    batch = made(service, ROW, POCHI)
    pay(service)
    post_result(service, 0)
    post_result(service, 1)
    assert counts(service, batch) == {"succeeded": 1, "review": 1}


def test_other_ids_on_its_address_are_a_dispute(service: Service) -> None:
    batch = made(service)
    pay(service)
    post_result(service, OriginatorConversationID="x", ConversationID="y")
    assert counts(service, batch) == {"pending": 1}
    assert service.inbox()[-1].verdict == "disputed"
    assert trail(service, payouts(service)[0].id)[-1] == "payout_disputed"


def test_a_receipt_is_kept_for_the_person(service: Service) -> None:
    made(service)
    pay(service)
    post_result(service, ResultCode=424242)
    post_result(service)
    post_result(service, TransactionID="ANOTHER123")
    [row] = payouts(service)
    assert (row.status, row.receipt) == ("review", "SG632NMUAB")


@pytest.mark.parametrize("then", [None, "stop"])
def test_m_pesa_pays_after_all_what_it_had_not_taken(service: Service, then: str | None) -> None:
    """It was requeued, or even canceled: it must not be sent again now."""
    batch = made(service)
    script(service, fault="spike_arrest", times=9)
    pay(service)
    if then:
        act(service, batch, then)
    [row] = payouts(service)
    from mpesa_service.commands.sending import tokens_of

    token = tokens_of(service.runtime.encryption, "payout", row.id).result
    body = {
        "ResultCode": 0,
        "ResultDesc": "",
        "ConversationID": "AG_1",
        "OriginatorConversationID": row.originator_conversation_id,
        "TransactionID": "SG632NMUAB",
    }
    url = f"{service.url}/api/mpesa/callback/command/result/{token}"
    for code in (2040, 0):
        requests.post(url, json={"Result": {**body, "ResultCode": code}}, timeout=5)
    assert [entry.verdict for entry in service.inbox()] == ["duplicate", "disputed"]
    assert counts(service, batch) == {"review": 1}
    service.clock.advance(60)
    check_due(service.runtime, KINDS)
    assert at_m_pesa(service) == []
