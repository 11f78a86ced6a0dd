"""Money back, never more than came in."""

import pytest
import requests
from requests import Response
from sqlalchemy.exc import OperationalError

from daraja_simulator.records import Payout
from tests.support import Service


def complete(service: Service, number: int = -1, **body: object) -> None:
    """Let the simulator pay (or refuse) the refund that was requested last."""
    refund = service.refunds()[number]
    service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/complete", body)


def result(service: Service, token: str, **changes: object) -> Response:
    """Post a B2C result as M-Pesa does."""
    refund = service.refunds()[-1]
    body = {
        "ResultType": 0,
        "ResultCode": 0,
        "ResultDesc": "The service request is processed successfully.",
        "OriginatorConversationID": refund.originator_conversation_id,
        "ConversationID": refund.conversation_id,
        "TransactionID": "SG632NMUAB",
        "ResultParameters": {
            "ResultParameter": [
                {"Key": "TransactionAmount", "Value": refund.amount},
                {"Key": "TransactionReceipt", "Value": "SG632NMUAB"},
            ]
        },
    }
    body.update(changes)
    url = f"{service.url}/api/mpesa/callback/command/{token}"
    return requests.post(url, json={"Result": body}, timeout=5)


def result_token(service: Service) -> str:
    """Return the path of the last refund's own result address, as the simulator received it."""
    return last_payout(service).result_url.split("/callback/command/")[1]


def last_payout(service: Service) -> Payout:
    """Return the simulator's own record of the last payout that it received."""
    return list(service.simulator.state.payouts.values())[-1]


def test_a_refund_in_two_parts(service: Service) -> None:
    checkout = service.paid(amount=100)
    answer = service.refund(checkout, 40)
    data = answer.json["data"]
    assert answer.status_code == 200
    assert answer.json["message"] == "Refund initiated successfully"
    assert (data["status"], data["refundAmount"]) == ("pending", 40)
    assert data["refundId"].startswith("AG_")
    assert service.payment(checkout)["status"] == "succeeded", "until M-Pesa's result arrives"

    complete(service)
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("partially_refunded", 40)

    service.clock.advance(1)
    assert service.refund(checkout).json["data"]["refundAmount"] == 60
    complete(service)
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("refunded", 100)
    paid_back = service.ledger()["credits"]
    assert [credit["amount"] for credit in paid_back] == [40, 60]
    receipts = [refund["mpesaReceiptNumber"] for refund in payment["refunds"]]
    assert receipts == [credit["receipt"] for credit in paid_back]
    listed = service.call("GET", f"/{checkout}/refund").json["data"]
    assert listed == payment["refunds"]


def test_more_than_is_left_is_refused(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 70)
    answer = service.refund(checkout, 31)
    assert (answer.status_code, answer.json["code"]) == (400, "refund_too_large")
    assert answer.json["details"]["refundableAmount"] == 30
    service.refund(checkout, 30)
    answer = service.refund(checkout)
    assert (answer.status_code, answer.json["code"]) == (409, "nothing_to_refund")
    assert len(service.refunds()) == 2


def test_only_paid_payments_are_refunded(service: Service) -> None:
    checkout = service.pending()
    answer = service.refund(checkout)
    assert (answer.status_code, answer.json["code"]) == (409, "not_refundable")
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
    assert service.refund(checkout).status_code == 409


