"""Money that fits no order: what is suggested, and what a person makes of it."""

import json
from hashlib import sha256
from typing import Any

import pytest
from sqlalchemy import delete

from mpesa_service.domain.audit import Cause
from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.errors import NotFound
from mpesa_service.models import C2bConfirmation, OutgoingEvent, Payment
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.transitions import move_payment
from mpesa_service.review import unmatched as matching
from tests.c2b.support import MASKED, assert_books_are_right, causes, confirm, look, order_row
from tests.orders.support import add_order
from tests.support import PHONE, Service

HASHED = sha256(PHONE.encode()).hexdigest()


def unmatched(service: Service, **page: Any) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in page.items())
    answer = service.call("GET", f"/unmatched?{query}", by="amina", admin=True)
    assert answer.status_code == 200, answer.json
    assert answer.json["message"] == f"{len(answer.json['data'])} unmatched"
    return list(answer.json["data"])


def suggested(service: Service) -> list[tuple[str, int, list[str]]]:
    [one] = unmatched(service)
    return [(order["orderId"], order["score"], order["reasons"]) for order in one["suggestions"]]


def waits(service: Service, typed: str = "RENT 4B", **changes: Any) -> str:
    """Let money arrive that fits no order; return its payment's id."""
    confirm(service, BillRefNumber=typed, **changes)
    return next(payment.id for payment in service.payments() if payment.channel == "c2b")


def test_an_order_id_that_no_order_can_have_is_not_found(service: Service) -> None:
    amina = Principal("amina", frozenset({ADMIN}))
    with pytest.raises(NotFound):
        matching.match(service.runtime, amina, waits(service), "no\x00order", "he called")


def match(service: Service, payment: str, order: str = "ORDER1", reason: str = "he called") -> Any:
    body = {"orderId": order, "reason": reason}
    return service.call("POST", f"/unmatched/{payment}/match", body, by="amina", admin=True)


class TestList:
    def test_says_what_came_and_from_whom(self, service: Service) -> None:
        payment = waits(service, typed=" Rent 4b")
        [one] = unmatched(service)
        assert one["suggestions"] == []
        shown = one["payment"]
        assert (shown["_id"], shown["status"], shown["channel"]) == (payment, "review", "c2b")
        assert (shown["orderId"], shown["billReference"], shown["amount"]) == (None, " Rent 4b".strip(), 100)
        assert shown["phoneNumber"] == MASKED

    def test_in_pages_oldest_first(self, service: Service) -> None:
        for number in range(3):
            service.clock.advance(1)
            confirm(service, BillRefNumber="RENT", TransID=f"RKL51ZDR{number}A")
        ids = [one["payment"]["_id"] for one in unmatched(service)]
        assert ids == [payment.id for payment in service.payments()]
        assert [one["payment"]["_id"] for one in unmatched(service, limit=1, after=ids[0])] == [ids[1]]
        assert unmatched(service, after=ids[2]) == []

    def test_leaves_out_what_has_an_order_or_a_prompt(self, service: Service) -> None:
        add_order(service)
        confirm(service)
        checkout = service.pending(order="ORDER2")
        with service.runtime.database.begin() as session:
            prompted = lock_payment(session, service.row(checkout).id)
            move_payment(session, prompted, "unclear_result", Cause("test", service.clock()))
        assert unmatched(service) == []

    @pytest.mark.parametrize("query", ["limit=0", "limit=51", "after=x", "page=2"])
    def test_refuses_a_page_that_cannot_be(self, service: Service, query: str) -> None:
        assert service.call("GET", f"/unmatched?{query}", by="amina", admin=True).status_code == 400

    def test_money_whose_confirmation_never_came(self, service: Service) -> None:
        """As of money that only a statement shows."""
        waits(service, typed="ORDER11")
        add_order(service)
        with service.runtime.database.begin() as session:
            session.execute(delete(C2bConfirmation))
        assert suggested(service) == [("ORDER1", 65, ["reference_one_typo_away", "amount_equal"])]


