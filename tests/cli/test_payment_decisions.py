"""The operators' commands that change paid payments."""

import json
import logging
import os

import pytest

from mpesa_service.refunds.repeated import REPEATED_WITHIN
from tests.c2b.support import assert_books_are_right, confirm, order_row
from tests.cli.test_unmatched import database_url, run, run_json
from tests.orders.support import add_order
from tests.refunds.support import complete
from tests.support import Service

__all__ = ["database_url"]
WHO = ("--by", "amina", "--reason", "wrong account")


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment of ORDER1."""
    add_order(service)
    confirm(service)
    return service.payments()[0].id


class TestRefund:
    def test_of_the_surplus(self, service: Service) -> None:
        add_order(service, amount=60)
        confirm(service)
        payment = service.payments()[0].id
        text = run(service, "orders", "show", "ORDER1")
        assert f"mpesa payments refund {payment} --amount 40 --phone NUMBER --by NAME --reason …" in text
        words = ("payments", "refund", payment, "--amount", "40", *WHO)
        text = run(service, *words, "--phone", "0712345678")
        assert "of 40 shillings is pending (b2c to 254712***678; the number agrees with the payer)" in text
        assert service.events(payment)[-2].actor == "operator:amina"

    def test_to_another_number(self, service: Service, payment: str) -> None:
        words = ("payments", "refund", payment, "--amount", "40", "--phone", "0722000001", *WHO)
        assert "This number is not the payer's." in run(service, *words, code=1)
        shown = run_json(service, *words, "--confirm-different-payer")
        assert (shown["phoneNumber"], shown["payerAgrees"]) == ("254722***001", False)

    def test_by_reversal(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "refund", payment, *WHO)
        assert "of 100 shillings is" in text
        assert "(reversal)" in text

    def test_a_number_that_is_none(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "refund", payment, "--phone", "0712", *WHO, code=2)
        assert "Invalid phone number format" in text


def test_a_persons_command_prints_no_audit_lines(service: Service, payment: str) -> None:
    runner = service.app.test_cli_runner()
    words = ("payments", "refund", payment, "--amount", "40", "--phone", "0712345678", *WHO)
    quiet = runner.invoke(args=["mpesa", *words])
    assert '"level"' not in quiet.stdout + quiet.stderr.replace("Warning", "")
    loud = runner.invoke(args=["mpesa", *words, "--again"], env={"LOG_LEVEL": "INFO"})
    assert loud.exit_code == 0
    assert logging.getLogger("mpesa_service").level == logging.INFO


@pytest.mark.parametrize("given", [None, "", "INFO"])
def test_the_level_of_a_command(service: Service, monkeypatch: pytest.MonkeyPatch, given: str | None) -> None:
    log, seen = logging.getLogger("mpesa_service"), list[int]()
    level = log.level
    monkeypatch.delenv("LOG_LEVEL", raising=False)
    if given is not None:
        monkeypatch.setenv("LOG_LEVEL", given)
    monkeypatch.setattr("mpesa_service.cli.payments.show_list", lambda *_: seen.append(log.level))
    service.paid()
    run(service, "payments", "refunds", service.payments()[0].id)
    assert seen == [log.level if given else logging.WARNING]
    assert (log.level, os.environ.get("LOG_LEVEL")) == (level, given)


class TestRefundTwice:
    def refund(self, service: Service, payment: str, *more: str, code: int = 0) -> str:
        words = ("--amount", "40", "--phone", "0712345678", *WHO, *more)
        return run(service, "payments", "refund", payment, *words, code=code)

    def test_is_refused_with_the_earlier_one(self, service: Service, payment: str) -> None:
        self.refund(service, payment)
        text = self.refund(service, payment, code=1)
        [made] = service.refunds()
        earlier = f"refund {made.id} of 40 shillings is pending, requested 2026-11-22 12:00:00."
        assert f"Error: An equal refund was requested before: {earlier} If" in text
        assert "add --again" in text
        assert "of 40 shillings is pending" in self.refund(service, payment, "--again")
        assert len(service.refunds()) == 2

    def test_is_refused_for_a_while_after_the_first_was_paid(self, service: Service, payment: str) -> None:
        self.refund(service, payment)
        complete(service)
        service.clock.advance(REPEATED_WITHIN.total_seconds() - 1)
        assert "is succeeded, requested" in self.refund(service, payment, code=1)
        service.clock.advance(1)
        self.refund(service, payment)

    def test_is_refused_as_long_as_the_first_is_open(self, service: Service, payment: str) -> None:
        self.refund(service, payment)
        service.clock.advance(REPEATED_WITHIN.total_seconds() * 9)
        assert "is pending, requested" in self.refund(service, payment, code=1)

    def test_is_allowed_after_a_failure(self, service: Service, payment: str) -> None:
        self.refund(service, payment)
        complete(service, resultCode=1)
        self.refund(service, payment)
        assert {one.status for one in service.refunds()} == {"failed", "pending"}

    def test_of_another_amount_or_to_another_number_is_no_repetition(
        self, service: Service, payment: str
    ) -> None:
        self.refund(service, payment)
        self.refund(service, payment, "--amount", "30")
        self.refund(service, payment, "--amount", "30", "--phone", "0722000001", "--confirm-different-payer")
        assert sorted(one.amount for one in service.refunds()) == [30, 30, 40]

    def test_to_the_payer(self, service: Service) -> None:
        service.paid()
        words = ("payments", "refund", service.payments()[0].id, "--amount", "40", *WHO)
        run(service, *words)
        assert "An equal refund was requested before" in run(service, *words, code=1)
        text = run(service, *words, "--phone", "0712345678", code=1)
        assert "An equal refund was requested before" in text

    def test_through_the_api_is_decided_by_its_key(self, service: Service, payment: str) -> None:
        body = {"amount": 40, "phoneNumber": "0712345678", "reason": "paid too much"}
        for _ in range(2):
            answer = service.call("POST", f"/{payment}/refund", body, by="boss", admin=True)
            assert answer.status_code == 200, answer.json


class TestRefundOfAPaidOrder:
    def test_warns_that_the_order_is_short(self, service: Service, payment: str) -> None:
        words = ("payments", "refund", payment, "--phone", "0712345678", *WHO)
        text = run(service, *words, "--amount", "80")
        warning = (
            "Warning: the refund leaves a paid order short. ORDER1 then has received 20 of 100 shillings."
        )
        assert warning in text
        assert "has received 10 of 100" in run(service, *words, "--amount", "10")

    def test_warns_in_json_too(self, service: Service, payment: str) -> None:
        runner = service.app.test_cli_runner()
        words = ("payments", "refund", payment, "--amount", "40", "--phone", "0712345678", *WHO, "--json")
        result = runner.invoke(args=["mpesa", *words])
        short = {"orderId": "ORDER1", "receivedAmount": 60, "amountDue": 100}
        assert json.loads(result.stdout)["orderLeftShort"] == short
        assert "then has received 60 of 100" in result.stderr

    def test_of_a_surplus_does_not_warn(self, service: Service) -> None:
        add_order(service, amount=60)
        confirm(service)
        words = ("--amount", "40", "--phone", "0712345678", *WHO)
        text = run(service, "payments", "refund", service.payments()[0].id, *words)
        assert "short" not in text

    def test_of_a_part_payment_does_not_warn(self, service: Service) -> None:
        add_order(service, amount=200)
        confirm(service)
        words = ("--amount", "40", "--phone", "0712345678", *WHO)
        text = run(service, "payments", "refund", service.payments()[0].id, *words)
        assert "short" not in text


def test_refunds_of_a_payment(service: Service, payment: str) -> None:
    assert run_json(service, "payments", "refunds", payment) == []
    run(service, "payments", "refund", payment, "--amount", "40", "--phone", "0712345678", *WHO)
    text = run(service, "payments", "refunds", payment)
    for expected in (service.refunds()[0].id, "2026-11-22 12:00:00", "254712***678", "operator:amina"):
        assert expected in text
    [one] = run_json(service, "payments", "refunds", payment)
    assert (one["refundAmount"], one["status"]) == (40, "pending")


class TestMove:
    def test_to_another_order(self, service: Service, payment: str) -> None:
        add_order(service, "ORDER2")
        words = ("payments", "move", payment, "--order", "ORDER2", *WHO)
        moved = "Moved from order ORDER1: the payment is of order ORDER2 now. Its status is succeeded."
        text = run(service, *words)
        assert moved in text
        assert "Order ORDER1 is open: 0 of 100 shillings received, 100 missing." in text
        assert "Order ORDER2 is paid: 100 of 100 shillings received." in text
        assert f"To undo it: mpesa payments move {payment} --order ORDER1 --by NAME --reason …" in text
        assert order_row(service, "ORDER2").status == "paid"
        assert service.events(payment)[-3].actor == "operator:amina"
        assert "Nothing to move: the payment is of order ORDER2 already." in run(service, *words)
        assert_books_are_right(service)

    def test_to_unmatched_money(self, service: Service, payment: str) -> None:
        shown = run_json(service, "payments", "move", payment, "--to-unmatched", *WHO)
        assert (shown["_id"], shown["orderId"], shown["status"]) == (payment, None, "review")

    @pytest.mark.parametrize("where", [(), ("--order", "ORDER2", "--to-unmatched")])
    def test_one_place(self, service: Service, payment: str, where: tuple[str, ...]) -> None:
        text = run(service, "payments", "move", payment, *where, *WHO, code=2)
        assert "Give either --order ID or --to-unmatched." in text
        assert service.row(payment).order_id == "ORDER1"

    def test_what_is_not_there(self, service: Service, payment: str) -> None:
        text = run(service, "payments", "move", payment, "--order", "ORDER9", *WHO, code=1)
        assert "There is no such order. Register it first." in text

    def test_needs_a_reason(self, service: Service, payment: str) -> None:
        run(service, "payments", "move", payment, "--to-unmatched", "--by", "amina", "--reason", "", code=2)
        assert service.row(payment).order_id == "ORDER1"
