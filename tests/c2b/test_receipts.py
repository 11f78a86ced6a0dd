"""A receipt in hand: M-Pesa is queried, and what it says is booked once, or the reason is stated."""

import json
from typing import Any

import pytest
import requests
from sqlalchemy import select, update

from mpesa_service.c2b import reported_money
from mpesa_service.c2b.receipts import NO_ACCOUNT, book_answered
from mpesa_service.c2b.registration import register
from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.commands.sending import tokens_of
from mpesa_service.daraja import NotSent
from mpesa_service.models import Inquiry
from tests.c2b.bookings import only, pay_with_lost_callback
from tests.c2b.support import (
    SHORTCODE,
    assert_books_are_right,
    confirm,
    confirmations,
    expect_order,
    order_row,
)
from tests.support import PHONE, Service

RECEIPT = "RKL51ZDR4F"


def pay(service: Service, amount: str = "100.00", shortcode: str = SHORTCODE) -> str:
    """Pay from the phone, without a confirmation; return the receipt."""
    body = {"msisdn": PHONE, "amount": amount, "billRefNumber": "ORDER1", "shortcode": shortcode}
    return str(service.simulator.post("/simulator/c2b", body)["transId"])


def request_booking(service: Service, receipt: str, **headers: str) -> Any:
    return service.call("POST", f"/receipts/{receipt}/book", by="boss", admin=True, **headers)


def book(service: Service, receipt: str) -> dict[str, Any]:
    """Request the booking, let M-Pesa answer, and return the booking of the inquiry."""
    assert request_booking(service, receipt).status_code == 202
    answer(service)
    return shown(service, receipt)


def answer(service: Service) -> None:
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})


def shown(service: Service, receipt: str) -> dict[str, Any]:
    data = service.call("GET", f"/transactions/{receipt}", by="boss", admin=True).json["data"]
    return dict(data["booking"])


def inquiry(service: Service) -> Inquiry:
    with service.runtime.database.read() as session:
        return session.scalars(select(Inquiry).order_by(Inquiry.id.desc())).first()  # type: ignore[return-value]


def post_result(service: Service, token: str | None = None, **changes: Any) -> str:
    """Post M-Pesa's answer by hand; return the verdict."""
    values = {
        "TransactionStatus": "Completed",
        "ReceiptNo": RECEIPT,
        "Amount": "100",
        "DebitPartyName": f"{PHONE} - JANE",
        "CreditPartyName": f"{SHORTCODE} - SHOP",
        "ReasonType": "Pay Bill Online",
        "FinalisedTime": 20261122115900,
        **changes,
    }
    parameters = [{"Key": key, "Value": value} for key, value in values.items() if value is not None]
    body = {
        "Result": {
            "ResultType": 0,
            "ResultCode": 0,
            "ResultDesc": "ok",
            "OriginatorConversationID": "a",
            "ConversationID": "b",
            "TransactionID": "RKL0000000",
            "ResultParameters": {"ResultParameter": parameters},
        }
    }
    token = token or tokens_of(service.runtime.encryption, "inquiry", inquiry(service).id).result
    url = f"{service.url}/api/mpesa/callback/command/result/{token}"
    assert requests.post(url, json=body, timeout=5).status_code == 200
    return service.inbox()[-1].verdict


