"""A C2B confirmation is only a post: before large money leaves, M-Pesa must say that it came."""

import pytest
import sqlalchemy as sa

from mpesa_service.c2b import confirmation_checks
from mpesa_service.core import suspensions
from mpesa_service.domain.confirmation_checks import is_checked
from mpesa_service.models import C2bConfirmation
from mpesa_service.verification.payments import verify
from tests.c2b.bookings import only
from tests.c2b.support import RECEIPT, assert_books_are_right, confirm, confirmations, expect_order, order_row
from tests.c2b.test_receipts import post_result
from tests.support import PHONE, Service

LARGE = 20_001


def pay(service: Service, amount: int = LARGE, order: str = "ORDER1") -> str:
    """Pay from the phone, and let M-Pesa's confirmation arrive; return the receipt."""
    expect_order(service, order, amount)
    body = {"msisdn": PHONE, "amount": f"{amount}.00", "billRefNumber": order, "shortcode": "174379"}
    receipt = str(service.simulator.post("/simulator/c2b", body)["transId"])
    confirm(service, TransID=receipt, TransAmount=f"{amount}.00", BillRefNumber=order)
    return receipt


def look(service: Service, seconds: float) -> None:
    """Let time pass, check what is due, let M-Pesa answer, and look at the answer."""
    service.clock.advance(seconds)
    confirmation_checks.check_due(service.runtime)
    service.simulator.post("/simulator/clock/advance", {"seconds": 2})
    service.clock.advance(30)
    confirmation_checks.check_due(service.runtime)


def refund(service: Service, amount: int = 10) -> tuple[int, str | None]:
    body = {"amount": amount, "phoneNumber": PHONE, "reason": "too much"}
    answer = service.call("POST", f"/{only(service).id}/refund", body, by="otieno", admin=True)
    return answer.status_code, answer.json.get("code")


def check(service: Service) -> tuple[bool, str | None]:
    """Return whether the confirmation waits for a check, and the result of the last one."""
    [row] = confirmations(service)
    return row.check_at is not None, row.check_result


class TestTrueMoney:
    def test_leaves_after_mpesa_has_confirmed_it(self, service: Service) -> None:
        pay(service)
        assert refund(service) == (409, "confirmation_unchecked")
        look(service, 60)
        assert check(service) == (False, "confirmed")
        assert refund(service)[0] == 200
        assert_books_are_right(service)

    def test_needs_no_check_below_the_limit(self, service: Service) -> None:
        pay(service, LARGE - 1)
        assert check(service) == (False, None)
        assert refund(service)[0] == 200

    def test_of_a_prompt_whose_callback_came_is_not_asked_about(self, service: Service) -> None:
        checkout = service.paid(amount=LARGE)
        confirm(service, TransID=service.row(checkout).receipt, TransAmount=f"{LARGE}.00")
        assert check(service)[0]
        assert service.refund(checkout, 10).status_code == 200
        look(service, 60)
        assert check(service) == (False, "confirmed")
        assert "transaction_status" not in service.ledger()["requests"]

    def test_is_matched_before_it_is_checked(self, service: Service) -> None:
        service.pending(amount=LARGE, phone="254722000001")
        confirm(service, TransAmount=f"{LARGE}.00")  # from another phone: it waits for the callback
        service.clock.advance(60)
        assert confirmation_checks.check_due(service.runtime) == 1
        assert check(service) == (True, None)
        assert "transaction_status" not in service.ledger()["requests"]

    def test_waits_while_mpesa_refuses_the_initiator(self, service: Service) -> None:
        pay(service)
        with service.runtime.database.begin() as session:
            suspensions.suspend_initiator(session, "M-Pesa refuses the initiator", service.clock())
        look(service, 60)
        assert check(service) == (True, None)
        assert "transaction_status" not in service.ledger()["requests"]

    def test_waits_while_mpesa_does_not_answer(self, service: Service) -> None:
        pay(service)
        for _ in range(3):
            service.clock.advance(60)
            confirmation_checks.check_due(service.runtime)
            assert check(service) == (True, None)
        assert refund(service) == (409, "confirmation_unchecked")
        service.simulator.post("/simulator/clock/advance", {"seconds": 2})
        look(service, 60)
        assert check(service) == (False, "confirmed")