class TestSuggestions:
    def test_one_typo_away(self, service: Service) -> None:
        waits(service, typed="order-101")
        add_order(service, "ORDER-1001", amount=250)
        assert suggested(service) == [("ORDER-1001", 40, ["reference_one_typo_away"])]

    def test_what_a_prompt_showed_of_a_long_order_id(self, service: Service) -> None:
        waits(service, typed="71C270BR101")
        add_order(service, "ORDER-1001", amount=250)
        assert suggested(service) == [("ORDER-1001", 40, ["reference_one_typo_away"])]

    def test_two_typos_are_too_many(self, service: Service) -> None:
        waits(service, typed="order-11")
        add_order(service, "ORDER-1001")
        assert suggested(service) == []

    def test_the_amount_that_is_still_due_lifts_an_order(self, service: Service) -> None:
        waits(service, typed="ORDER1004", TransAmount="60.00")
        add_order(service, "ORDER1001", amount=250)
        service.clock.advance(1)
        add_order(service, "ORDER1002", amount=100, received_amount=40, status="partially_paid")
        service.clock.advance(1)
        add_order(service, "ORDER1003", amount=250)
        assert [(order, score) for order, score, _ in suggested(service)] == [
            ("ORDER1002", 65),
            ("ORDER1003", 40),
            ("ORDER1001", 40),
        ]

    @pytest.mark.parametrize("status", ["paid", "overpaid", "expired", "canceled"])
    def test_an_order_that_takes_no_more_is_not_suggested(self, service: Service, status: str) -> None:
        waits(service, typed="ORDER1002")
        add_order(service, "ORDER1001", status=status)
        assert suggested(service) == []

    @pytest.mark.parametrize("payer", [MASKED, HASHED, PHONE])
    def test_amount_and_payer_of_an_earlier_prompt(self, service: Service, payer: str) -> None:
        add_order(service)
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        waits(service, MSISDN=payer)
        assert suggested(service) == [("ORDER1", 40, ["amount_equal", "payer_agrees"])]

    @pytest.mark.parametrize(
        "changes",
        [{"MSISDN": "2547 ***** 999"}, {"MSISDN": "f" * 64}, {"MSISDN": None}, {"TransAmount": "99.00"}],
        ids=["another", "another, hashed", "nobody", "another amount"],
    )
    def test_the_payer_alone_or_the_amount_alone_is_nothing(
        self, service: Service, changes: dict[str, Any]
    ) -> None:
        add_order(service)
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        waits(service, **changes)
        assert suggested(service) == []

    def test_a_masked_payer_who_paid_a_part_before(self, service: Service) -> None:
        add_order(service, amount=140)
        confirm(service, TransID="RKL51ZDR4A", TransAmount="40.00")
        add_order(service, "ORDER2")
        confirm(service, BillRefNumber="RENT")
        assert suggested(service) == [("ORDER1", 40, ["amount_equal", "payer_agrees"])]

    def test_all_of_it_agrees(self, service: Service) -> None:
        """The order was registered long after the money arrived."""
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        service.clock.advance(7_200)
        waits(service, typed="ORDER1")
        look(service)
        add_order(service)
        assert suggested(service) == [
            ("ORDER1", 100, ["reference_equal", "amount_equal", "payer_agrees"]),
        ]

    def test_a_till_has_no_reference(self, service: Service) -> None:
        waits(service, typed="")
        add_order(service, "AB")
        assert suggested(service) == []


