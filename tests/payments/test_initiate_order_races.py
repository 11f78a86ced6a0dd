"""An initiate whose expected order changes between the check of the order and the insert of the payment."""

import threading
from typing import Any

import pytest

from mpesa_service.payments import initiate
from tests.c2b.support import assert_books_are_right, c2b_body, expect_order, order_row, post_c2b
from tests.support import Service


@pytest.mark.parametrize("what", ["cancel", "pay"])
def test_no_prompt_is_sent_for_an_order_that_is_closed_meanwhile(
    service: Service, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    expect_order(service)
    real, todo = initiate.expected_order, [what]

    def close() -> None:
        if what == "cancel":
            assert service.call("DELETE", "/orders/ORDER1").status_code == 200
        else:
            assert post_c2b(service, c2b_body(service)).status_code == 200

    def check(*arguments: Any) -> Any:
        found = real(*arguments)
        if todo:
            todo.clear()
            thread = threading.Thread(target=close)
            thread.start()
            thread.join(20)
        return found

    monkeypatch.setattr(initiate, "expected_order", check)
    answer = service.initiate()
    assert (answer.status_code, todo) == (409, [])
    assert order_row(service).status == ("canceled" if what == "cancel" else "paid")
    assert service.ledger()["prompts"] == []
    assert_books_are_right(service)


def test_an_order_that_changes_otherwise_takes_the_prompt(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A part is paid meanwhile: the order is read again, and the rest is still due."""
    expect_order(service, amount=300)
    real, todo = initiate.expected_order, ["pay"]

    def check(*arguments: Any) -> Any:
        found = real(*arguments)
        if todo:
            todo.clear()
            thread = threading.Thread(target=post_c2b, args=(service, c2b_body(service)))
            thread.start()
            thread.join(20)
        return found

    monkeypatch.setattr(initiate, "expected_order", check)
    assert (service.initiate(amount=200).status_code, todo) == (201, [])
    assert order_row(service).received_amount == 100
    assert_books_are_right(service)
