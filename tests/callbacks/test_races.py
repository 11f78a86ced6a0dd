"""Callbacks while somebody else writes: between what was read for one of them and what is committed."""

import json
import logging
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import requests

from mpesa_service.callbacks import handlers
from mpesa_service.callbacks.receive import apply_failed_again, receive
from mpesa_service.core import apply
from mpesa_service.core.inbox import Posted
from mpesa_service.domain.callbacks import CallbackKind
from mpesa_service.orders.expected import expire_due
from mpesa_service.verification.payments import verify
from tests.c2b.support import c2b_body, post_c2b
from tests.callbacks.support import stk_body, verdicts
from tests.orders.support import add_order
from tests.support import Service

PATIENCE = 10.0


def posted(service: Service, checkout: str, **changes: Any) -> Posted:
    token = service.callback_url(checkout).rpartition("/")[2]
    body = json.dumps(stk_body(service, checkout, **changes)).encode()
    return Posted(CallbackKind.STK, token, body, {}, "127.0.0.1")


@contextmanager
def between(act: Callable[[], Any]) -> Iterator[None]:
    """Do something once, after the facts of the next plan were read and before it is committed."""
    real, todo = apply.load, [act]

    def load(*arguments: Any) -> Any:
        facts = real(*arguments)
        if todo:
            todo.pop()()
        return facts

    with mock.patch.object(apply, "load", load):
        yield
    assert not todo, "nobody interfered"


def causes(service: Service, checkout: str) -> list[str]:
    return [event.cause for event in service.events(service.row(checkout).id)]


def test_a_rival_has_settled_the_payment(service: Service) -> None:
    checkout = service.pending()
    rival = posted(service, checkout)
    with between(lambda: receive(service.runtime, rival)):
        assert receive(service.runtime, posted(service, checkout)) == "duplicate"
    assert sorted(verdicts(service)) == ["applied", "duplicate"]
    assert causes(service, checkout) == ["created", "push_accepted", "paid"]


def test_a_rival_has_canceled_the_payment(service: Service) -> None:
    """The success came second, so Daraja is queried; its receipt is kept."""
    checkout = service.pending()
    rival = posted(service, checkout, ResultCode=1032)
    with between(lambda: receive(service.runtime, rival)):
        assert receive(service.runtime, posted(service, checkout)) == "disputed"
    row = service.row(checkout)
    assert (row.status, row.claimed_receipt, row.next_check_at) == ("canceled", "NLJ7RT61SV", service.clock())


def test_its_order_has_become_expected(service: Service) -> None:
    checkout = service.pending(order="ORDER1")

    def expect() -> None:
        assert service.call("POST", "/orders", {"orderId": "ORDER1", "amount": 100}).status_code == 201

    with between(expect):
        assert receive(service.runtime, posted(service, checkout)) == "applied"
    order = service.call("GET", "/orders/ORDER1").json["data"]
    assert (order["receivedAmount"], order["status"]) == (100, "paid")
    assert list(verify(service.runtime)) == []


def test_its_order_has_expired(service: Service) -> None:
    """What it was decided from is old: the order is counted as it is now."""
    checkout = service.pending(order="ORDER1")
    add_order(service, "ORDER1", 200, expires_at=service.clock())

    def expire() -> None:
        assert expire_due(service.runtime) == 1

    with between(expire):
        assert receive(service.runtime, posted(service, checkout)) == "applied"
    events = [event.detail for event in service.events(service.row(checkout).id)]
    assert events[-1]["receivedAmount"] == 100
    assert list(verify(service.runtime)) == []


def test_another_payment_of_its_order_has_been_paid(service: Service) -> None:
    """Both count, whichever is committed first."""
    add_order(service, "ORDER1", 200, shop_wide=True)
    first = service.pending(order="ORDER1")
    with service.runtime.database.begin() as session:
        payment = session.merge(service.row(first))
        payment.order_lock = None
    second = service.pending(order="ORDER1", phone="254722000002")
    rival = posted(service, second, receipt="QWE1234567", phone=254722000002)
    with between(lambda: receive(service.runtime, rival)):
        assert receive(service.runtime, posted(service, first)) == "applied"
    order = service.call("GET", "/orders/ORDER1").json["data"]
    assert (order["receivedAmount"], order["status"]) == (200, "paid")
    assert list(verify(service.runtime)) == []


def test_its_receipt_has_become_another_payments(service: Service) -> None:
    first, second = service.pending(), service.pending(order="ORDER2", phone="254722000002")
    rival = posted(service, first, receipt="QWE1234567")
    with between(lambda: receive(service.runtime, rival)):
        late = posted(service, second, receipt="QWE1234567", phone=254722000002)
        assert receive(service.runtime, late) == "disputed"
    row = service.row(second)
    assert (row.status, row.receipt, row.mismatch) == ("pending", None, "receipt")
    assert service.row(first).receipt == "QWE1234567"