class TestMatch:
    def test_gives_the_money_to_the_order(self, service: Service) -> None:
        payment = waits(service)
        order_id = add_order(service, owner="shop", details={"cart": "c-78"})
        answer = match(service, payment)
        assert answer.status_code == 200
        shown = answer.json["data"]
        assert (shown["status"], shown["orderId"], shown["evidence"]) == ("succeeded", "ORDER1", "operator")
        assert (shown["failureReason"], shown["metadata"]) == (None, {"cart": "c-78"})
        row = service.row(payment)
        assert (row.owner, row.expected_order_id) == ("shop", order_id)
        assert (order_row(service).status, order_row(service).received_amount) == ("paid", 100)
        assert causes(service, row) == ["created", "unmatched", "matched", "order_paid"]
        matched = service.events(payment)[2]
        assert (matched.actor, matched.detail) == ("amina", {"reason": "he called", "orderId": "ORDER1"})
        assert service.call("GET", f"/query/{payment}").status_code == 200, "it is the order's owner's"
        assert unmatched(service) == []
        assert_books_are_right(service)

    def test_publishes_an_event(self, service: Service) -> None:
        payment = waits(service)
        add_order(service, amount=250)
        match(service, payment)
        with service.runtime.database.read() as session:
            events = session.query(OutgoingEvent).order_by(OutgoingEvent.sequence).all()
        published = [(event.type, json.loads(event.payload)["data"]["orderId"]) for event in events]
        assert published[-2:] == [("payment.succeeded", "ORDER1"), ("order.partially_paid", "ORDER1")]

    @pytest.mark.parametrize("status", ["expired", "canceled"])
    def test_a_person_may_give_it_to_an_order_that_was_closed(self, service: Service, status: str) -> None:
        payment = waits(service)
        add_order(service, status=status)
        assert match(service, payment).status_code == 200
        assert order_row(service).status == "paid"

    def test_only_once(self, service: Service) -> None:
        payment = waits(service)
        add_order(service)
        add_order(service, "ORDER2")
        match(service, payment)
        answer = match(service, payment, "ORDER2")
        assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")
        assert answer.json["details"] == {"status": "succeeded", "orderId": "ORDER1"}
        assert order_row(service, "ORDER2").received_amount == 0
        assert_books_are_right(service)

    def test_only_c2b_payments(self, service: Service) -> None:
        add_order(service)
        answer = match(service, service.paid(order="ORDER2"))
        assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")

    @pytest.mark.parametrize("order", ["ORDER9", "order1"])
    def test_an_order_that_is_not_there(self, service: Service, order: str) -> None:
        payment = waits(service)
        add_order(service)
        answer = match(service, payment, order)
        assert (answer.status_code, answer.json["code"]) == (404, "order_not_found")
        assert service.row(payment).status == "review"

    def test_a_payment_that_is_not_there(self, service: Service) -> None:
        add_order(service)
        assert match(service, "0" * 24).status_code == 404

    @pytest.mark.parametrize("reason", ["", "   ", "x" * 501])
    def test_needs_a_reason(self, service: Service, reason: str) -> None:
        payment = waits(service)
        add_order(service)
        assert match(service, payment, reason=reason).status_code == 400
        assert service.row(payment).status == "review"

    def test_a_later_look_changes_nothing(self, service: Service) -> None:
        payment = waits(service, typed="ORDER2")
        add_order(service)
        match(service, payment)
        add_order(service, "ORDER2")
        look(service)
        assert service.row(payment).order_id == "ORDER1"
        assert_books_are_right(service)


def settle(service: Service, payment: str, refund_count: int) -> None:
    """Leave it as a return leaves it that is on its way (0), or that M-Pesa refused (1)."""
    with service.runtime.database.begin() as session:
        row: Payment = lock_payment(session, payment)
        row.failure_reason = None
        move_payment(session, row, "settled_by_operator", Cause("amina", service.clock(), "operator"))
        row.refund_count = refund_count


class TestAfterAReturnThatWasRefused:
    def test_it_is_listed_and_can_be_matched(self, service: Service) -> None:
        payment = waits(service)
        settle(service, payment, 1)
        assert [one["payment"]["_id"] for one in unmatched(service)] == [payment]
        add_order(service)
        assert match(service, payment).status_code == 200
        assert order_row(service).status == "paid"
        assert causes(service, service.row(payment))[-2:] == ["matched_after_return", "order_paid"]

    def test_one_that_is_on_its_way_is_not_matched(self, service: Service) -> None:
        payment = waits(service)
        settle(service, payment, 0)
        add_order(service)
        answer = match(service, payment)
        assert (answer.status_code, answer.json["code"]) == (409, "not_unmatched")
