"""Commands take a receipt or an order in place of a payment's id, and say what else a text names."""

from typing import Any

import pytest

from tests.c2b.support import confirm
from tests.cli.commands import LEAVES
from tests.cli.test_unmatched import run, run_json
from tests.orders.support import add_order
from tests.payouts.support import made as made_batch
from tests.payouts.support import payouts, to_phones
from tests.refunds.support import complete
from tests.review.support import to_review
from tests.review.test_unmatched import waits
from tests.support import Service

WHO = ("--by", "amina", "--reason", "he called")
RECEIPT = "RKL51ZDR4F"
NAMED_BY = ("payment", "money")


@pytest.fixture
def payment(service: Service) -> str:
    """The id of a C2B payment of ORDER1 with the receipt RECEIPT."""
    add_order(service)
    confirm(service)
    return service.payments()[0].id


@pytest.fixture(params=["id", "receipt", "receipt in small letters", "order"])
def name(payment: str, request: Any) -> str:
    names = {"id": payment, "receipt": RECEIPT, "receipt in small letters": f" {RECEIPT.lower()} "}
    return names.get(request.param, "ORDER1")


class TestAPaymentIsNamed:
    def test_to_read(self, service: Service, payment: str, name: str) -> None:
        assert f"payment   {payment}" in run(service, "payments", "show", name)
        assert run_json(service, "payments", "show", name)["_id"] == payment
        assert "The money arrived." in run(service, "payments", "events", name)
        assert run_json(service, "payments", "refunds", name) == []

    def test_to_refund(self, service: Service, payment: str, name: str) -> None:
        words = ("payments", "refund", name, "--amount", "40", "--phone", "0712345678", *WHO)
        run(service, *words)
        [made] = service.refunds()
        assert made.payment_id == payment
        assert made.id in run(service, "payments", "show", payment)

    def test_to_move(self, service: Service, payment: str, name: str) -> None:
        add_order(service, "ORDER2")
        run(service, "payments", "move", name, "--order", "ORDER2", *WHO)
        assert service.row(payment).order_id == "ORDER2"

    def test_to_reverse(self, service: Service, payment: str, name: str) -> None:
        run(service, "reverse", name, *WHO)
        assert service.refunds()[0].payment_id == payment

    def test_in_every_command_and_in_its_help(self, service: Service) -> None:
        named = {
            path: command
            for path, command in LEAVES.items()
            if any(one.name in NAMED_BY for one in command.params)
        }
        assert len(named) == 12
        for path, command in named.items():
            assert "receipt" in (command.help or ""), path
            options = ["--order", "ORDER2"] if path[-1] == "move" else []
            arguments = ["NOBODYS1", "ORDER2"] if path[-1] == "match" else ["NOBODYS1"]
            needed = {name for one in command.params if one.required for name in one.opts}
            who = WHO if "--by" in needed else ()
            text = run(service, *path, *arguments, *options, *who, code=1)
            assert "Error: There is no payment with the id, receipt or order id NOBODYS1." in text, path


class TestAReview:
    @pytest.mark.parametrize("decision", ["settle", "fail"])
    def test_is_decided_by_the_order(self, service: Service, decision: str) -> None:
        to_review(service, service.pending(order="A"))
        text = run(service, "review", decision, "A", *WHO)
        assert f"is {'succeeded' if decision == 'settle' else 'failed'}" in text


class TestWhatIsNoOnePayment:
    def test_an_order_with_several_payments(self, service: Service, payment: str) -> None:
        confirm(service, TransID="RKL51ZDR5G", TransAmount="1500.00")
        text = run(service, "payments", "refund", "ORDER1", *WHO, code=1)
        assert "Error: ORDER1 names several payments. Give the id of one: " in text
        assert f"{payment} (succeeded, 100.00, receipt {RECEIPT})" in text
        assert "(succeeded, 1,500.00, receipt RKL51ZDR5G)" in text
        assert service.refunds() == []

    def test_a_long_list_is_cut(self, service: Service, payment: str) -> None:
        for number in range(5):
            service.clock.advance(1)
            confirm(service, TransID=f"RKL51ZDR5{number}")
        text = run(service, "payments", "events", "ORDER1", code=1)
        assert (text.count("receipt"), text.endswith("; ….\n")) == (5, True)

    def test_an_order_with_the_receipt_of_another_payment(self, service: Service, payment: str) -> None:
        other = service.row(service.paid(order=RECEIPT)).id
        text = run(service, "payments", "refund", RECEIPT, *WHO, code=1)
        assert payment in text
        assert other in text
        assert service.refunds() == []

    def test_an_order_with_the_id_of_another_payment(self, service: Service, payment: str) -> None:
        service.paid(order=payment)
        assert run_json(service, "payments", "show", payment)["mpesaReceiptNumber"] == RECEIPT

    def test_a_refund(self, service: Service, payment: str) -> None:
        run(service, "payments", "refund", payment, "--amount", "40", "--phone", "0712345678", *WHO)
        complete(service)
        [made] = service.refunds()
        for text in (made.id, made.receipt or ""):
            shown = run(service, "payments", "show", text, code=1)
            assert f"{text} is refund {made.id}, not a payment. It is a refund of payment {payment}." in shown

    def test_nothing(self, service: Service) -> None:
        assert "id, receipt or order id (empty)." in run(service, "payments", "show", "", code=1)
        assert "There is no such payment." in run(service, "payments", "show", "a\0b", code=1)


class TestUnmatchedMoney:
    def test_is_matched_by_its_receipt(self, service: Service) -> None:
        payment = waits(service)
        add_order(service)
        run(service, "unmatched", "match", service.row(payment).receipt or "", "ORDER1", *WHO)
        assert service.row(payment).order_id == "ORDER1"

    def test_is_returned_by_its_receipt(self, service: Service) -> None:
        payment = waits(service)
        run(service, "unmatched", "return", service.row(payment).receipt or "", *WHO)
        assert service.refunds()[0].payment_id == payment

    @pytest.mark.parametrize("decision", ["settle", "fail", "refund"])
    def test_has_commands_of_its_own(self, service: Service, decision: str) -> None:
        payment = waits(service)
        text = run(service, "review", decision, payment, *WHO, code=1)
        assert f"mpesa unmatched match {payment} ORDER --by NAME --reason …" in text
        assert f"mpesa unmatched return {payment} --by NAME --reason …" in text
        assert service.row(payment).status == "review"

    def test_a_fractional_amount(self, service: Service) -> None:
        confirm(service, TransAmount="100.50", BillRefNumber="Rent")
        [one] = run_json(service, "unmatched", "list")
        for name in (one["_id"], RECEIPT):
            for words in (("review", "settle", name), ("unmatched", "return", name), ("reverse", name)):
                text = run(service, *words, *WHO, code=1)
                assert f"The command is: mpesa unmatched close {one['_id']} --by NAME" in text
        run(service, "unmatched", "close", RECEIPT, *WHO)
        assert run_json(service, "unmatched", "list") == []


def test_a_payout_is_no_payment(service: Service) -> None:
    batch = made_batch(service, *to_phones(1))
    [payout] = payouts(service)
    text = run(service, "review", "settle", payout.id, *WHO, code=1)
    assert f"{payout.id} is payout {payout.id} of batch {batch}, not a payment." in text
    assert f"mpesa payouts settle {payout.id} or mpesa payouts fail {payout.id}" in text