class TestBooked:
    def test_money_whose_confirmation_was_lost(self, service: Service) -> None:
        receipt = pay(service)
        found = book(service, receipt)
        payment = only(service)
        assert found == {
            "status": "unmatched",
            "reason": NO_ACCOUNT,
            "paymentId": payment.id,
        }
        assert (payment.receipt, payment.amount, payment.evidence) == (receipt, 100, "status")
        assert service.runtime.encryption.decrypt(payment.phone_encrypted or b"") == PHONE
        assert [row.source for row in confirmations(service)] == ["status"]
        assert_books_are_right(service)

    def test_all_of_several_and_each_once(self, service: Service) -> None:
        register(service.runtime, "amina")
        service.simulator.post("/simulator/options", {"faults": {"c2b.confirmation_lost": 1}})
        found = [pay(service) for _ in range(3)]
        assert (service.payments(), service.inbox()) == ([], [])
        for wanted in ("unmatched", "known"):
            assert [book(service, receipt)["status"] for receipt in found] == [wanted] * 3
            service.clock.advance(61)
        assert sorted(str(payment.receipt) for payment in service.payments()) == sorted(found)
        assert_books_are_right(service)

    def test_to_the_order_that_its_account_names(self, service: Service) -> None:
        expect_order(service)
        request_booking(service, RECEIPT)
        assert post_result(service, BillReferenceNumber="ORDER1") == "applied"
        assert (shown(service, RECEIPT)["status"], order_row(service).status) == ("booked", "paid")
        assert_books_are_right(service)

    def test_to_the_prompt_whose_callback_was_lost(self, service: Service) -> None:
        checkout = pay_with_lost_callback(service)
        receipt = service.simulator.get(f"/simulator/prompts/{checkout}")["receipt"]
        assert book(service, receipt)["status"] == "waiting"
        service.clock.advance(61)
        match_due(service.runtime)
        assert (service.row(checkout).status, service.row(checkout).receipt) == ("succeeded", receipt)

    def test_once(self, service: Service) -> None:
        receipt = pay(service)
        book(service, receipt)
        service.clock.advance(61)
        found = book(service, receipt)
        assert (found["status"], found["paymentId"]) == ("known", only(service).id)

    def test_what_is_booked_already_says_where(self, service: Service) -> None:
        checkout = service.paid()
        receipt = service.payment(checkout)["mpesaReceiptNumber"]
        found = book(service, receipt)
        assert (found["status"], found["paymentId"]) == ("known", service.row(checkout).id)
        assert service.row(checkout).evidence == "status"

    def test_another_amount_is_disputed(self, service: Service) -> None:
        confirm(service)
        request_booking(service, RECEIPT)
        post_result(service, Amount="900")
        assert shown(service, RECEIPT)["status"] == "disputed"
        assert only(service).amount == 100

    def test_a_fractional_amount_is_listed(self, service: Service) -> None:
        found = book(service, pay(service, "100.50"))
        assert (found["status"], found["paymentId"]) == ("unmatched", None)

    def test_from_an_answer_that_is_fresh(self, service: Service) -> None:
        receipt = pay(service)
        service.call("GET", f"/transactions/{receipt}", by="boss", admin=True)
        answer(service)
        done = request_booking(service, receipt)
        assert (done.status_code, done.json["data"]["booking"]["status"]) == (200, "unmatched")

    def test_under_a_key(self, service: Service) -> None:
        receipt = pay(service)
        first = request_booking(service, receipt, Idempotency_Key="k1")
        again = request_booking(service, receipt, Idempotency_Key="k1")
        assert (again.status_code, again.json) == (202, first.json)
        assert again.headers["Idempotent-Replayed"] == "true"
        assert request_booking(service, "OTHER12345", Idempotency_Key="k1").status_code == 422

    def test_whose_refused_inquiry_frees_the_key(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: Any) -> None:
            raise NotSent("no connection", operation="transaction_status")

        receipt = pay(service)
        monkeypatch.setattr(service.runtime.daraja, "transaction_status", fail)
        for key in ({"Idempotency_Key": "k1"}, {}):
            answer_ = request_booking(service, receipt, **key)
            assert (answer_.status_code, answer_.json["code"]) == (503, "provider_unreachable")
        monkeypatch.undo()
        assert book_answered(service.runtime) == 2
        assert request_booking(service, receipt, Idempotency_Key="k1").status_code == 202


