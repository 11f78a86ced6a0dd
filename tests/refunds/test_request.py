"""Money back, never more than came in."""

import pytest
import requests
from sqlalchemy.exc import OperationalError

from tests.refunds.support import complete
from tests.support import Service


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


def test_less_than_m_pesa_pays_out_is_refused_at_once(service: Service) -> None:
    checkout = service.paid(amount=15)
    answer = service.refund(checkout, 9)
    assert (answer.status_code, answer.json["code"]) == (400, "refund_too_small")
    assert answer.json["details"] == {"amount": 9, "minimum": 10}
    assert service.refunds() == []
    assert service.ledger()["credits"] == []
    assert service.refund(checkout, 10).status_code == 200
    complete(service)
    assert service.refund(checkout).json["code"] == "refund_too_small"
    assert service.payment(checkout)["refundedAmount"] == 10


def test_a_small_payment_is_reversed_as_a_whole(service: Service) -> None:
    checkout = service.paid(amount=5)
    assert service.refund(checkout).json["code"] == "refund_too_small"
    body = {"method": "reversal"}
    answer = service.call("POST", f"/{checkout}/refund", body, by="boss", admin=True)
    assert (answer.status_code, answer.json["data"]["refundAmount"]) == (200, 5)


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
