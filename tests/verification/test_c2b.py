"""The invariants of C2B payments find each kind of fault, and no fault in valid data."""

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.c2b.booking import FITS_NONE
from mpesa_service.verification.payments import Tally, verify
from mpesa_service.verification.simulator_ledger import verify_ledger
from tests.c2b.support import confirm
from tests.orders.test_expected import expect_order
from tests.support import PHONE, Service


@pytest.fixture
def books(service: Service) -> Service:
    """An order that was paid by C2B, and unmatched money; the simulator sends both confirmations."""
    service.call("POST", "/c2b/register", {}, by="boss", admin=True)
    expect_order(service, amount=50)
    for reference in ("order 1", "nobody's"):
        body = {"msisdn": "254712345678", "amount": 50, "billRefNumber": reference}
        service.simulator.post("/simulator/c2b", body)
    return service


def change(service: Service, statement: str) -> None:
    with service.runtime.database.begin() as session:
        session.execute(text(statement))


def found(service: Service) -> list[tuple[str, str]]:
    return [(violation.invariant, violation.sentence) for violation in verify(service.runtime)]


def against(service: Service, ledger: dict[str, Any]) -> set[str]:
    violations = verify_ledger(service.runtime, ledger, settled=True)
    return {f"{violation.invariant}: {violation.sentence}" for violation in violations}


def test_books_that_are_right(books: Service) -> None:
    tally = Tally()
    assert list(verify(books.runtime, tally)) == []
    assert against(books, books.ledger()) == set()
    assert (tally.counts["confirmations"], tally.counts["orders"]) == (2, 1)
    assert sorted(payment.status for payment in books.payments()) == ["review", "succeeded"]


def test_a_confirmation_that_nobody_looks_at(books: Service) -> None:
    change(books, "UPDATE c2b_confirmations SET payment_id = NULL, retry_at = NULL WHERE id = 1")
    assert [name for name, _ in found(books)] == ["confirmations_are_booked"]


def test_one_of_cents_is_listed_and_is_no_payment(service: Service) -> None:
    confirm(service, TransAmount="100.50")
    assert found(service) == []
    change(service, "UPDATE c2b_confirmations SET fractional_id = NULL")
    sentence = "this confirmation belongs to no payment, and no retry is scheduled"
    assert found(service) == [("confirmations_are_booked", sentence)]


def test_a_payment_of_another_amount_than_was_confirmed(books: Service) -> None:
    change(books, "UPDATE c2b_confirmations SET amount_cents = 5100 WHERE id = 1")
    assert found(books) == [
        ("confirmations_are_booked", "it confirms 51.00 shillings, but its payment is 50")
    ]


def test_a_payment_without_the_time_that_mpesa_states(service: Service) -> None:
    confirm(service)
    assert found(service) == []
    change(service, "UPDATE payments SET paid_at = NULL, paid_at_source = NULL")
    assert found(service) == []  # it is not paid for an order yet
    change(service, "UPDATE payments SET status = 'succeeded'")
    [sentence] = [one for rule, one in found(service) if rule == "mpesa_time_is_kept"]
    assert sentence.startswith("M-Pesa states 20")
    change(service, "UPDATE c2b_confirmations SET transacted_at = '2001-01-01 00:00:00'")
    assert "mpesa_time_is_kept" not in {rule for rule, _ in found(service)}