class TestNotBooked:
    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"TransactionStatus": "Cancelled"}, reported_money.NOT_COMPLETED.format("Cancelled")),
            ({"TransactionStatus": "Authorized"}, reported_money.NOT_COMPLETED.format("Authorized")),
            ({"ReceiptNo": "RKL51ZDR99"}, reported_money.OTHER_RECEIPT),
            ({"Amount": None}, reported_money.NO_AMOUNT),
            ({"Amount": "1.005"}, reported_money.NO_AMOUNT),
            ({"DebitPartyName": "174379 - SHOP"}, reported_money.WENT_OUT.format("174379")),
            ({"CreditPartyName": "600000 - OTHER"}, reported_money.FOREIGN.format("600000")),
            ({"CreditPartyName": f"{PHONE} - JANE"}, reported_money.FOREIGN.format("a person")),
            ({"CreditPartyName": None}, reported_money.NO_RECEIVER),
        ],
        ids=str,
    )
    def test_what_did_not_arrive_here(self, service: Service, changes: dict[str, Any], reason: str) -> None:
        request_booking(service, RECEIPT)
        post_result(service, **changes)
        assert shown(service, RECEIPT) == {"status": "refused", "reason": reason, "paymentId": None}
        assert (service.payments(), confirmations(service)) == ([], [])

    def test_a_receipt_that_does_not_exist(self, service: Service) -> None:
        found = book(service, "UKN0000000")
        assert found["status"] == "refused"
        assert "receipt" in found["reason"]

    def test_a_payout_of_this_service(self, service: Service) -> None:
        checkout = service.paid()
        service.simulator.post("/simulator/options", {"b2c_auto": "pay"})
        service.refund(checkout, 50)
        answer(service)
        receipt = service.refunds()[0].receipt
        assert book(service, str(receipt))["reason"] == reported_money.IS_OUTGOING.format("refund")

    def test_a_forged_result_on_another_address(self, service: Service) -> None:
        request_booking(service, RECEIPT)
        assert post_result(service, token="x" * 43) == "unmatched"
        assert (shown(service, RECEIPT)["status"], service.payments()) == ("wanted", [])

    def test_strangers_and_odd_receipts(self, service: Service) -> None:
        assert service.call("POST", f"/receipts/{RECEIPT}/book").status_code == 403
        assert request_booking(service, "x").json["code"] == "invalid_receipt"


class TestTrouble:
    def test_a_job_books_what_the_callback_could_not(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fault(*_: Any) -> None:
            raise RuntimeError("a fault of ours")

        receipt = pay(service)
        monkeypatch.setattr("mpesa_service.c2b.receipts.book_money", fault)
        assert book(service, receipt)["status"] == "wanted"
        assert service.inbox()[-1].verdict == "applied"
        monkeypatch.undo()
        assert [book_answered(service.runtime) for _ in range(2)] == [1, 0]
        assert only(service).receipt == receipt

    @pytest.mark.parametrize(
        ("what", "booking"), [("unmatched", "unmatched"), ("order", "booked"), ("cents", "unmatched")]
    )
    def test_one_that_was_killed_after_the_booking(self, service: Service, what: str, booking: str) -> None:
        if what == "order":
            expect_order(service)
        request_booking(service, RECEIPT)
        amount = "100.50" if what == "cents" else "100"
        post_result(service, BillReferenceNumber="ORDER1", Amount=amount)
        with service.runtime.database.begin() as session:
            session.execute(update(Inquiry).values(booking="wanted", payment_id=None))
        assert book_answered(service.runtime) == 1
        found = shown(service, RECEIPT)
        assert (found["status"], found["paymentId"] is None) == (booking, what == "cents")
        assert len(confirmations(service)) == 1

    def test_one_that_waits(self, service: Service) -> None:
        pay_with_lost_callback(service)
        request_booking(service, RECEIPT)
        for _ in range(2):
            with service.runtime.database.begin() as session:
                session.execute(update(Inquiry).values(booking="wanted"))
            if inquiry(service).completed_at is None:
                post_result(service, DebitPartyName="254722000001 - A", BillReferenceNumber="ORDER1")
            book_answered(service.runtime)
            assert shown(service, RECEIPT)["status"] == "waiting"


class TestCommand:
    def run(self, service: Service, *words: str, code: int = 0) -> Any:
        result = service.app.test_cli_runner().invoke(args=["mpesa", "receipts", "book", *words])
        assert result.exit_code == code, result.output
        return result

    def test_waits_for_the_answer(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"timers": "real", "status_after": 0})
        receipt = pay(service)
        found = self.run(service, receipt, "--by", "amina")
        assert "Booked as unmatched money" in found.stdout
        payment = service.payments()[0].id
        assert f"Next: mpesa unmatched match {payment} ORDER --by NAME --reason …" in found.stdout
        refused = self.run(service, "UKN0000000", "--by", "amina", code=1)
        assert refused.stdout.startswith("Not booked: ") and "Next: compare" in refused.stdout  # noqa: PT018

    def test_or_does_not(self, service: Service) -> None:
        receipt = pay(service)
        found = self.run(service, receipt, "--by", "amina", "--no-wait")
        assert "has not answered yet" in found.stdout
        answer(service)
        data = json.loads(self.run(service, receipt, "--by", "amina", "--json").stdout)
        assert data["booking"]["status"] == "unmatched"