def test_its_money_has_been_confirmed(service: Service) -> None:
    """What proves a payment counts, although nothing else of the payment has changed."""
    checkout = service.paid()
    confirmation = c2b_body(service, TransID=service.row(checkout).receipt)
    with between(lambda: post_c2b(service, confirmation)):
        receive(service.runtime, posted(service, checkout, ResultCode=1032))
    row = service.row(checkout)
    assert (row.status, row.mismatch) == ("succeeded", None)
    assert list(verify(service.runtime)) == []


def test_its_push_has_been_answered(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """M-Pesa calls back before it answers the push; what is committed second is decided again."""
    daraja = service.runtime.daraja
    push, concluded, loaded = daraja.stk_push, threading.Event(), threading.Event()
    real = apply.load
    callbacks = ThreadPoolExecutor(1, thread_name_prefix="callback")

    def load(*arguments: Any) -> Any:
        facts = real(*arguments)
        if threading.current_thread().name.startswith("callback"):
            loaded.set()
            assert concluded.wait(PATIENCE)
        return facts

    def call_back_at_once(message: Any) -> Any:
        accepted = push(message)
        body = stk_body_of(accepted.checkout_request_id, accepted.merchant_request_id)
        token = message.callback_url.rpartition("/")[2]
        call = Posted(CallbackKind.STK, token, json.dumps(body).encode(), {}, None)
        results.append(callbacks.submit(receive, service.runtime, call))
        assert loaded.wait(PATIENCE)
        return accepted

    results: list[Any] = []
    monkeypatch.setattr(apply, "load", load)
    monkeypatch.setattr(daraja, "stk_push", call_back_at_once)
    with callbacks:
        checkout = service.pending()
        concluded.set()
        assert results[0].result(PATIENCE) == "applied"
    assert causes(service, checkout) == ["created", "push_accepted", "paid"]
    assert service.payment(checkout)["status"] == "succeeded"


def stk_body_of(checkout: str, merchant: str) -> dict[str, Any]:
    values = {"Amount": 100, "MpesaReceiptNumber": "NLJ7RT61SV", "PhoneNumber": 254712345678}
    items = [{"Name": name, "Value": value} for name, value in values.items()]
    callback = {"MerchantRequestID": merchant, "CheckoutRequestID": checkout, "ResultCode": 0}
    callback |= {"ResultDesc": "Processed.", "CallbackMetadata": {"Item": items}}
    return {"Body": {"stkCallback": callback}}


class TestStored:
    """A stored callback that failed is applied again on the same path."""

    @pytest.fixture
    def failed(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
        """The CheckoutRequestID of a payment whose callback is stored, and could not be applied."""
        checkout = service.pending()
        with monkeypatch.context() as patch:
            patch.setattr(handlers, "apply_report", lambda *_: 1 / 0)
            assert receive(service.runtime, posted(service, checkout)) == "failed"
        return checkout

    def test_two_processes_that_retry_the_same_one_apply_it_once(
        self, service: Service, failed: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.clear()
        with between(lambda: apply_failed_again(service.runtime)):
            apply_failed_again(service.runtime)
        assert not [line for line in caplog.records if line.levelno > logging.INFO], "it is no fault"
        [row] = service.inbox()
        assert (row.verdict, row.attempts) == ("applied", 2)
        assert causes(service, failed) == ["created", "push_accepted", "paid"]
        assert apply_failed_again(service.runtime) == 0

    def test_a_copy_that_comes_meanwhile_settles_the_payment_once(
        self, service: Service, failed: str
    ) -> None:
        copy = posted(service, failed)
        with between(lambda: receive(service.runtime, copy)):
            assert apply_failed_again(service.runtime) == 1
        assert verdicts(service) == ["duplicate", "applied"]
        assert causes(service, failed) == ["created", "push_accepted", "paid"]

    def test_its_order_is_counted(self, service: Service, failed: str) -> None:
        add_order(service, "ORDER1", 100)
        assert apply_failed_again(service.runtime) == 1
        assert service.call("GET", "/orders/ORDER1").json["data"]["receivedAmount"] == 100
        assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("logger", ["mpesa_service.audit", "mpesa_service.core.inbox"])
def test_a_line_that_cannot_be_written_neither_fails_nor_repeats_anything(
    service: Service, logger: str, capsys: pytest.CaptureFixture[str]
) -> None:
    checkout = service.pending()
    url, body = service.callback_url(checkout), stk_body(service, checkout)

    def fail(_: logging.LogRecord) -> bool:
        raise ZeroDivisionError

    found = logging.getLogger(logger)
    found.addFilter(fail)
    try:
        assert requests.post(url, json=body, timeout=5).status_code == 200
    finally:
        found.removeFilter(fail)
    assert verdicts(service) == ["applied"]
    assert causes(service, checkout) == ["created", "push_accepted", "paid"]
    assert "ZeroDivisionError" in capsys.readouterr().err