class TestUnmatchedMoneyThatNamesAnOrder:
    @pytest.fixture
    def unmatched(self, service: Service) -> str:
        """Unmatched money whose order is expected since, and that nobody has matched again."""
        confirm(service, BillRefNumber="order 1")
        expect_order(service)
        change(service, "UPDATE c2b_confirmations SET retry_at = NULL")
        change(service, "UPDATE expected_orders SET received_amount = 0, status = 'open'")
        state = "status = 'review', order_id = NULL, expected_order_id = NULL"
        change(service, f"UPDATE payments SET {state}, failure_reason = '{FITS_NONE}'")
        [payment] = service.payments()
        return payment.id

    def test_it_should_be_matched(self, service: Service, unmatched: str) -> None:
        sentences = [one for rule, one in found(service) if rule == "unmatched_fits_none"]
        assert sentences == ["it fits no order, but its payer named the expected order ORDER1"]

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE c2b_confirmations SET retry_at = '2026-12-01 00:00:00'",
            "UPDATE payments SET failure_reason = 'A person has undone its match.'",
            "UPDATE expected_orders SET status = 'canceled'",
        ],
        ids=["due again", "undone by a person", "no longer taken"],
    )
    def test_it_need_not_be(self, service: Service, unmatched: str, statement: str) -> None:
        change(service, statement)
        assert "unmatched_fits_none" not in {rule for rule, _ in found(service)}


def test_an_order_that_says_what_its_payments_do_not(books: Service) -> None:
    change(books, "UPDATE expected_orders SET received_amount = 49, status = 'partially_paid'")
    sentence = "its received amount is 49 shillings, but its payments add up to 50"
    assert found(books) == [("orders_add_up", sentence)]


@pytest.mark.parametrize("status", ["open", "partially_paid", "overpaid", "expired", "canceled"])
def test_an_order_with_another_status_than_its_sum_says(books: Service, status: str) -> None:
    change(books, f"UPDATE expected_orders SET status = '{status}'")
    assert found(books) == [("order_status_fits", f"it is {status} with 50 of 50 received")]


def test_a_payment_of_another_receipt_than_was_confirmed(books: Service) -> None:
    change(books, "UPDATE payments SET receipt = 'OTHER00001' WHERE status = 'succeeded'")
    assert found(books) == [("confirmations_are_booked", "it is of a payment whose receipt is OTHER00001")]


class TestPaymentsOfAnOrder:
    def broken(self, service: Service, *statements: str) -> set[str]:
        for statement in statements:
            change(service, statement)
        return {sentence for rule, sentence in found(service) if rule == "payments_know_their_order"}

    def test_a_paid_one_that_its_order_does_not_count(self, service: Service) -> None:
        expect_order(service)
        service.paid()
        assert found(service) == []
        sentences = self.broken(
            service,
            "UPDATE payments SET expected_order_id = NULL, order_lock = order_id",
            "UPDATE expected_orders SET received_amount = 0, status = 'open'",
        )
        assert sentences == {"it is succeeded, and is not counted by the expected order ORDER1"}
        assert len(found(service)) == 1

    @pytest.mark.parametrize("column", ["order_id", "owner"])
    def test_one_that_does_not_belong_to_its_order(self, service: Service, column: str) -> None:
        expect_order(service)
        service.paid()
        sentences = self.broken(service, f"UPDATE payments SET {column} = 'other'")
        assert sentences == {"it is succeeded, and does not belong to the expected order ORDER1"}

    def test_an_open_one_of_another_caller(self, service: Service) -> None:
        service.pending()
        expect_order(service)
        assert found(service) == []
        sentences = self.broken(service, "UPDATE payments SET owner = 'amina', expected_order_id = NULL")
        assert sentences == {"it is pending, and another caller has registered the expected order ORDER1"}


def test_money_that_was_never_debited(books: Service) -> None:
    ledger = books.ledger()
    ledger["debits"] = []
    assert against(books, ledger) == {
        "every_debit_is_one_success: it is succeeded, but the customer was never debited",
        "money_exists: it is stored here, but no customer paid it",
    }


def test_a_debit_of_another_amount(books: Service) -> None:
    ledger = books.ledger()
    for debit in ledger["debits"]:
        debit["amount"] = 51
    assert against(books, ledger) == {
        "every_debit_is_one_success: it is 50 shillings, but the debit is 51",
        "money_is_known: the customer paid 51.00 shillings, but 50.00 are stored",
    }


