"""Our record of a receipt, beside what M-Pesa reports about it."""

from typing import Any

import pytest

from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.review.unmatched import close
from tests.c2b.support import RECEIPT, confirm
from tests.inquiries.test_request import answered, receipt_of, request_status
from tests.payouts.support import complete as complete_payouts
from tests.payouts.support import made, pay, payouts
from tests.refunds.support import complete
from tests.support import Service


class TestInTheAnswer:
    def ours(self, service: Service, receipt: str) -> dict[str, Any]:
        return dict(request_status(service, receipt).json["data"]["ours"])

    def test_of_a_payment(self, service: Service) -> None:
        checkout = service.paid()
        assert self.ours(service, receipt_of(service, checkout)) == {
            "kind": "payment",
            "_id": service.row(checkout).id,
            "status": "succeeded",
            "amount": "100.00",
            "orderId": "ORDER1",
            "evidence": "callback",
            "at": "2026-11-22T12:00:00.000+03:00",
        }

    def test_of_a_refund_has_its_payments_order(self, service: Service) -> None:
        service.refund(service.paid(), 40)
        complete(service)
        [refund] = service.refunds()
        found = self.ours(service, refund.receipt or "")
        assert (found["kind"], found["_id"], found["orderId"]) == ("refund", refund.id, "ORDER1")
        assert (found["status"], found["amount"], found["evidence"]) == ("succeeded", "40.00", "callback")

    def test_of_a_payout(self, service: Service) -> None:
        made(service)
        pay(service)
        complete_payouts(service)
        [row] = payouts(service)
        found = self.ours(service, row.receipt or "")
        assert (found["kind"], found["_id"], found["status"]) == ("payout", row.id, "succeeded")
        assert (found["amount"], found["orderId"]) == ("100.00", None)

    def test_of_a_fractional_amount(self, service: Service) -> None:
        confirm(service, TransAmount="100.50")
        found = self.ours(service, RECEIPT)
        assert (found["kind"], found["status"], found["amount"]) == ("fractional", "unmatched", "100.50")
        close(service.runtime, Principal("amina", frozenset({ADMIN})), found["_id"], "returned")
        assert self.ours(service, RECEIPT)["status"] == "closed"

    def test_of_a_confirmation_that_waits(self, service: Service) -> None:
        service.pending()
        confirm(service, BillRefNumber="", MSISDN="2547 ***** 999")
        service.pending(order="ORDER2", phone="254722000678")
        confirm(service, TransID="RKL51ZDR5G", BillRefNumber="")
        found = self.ours(service, "RKL51ZDR5G")
        assert (found["kind"], found["status"], found["amount"]) == ("confirmation", "waiting", "100.00")


@pytest.fixture
def run(service: Service) -> Any:
    """A function that runs the command and returns what it prints."""
    return lambda *words: service.app.test_cli_runner().invoke(args=["mpesa", "status", *words]).output


def rows(text: str) -> dict[str, list[str]]:
    """Return the rows of a printed table by their first cells."""
    lines = [line.strip("│").split("│") for line in text.splitlines() if line.startswith("│")]
    return {first.strip(): [cell.strip() for cell in rest] for first, *rest in lines}


class TestOnTheCommandLine:
    def test_stands_beside_m_pesas(self, service: Service, run: Any) -> None:
        checkout = service.paid(amount=1500)
        receipt = receipt_of(service, checkout)
        assert rows(run(receipt))["status"] == ["not answered yet", "succeeded"]
        answered(service)
        table = rows(run(receipt))
        assert table["status"] == ["Completed", "succeeded"]
        assert table["amount"] == ["1,500.00", "1,500.00"]
        assert table["receipt"] == [receipt, receipt]
        assert table["time"][1] == "2026-11-22 12:00:00"
        ours = [table[name][1] for name in ("kind", "id", "order", "evidence")]
        assert ours == ["payment", service.row(checkout).id, "ORDER1", "callback"]

    def test_of_a_receipt_that_nothing_here_has(self, service: Service, run: Any) -> None:
        run("UKN2ABCDEF")
        answered(service)
        shown = run("UKN2ABCDEF")
        assert rows(shown)["status"][1] == "no record"
        assert "does not know" in rows(shown)["status"][0]
        assert "If the money arrived: mpesa receipts book UKN2ABCDEF --by NAME" in shown