def test_a_declined_refund_frees_its_amount(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    complete(service, resultCode=1)
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("succeeded", 0)
    [refund] = payment["refunds"]
    assert (refund["status"], refund["resultCode"]) == ("failed", "1")
    assert refund["failureReason"]
    assert service.refund(checkout, 100).status_code == 200


def test_a_refused_refund_frees_its_amount(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/options", {"shortcode": "600000"})
    answer = service.refund(checkout, 100)
    assert answer.status_code == 502
    assert service.row(checkout).refunding_amount == 0
    assert service.payment(checkout)["refunds"][0]["status"] == "failed"


def test_an_unanswered_refund_stays_reserved_until_its_result(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    answer = service.refund(checkout, 100)
    assert (answer.status_code, answer.json["data"]["status"]) == (202, "unknown")
    assert service.refund(checkout).json["code"] == "nothing_to_refund"
    complete(service)
    assert service.payment(checkout)["status"] == "refunded"
    assert len(service.ledger()["credits"]) == 1


def test_a_result_before_the_answer(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.simulator.post(
        "/simulator/script", {"for": "b2c", "callback": "before_answer", "outcome": "paid"}
    )
    answer = service.refund(checkout, 100)
    assert answer.json["data"]["status"] == "succeeded"
    assert answer.json["data"]["refundId"] == service.ledger()["credits"][0]["conversationId"]
    assert service.payment(checkout)["status"] == "refunded"


def test_a_time_out_is_not_a_failure(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    refund = service.refunds()[0]
    service.simulator.post(f"/simulator/b2c/{refund.originator_conversation_id}/timeout")
    assert service.payment(checkout)["refunds"][0]["status"] == "unknown"
    assert service.row(checkout).refunding_amount == 100
    [*_, row] = service.inbox()
    assert (row.kind, row.verdict) == ("command_timeout", "applied")


def test_a_time_out_after_the_result_changes_nothing(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 100)
    payout = last_payout(service)
    complete(service)
    requests.post(payout.timeout_url, json={}, timeout=5)
    assert service.payment(checkout)["refunds"][0]["status"] == "succeeded"
    assert service.inbox()[-1].verdict == "noted"


def test_a_second_result_changes_nothing(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    for _ in range(3):
        assert result(service, token).json() == {"ResultCode": 0, "ResultDesc": "Success"}
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("partially_refunded", 60)
    assert [row.verdict for row in service.inbox()[-3:]] == ["applied", "duplicate", "duplicate"]


def test_a_result_that_contradicts_the_first_needs_a_person(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    result(service, token)
    result(service, token, ResultCode=1, ResultParameters=None)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.payment(checkout)["refundedAmount"] == 0, "not certain any more"
    assert service.row(checkout).refunding_amount == 60


def test_money_paid_after_a_failure_is_held_again(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    token = result_token(service)
    result(service, token, ResultCode=1, ResultParameters=None)
    assert service.row(checkout).refunding_amount == 0
    result(service, token)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.row(checkout).refunding_amount == 60


@pytest.mark.parametrize(
    "changes",
    [
        {"ResultParameters": {"ResultParameter": [{"Key": "TransactionAmount", "Value": 6000}]}},
        {"ResultParameters": {"ResultParameter": [{"Key": "TransactionAmount", "Value": 60.5}]}},
    ],
)
def test_a_result_over_another_amount_needs_a_person(service: Service, changes: dict) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service), **changes)
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "review"
    assert (payment["refundedAmount"], service.row(checkout).refunding_amount) == (0, 60)


def test_an_ambiguous_result_needs_a_person_and_stays_reserved(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service), ResultCode=31337, ResultParameters=None)
    assert service.payment(checkout)["refunds"][0]["status"] == "review"
    assert service.row(checkout).refunding_amount == 60


def test_a_receipt_of_another_refund_needs_a_person(service: Service) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    result(service, result_token(service))
    service.clock.advance(1)
    service.refund(checkout, 20)
    result(service, result_token(service))
    assert [refund.status for refund in service.refunds()] == ["succeeded", "review"]
    assert service.payment(checkout)["refundedAmount"] == 60


@pytest.mark.parametrize("case", ["no such address", "time-out address", "other ids", "not JSON", "no ids"])
def test_forged_results_change_nothing(service: Service, case: str) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    payout = last_payout(service)
    token = result_token(service)
    forged = {"OriginatorConversationID": "another", "ConversationID": "AG_another"}
    if case == "no such address":
        result(service, "result/" + "x" * 43)
    elif case == "time-out address":
        result(service, "result/" + payout.timeout_url.rsplit("/", 1)[1])
    elif case == "other ids":
        result(service, token, **forged)
    elif case == "not JSON":
        requests.post(payout.result_url, data=b"{", timeout=5)
    else:
        requests.post(payout.result_url, json={"Result": {"ResultCode": 0}}, timeout=5)
    payment = service.payment(checkout)
    assert payment["refunds"][0]["status"] == "pending"
    assert payment["refundedAmount"] == 0
    assert service.inbox()[-1].verdict in {"unmatched", "disputed", "unreadable"}


def test_a_refund_paid_while_its_payment_is_in_review_is_counted(service: Service) -> None:
    from mpesa_service.domain.audit import Cause
    from mpesa_service.models.statements import lock_payment
    from mpesa_service.payments.transitions import move_payment

    checkout = service.paid(amount=100)
    service.refund(checkout, 60)
    with service.runtime.database.begin() as session:
        payment = lock_payment(session, service.row(checkout).id)
        move_payment(session, payment, "contradicted", Cause("test", service.clock()))
    complete(service)
    assert service.payment(checkout)["status"] == "review"
    assert service.payment(checkout)["refundedAmount"] == 60


def test_without_an_initiator_refunds_are_not_offered(
    service_env: dict, listening, simulator, clock, sqlite_url
) -> None:
    from tests.support import start_service

    env = {**service_env, "DATABASE_URL": sqlite_url, "MPESA_ENVIRONMENT": "sandbox"}
    env.update(MPESA_CONSUMER_KEY="k", MPESA_CONSUMER_SECRET="s", MPESA_SHORTCODE="174379")
    env.update(MPESA_PASSKEY="bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919")
    service = start_service(listening, simulator, clock, env)
    checkout = service.paid()
    answer = service.refund(checkout)
    assert (answer.status_code, answer.json["code"]) == (503, "refunds_not_set_up")
    service.runtime.database.dispose()


def test_a_time_out_at_no_ones_address_is_kept(service: Service) -> None:
    requests.post(f"{service.url}/api/mpesa/callback/command/timeout/{'x' * 43}", data=b"{}", timeout=5)
    [row] = service.inbox()
    assert (row.kind, row.verdict) == ("command_timeout", "unmatched")


def test_a_database_that_fails_after_the_send_leaves_it_unknown(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """M-Pesa has the payout: a caller who read "nothing was done" would request a second one."""
    checkout = service.paid(amount=100)

    def away(*_: object) -> None:
        raise OperationalError("UPDATE", {}, Exception("database is locked"))

    monkeypatch.setattr("mpesa_service.refunds.request.conclude", away)
    answer = service.refund(checkout, 40)
    monkeypatch.undo()
    assert (answer.status_code, answer.json["data"]["status"]) == (202, "unknown")
    assert answer.json["data"]["_id"] == service.refunds()[0].id
    assert service.row(checkout).refunding_amount == 40
    complete(service)
    assert service.payment(checkout)["refundedAmount"] == 40