class TestForgedMoney:
    """Somebody who knows the address posts a confirmation of money that never came."""

    @pytest.fixture
    def forged(self, service: Service) -> str:
        expect_order(service, "ORDER1", 90_000)
        confirm(service, TransAmount="90000.00")
        assert order_row(service).status == "paid"
        return RECEIPT

    def test_is_found_and_its_order_is_open_again(self, service: Service, forged: str) -> None:
        look(service, 60)
        assert check(service) == (True, None)  # M-Pesa may know it a little later
        look(service, 300)
        assert check(service) == (True, "refuted")
        payment = only(service)
        assert (payment.status, order_row(service).status) == ("review", "open")
        assert "M-Pesa does not confirm this payment" in str(payment.failure_reason)
        assert list(verify(service.runtime)) == []

    def test_never_leaves_even_if_a_person_settles_it(self, service: Service, forged: str) -> None:
        assert refund(service) == (409, "confirmation_unchecked")
        look(service, 60)
        look(service, 300)
        body = {"action": "settle", "reason": "I am sure"}
        answer = service.call("POST", f"/{only(service).id}/resolve", body, by="otieno", admin=True)
        approval = answer.json["data"]["approval"]["_id"]
        path = f"/approvals/{approval}/approve"
        service.call("POST", path, {"reason": "yes"}, by="amina", admin=True)
        assert only(service).status == "succeeded"
        assert refund(service) == (409, "confirmation_refuted")

    def test_goes_to_review_once(self, service: Service, forged: str) -> None:
        for seconds in (60, 300, 86_400, 86_400):
            look(service, seconds)
        causes = [event.cause for event in service.events(only(service).id)]
        assert causes.count("contradicted") == 1
        assert causes[-2:] == ["contradicted", "order_open"]

    def test_of_another_amount_is_forged(self, service: Service) -> None:
        body = {"msisdn": PHONE, "amount": "10.00", "billRefNumber": "ORDER1", "shortcode": "174379"}
        receipt = str(service.simulator.post("/simulator/c2b", body)["transId"])
        confirm(service, TransID=receipt, TransAmount="90000.00")
        look(service, 60)
        assert check(service) == (True, "refuted")
        assert "It reports 10.00 shillings." in str(only(service).failure_reason)

    def test_that_mpesa_confirms_later_may_leave_after_a_decision(
        self, service: Service, forged: str
    ) -> None:
        look(service, 60)
        look(service, 300)
        service.clock.advance(86_400)
        confirmation_checks.check_due(service.runtime)
        post_result(service, Amount="90000.00")
        service.clock.advance(30)
        confirmation_checks.check_due(service.runtime)
        assert check(service) == (False, "confirmed")
        assert only(service).status == "review"  # a person settles it

    def test_that_went_to_another_business(self, service: Service) -> None:
        body = {"msisdn": PHONE, "amount": "90000.00", "billRefNumber": "ORDER1", "shortcode": "600000"}
        receipt = str(service.simulator.post("/simulator/c2b", body)["transId"])
        confirm(service, TransID=receipt, TransAmount="90000.00")
        look(service, 60)
        assert "another business: 600000" in str(only(service).failure_reason)

    def test_of_a_fractional_amount_is_no_payment_and_is_logged(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        confirm(service, TransAmount="90000.50")
        look(service, 60)
        look(service, 300)
        assert check(service) == (True, "refuted")
        assert service.payments() == []
        assert "ALERT: M-Pesa does not confirm the money of a C2B confirmation" in caplog.messages

    def test_that_is_not_asked_about_after_a_week(self, service: Service, forged: str) -> None:
        look(service, 60)
        for _ in range(9):
            look(service, 86_400)
        assert check(service) == (False, "refuted")


def test_one_in_a_hundred_small_confirmations_is_checked(service: Service) -> None:
    mark = service.runtime.encryption.blind_index
    chosen = [n for n in range(20_000) if is_checked(100, 20_000, 1, mark("c2b-check", f"RKL{n:07}"))]
    assert 120 < len(chosen) < 280


def test_it_counts_no_money_twice_and_needs_an_initiator(service: Service) -> None:
    pay(service)
    runtime = service.runtime
    with runtime.database.begin() as session:
        session.execute(sa.update(C2bConfirmation).values(check_at=runtime.clock()))
    object.__setattr__(runtime.settings, "mpesa_initiator_name", None)
    assert confirmation_checks.check_due(runtime) == 0


def test_refuted_money_that_is_paid_breaks_a_rule(service: Service) -> None:
    receipt = pay(service)
    with service.runtime.database.begin() as session:
        session.execute(sa.update(C2bConfirmation).values(check_result="refuted"))
    [violation] = verify(service.runtime)
    assert (violation.invariant, violation.subject) == ("refuted_money_is_in_review", only(service).id)
    assert receipt in violation.sentence
