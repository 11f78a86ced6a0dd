"""Unmatched money that only a withdrawn statement shows is used only when something else shows it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.verification.payments import verify
from tests.c2b.support import assert_books_are_right, order_row
from tests.c2b.test_receipts import book, pay
from tests.orders.support import add_order
from tests.review.support import resolve
from tests.review.test_unmatched import match
from tests.review.test_unmatched_returns import return_money
from tests.statements.support import BOSS, import_rows, own, running
from tests.statements.test_applying import applied, of_receipt
from tests.statements.test_withdrawing import WHY
from tests.support import Service


def withdrawn(service: Service, tmp_path: Path, receipt: str) -> str:
    """Return the id of unmatched money that a statement showed which is withdrawn."""
    at = (service.clock.now + timedelta(hours=3)).strftime("%d-%m-%Y %H:%M:%S")
    record = import_rows(service, tmp_path, own(running((receipt, at, {"paid_in": "100.00"}))))
    applied(service, record)
    withdraw_statement(service.runtime, BOSS, record.id, WHY)
    payment = of_receipt(service, receipt)
    assert (payment.status, payment.order_id) == ("review", None)
    return payment.id


def test_it_is_neither_returned_nor_matched(service: Service, tmp_path: Path) -> None:
    add_order(service)
    payment = withdrawn(service, tmp_path, "UK1EXAMPL1")
    answers: list[Any] = [return_money(service, payment), match(service, payment, "ORDER1")]
    body = {"reason": "she called", "phoneNumber": "0712345678", "confirmDifferentPayer": True}
    path = f"/unmatched/{payment}/return"
    answers.append(service.call("POST", path, body, by="amina", admin=True))
    for answer in answers:
        assert (answer.status_code, answer.json["code"]) == (409, "only_withdrawn")
        assert "mpesa receipts book UK1EXAMPL1" in answer.json["message"]
        assert f"mpesa review fail {payment}" in answer.json["message"]
    assert (service.row(payment).status, service.refunds()) == ("review", [])
    assert resolve(service, payment, "fail").status_code == 200
    assert list(verify(service.runtime)) == []


def test_mpesas_own_answer_proves_it(service: Service, tmp_path: Path) -> None:
    receipt = pay(service)
    payment = withdrawn(service, tmp_path, receipt)
    add_order(service)
    assert match(service, payment, "ORDER1").json["code"] == "only_withdrawn"
    assert book(service, receipt)["status"] == "known"
    assert match(service, payment, "ORDER1").status_code == 200
    assert (service.row(payment).status, order_row(service).received_amount) == ("succeeded", 100)
    assert_books_are_right(service)
