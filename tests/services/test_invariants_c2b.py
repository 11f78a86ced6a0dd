"""The rules of menu money find each kind of breakage, and nothing in books that are right."""

from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.services.invariants import Tally, verify
from mpesa_service.services.invariants_ledger import verify_ledger
from tests.services.c2b_support import confirm
from tests.services.test_orders import announce
from tests.support import Service


@pytest.fixture
def books(service: Service) -> Service:
    """An order that was paid from the menu, and money that fits nothing; the simulator sends both."""
    service.call("POST", "/c2b/register", {}, by="boss", admin=True)
    announce(service, amount=50)
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
    change(books, "UPDATE c2b_confirmations SET payment_id = NULL, look_at = NULL WHERE id = 1")
    assert [name for name, _ in found(books)] == ["confirmations_are_booked"]


def test_one_of_cents_is_listed_and_is_no_payment(service: Service) -> None:
    confirm(service, TransAmount="100.50")
    assert found(service) == []
    change(service, "UPDATE c2b_confirmations SET unbooked_id = NULL")
    said = "this confirmation is no payment's, and nobody will look at it"
    assert found(service) == [("confirmations_are_booked", said)]


def test_a_payment_of_another_amount_than_was_confirmed(books: Service) -> None:
    change(books, "UPDATE c2b_confirmations SET amount_cents = 5100 WHERE id = 1")
    assert found(books) == [
        ("confirmations_are_booked", "it confirms 5100 cents, its payment is of 50 shillings")
    ]


def test_an_order_that_says_what_its_payments_do_not(books: Service) -> None:
    change(books, "UPDATE expected_orders SET received_amount = 49")
    said = "it says that it received 49 shillings, its payments hold 50"
    assert found(books) == [("orders_add_up", said)]


def test_money_that_was_never_debited(books: Service) -> None:
    ledger = books.ledger()
    ledger["debits"] = []
    assert against(books, ledger) == {
        "every_debit_is_one_success: it is succeeded, but the customer was never debited"
    }


def test_a_debit_of_another_amount(books: Service) -> None:
    ledger = books.ledger()
    for debit in ledger["debits"]:
        debit["amount"] = 51
    assert against(books, ledger) == {"every_debit_is_one_success: it is of 50 shillings, the debit of 51"}


def test_a_confirmation_that_was_answered_and_is_not_there(books: Service) -> None:
    ledger = books.ledger()
    [first, *_] = [item for item in ledger["callbacks"] if item["kind"] == "c2b_confirmation"]
    ledger["callbacks"].append({**first, "body": {**first["body"], "TransID": "UNKNOWN001"}})
    assert against(books, ledger) == {
        "answered_is_stored: 3 confirmations were answered 200, 2 are in the inbox",
        "confirmations_are_booked: this confirmation was answered 200 and is not booked",
    }


def test_one_that_was_not_answered_may_be_missing(books: Service) -> None:
    ledger = books.ledger()
    [first, *_] = [item for item in ledger["callbacks"] if item["kind"] == "c2b_confirmation"]
    ledger["callbacks"].append({**first, "status": 503, "body": {**first["body"], "TransID": "UNKNOWN001"}})
    assert against(books, ledger) == set()