def test_a_confirmation_that_was_answered_and_is_not_there(books: Service) -> None:
    ledger = books.ledger()
    [first, *_] = [item for item in ledger["callbacks"] if item["kind"] == "c2b_confirmation"]
    ledger["callbacks"].append({**first, "body": {**first["body"], "TransID": "UNKNOWN001"}})
    assert against(books, ledger) == {
        "answered_is_stored: 3 confirmations were answered 200, 2 are in the inbox",
        "confirmations_are_booked: this confirmation was answered 200, but is not stored",
    }


def test_one_that_was_not_answered_may_be_missing(books: Service) -> None:
    ledger = books.ledger()
    [first, *_] = [item for item in ledger["callbacks"] if item["kind"] == "c2b_confirmation"]
    ledger["callbacks"].append({**first, "status": 503, "body": {**first["body"], "TransID": "UNKNOWN001"}})
    assert against(books, ledger) == set()


class TestC2bPaymentOfAPromptedOrder:
    """The receipt decides to which payment a debit belongs: a C2B debit may belong to a prompt's payment."""

    @pytest.fixture
    def prompted(self, service: Service) -> str:
        """The CheckoutRequestID of an open prompt, whose order is also paid by C2B."""
        clock = service.simulator.post("/simulator/clock/advance", {"seconds": 0})
        service.clock.now = datetime.fromisoformat(clock["now"])  # the time at which the money moves
        service.call("POST", "/c2b/register", {}, by="boss", admin=True)
        return service.pending()

    def pay_by_c2b(self, service: Service, msisdn: str = PHONE) -> None:
        body = {"msisdn": msisdn, "amount": 100, "billRefNumber": "ORDER1"}
        service.simulator.post("/simulator/c2b", body)

    @pytest.mark.parametrize("how", ["cancel", "expire"])
    @pytest.mark.parametrize("c2b_first", [True, False])
    def test_the_prompt_ended_unpaid(
        self, service: Service, prompted: str, how: str, c2b_first: bool
    ) -> None:
        if c2b_first:
            self.pay_by_c2b(service)
        service.simulator.post(f"/simulator/prompts/{prompted}/{how}")
        if not c2b_first:
            self.pay_by_c2b(service)
        [payment] = service.payments()
        assert (payment.channel, payment.status) == ("stk", "succeeded")
        assert against(service, service.ledger()) == set()

    @pytest.mark.parametrize("c2b_first", [True, False])
    def test_both_are_paid(self, service: Service, prompted: str, c2b_first: bool) -> None:
        """The payment that was stored without a prompt may then have the prompt's receipt."""
        if c2b_first:
            self.pay_by_c2b(service)
        service.simulator.post(f"/simulator/prompts/{prompted}/pin", {"pin": "0000"})
        if not c2b_first:
            self.pay_by_c2b(service)
        assert sorted(payment.status for payment in service.payments()) == ["review", "succeeded"]
        tally = Tally()
        assert list(verify_ledger(service.runtime, service.ledger(), settled=True, tally=tally)) == []
        assert (tally.counts["debits"], tally.counts["debits in review"]) == (2, 1)

    def test_a_second_debit_that_nobody_booked(self, service: Service, prompted: str) -> None:
        self.pay_by_c2b(service)
        service.simulator.post(f"/simulator/prompts/{prompted}/pin", {"pin": "0000"})
        ledger = service.ledger()
        [of_prompt] = [debit for debit in ledger["debits"] if debit["kind"] == "stk"]
        ledger["debits"].append({**of_prompt, "receipt": "UNKNOWN001"})
        sentence = "every_debit_is_one_success: the customer was debited 2 times"
        assert against(service, ledger) == {sentence}

    def test_any_phone_may_pay_by_c2b(self, service: Service, prompted: str) -> None:
        self.pay_by_c2b(service)
        ledger = service.ledger()
        ledger["debits"][0]["msisdn"] = "254722000001"
        assert against(service, ledger) == set()
