"""One receipt in many requests at once, on PostgreSQL: one payment, and no request waits without end."""

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from mpesa_service.c2b.address_secrets import create_secret, list_secrets, mark_used, secret_to_register
from tests.c2b.support import RECEIPT, assert_books_are_right, c2b_body, causes, confirmations, post_c2b
from tests.callbacks.support import stk_body
from tests.payments.test_races import at_once
from tests.support import PHONE, Listening, Service, TestClock, start_service


@pytest.fixture
def service(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    started = start_service(listening, simulator, clock, {**service_env, "DATABASE_URL": postgres_url})
    yield started
    started.runtime.database.dispose()


def test_a_hundred_copies_of_a_confirmation_make_one_payment(service: Service) -> None:
    body = c2b_body(service)
    answers = at_once(100, lambda _: post_c2b(service, body).status_code)
    assert answers == [200] * 100
    [payment] = service.payments()
    assert causes(service, payment) == ["created", "unmatched"]
    assert len(confirmations(service)) == 1
    assert Counter(row.verdict for row in service.inbox()) == {"unmatched": 1, "duplicate": 99}
    assert_books_are_right(service)


def test_a_hundred_copies_of_a_payments_confirmation_settle_it_once(service: Service) -> None:
    checkout = service.pending()
    body = c2b_body(service)
    at_once(100, lambda _: post_c2b(service, body))
    [payment] = service.payments()
    assert (payment.status, payment.receipt) == ("succeeded", RECEIPT)
    assert causes(service, service.row(checkout)) == ["created", "push_accepted", "paid"]
    assert Counter(row.verdict for row in service.inbox()) == {"applied": 1, "duplicate": 99}


@pytest.mark.parametrize("round_", range(3))
def test_callback_and_confirmation_at_once_are_one_payment(service: Service, round_: int) -> None:
    phones = [f"2547220000{n:02}" for n in range(20)]
    checkouts = [service.pending(order=f"ORDER{n}", phone=phone) for n, phone in enumerate(phones)]
    posts = []
    for n, (checkout, phone) in enumerate(zip(checkouts, phones, strict=True)):
        receipt = f"RACE0000{n:02}"
        stk = stk_body(service, checkout, receipt=receipt, phone=int(phone))
        c2b = c2b_body(
            service, TransID=receipt, BillRefNumber=f"ORDER{n}", MSISDN=f"{phone[:4]} ***** {phone[-3:]}"
        )
        url = service.callback_url(checkout)
        posts.append(lambda url=url, stk=stk: requests.post(url, json=stk, timeout=60))
        posts.append(lambda c2b=c2b: post_c2b(service, c2b))
    assert {answer.status_code for answer in at_once(len(posts), lambda n: posts[n]())} == {200}
    payments = service.payments()
    assert Counter(payment.status for payment in payments) == {"succeeded": 20}
    assert all(causes(service, payment)[-1] == "paid" for payment in payments)
    assert Counter(row.verdict for row in service.inbox()) == {"applied": 20, "duplicate": 20}
    assert {row.payment_id for row in confirmations(service)} == {payment.id for payment in payments}
    assert_books_are_right(service)


def test_a_receipt_claimed_for_two_payments_at_once_is_counted_once(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The confirmation finds no payment, while the callback gives the receipt to one."""
    from mpesa_service.c2b import matching

    checkout = service.pending()
    stk = stk_body(service, checkout, receipt=RECEIPT)
    url = service.callback_url(checkout)
    searched, book = threading.Event(), matching.new_payment
    callback: list[threading.Thread] = []

    def overtaken(*args: Any, **kwargs: Any) -> Any:
        if not searched.is_set():
            searched.set()
            callback.append(threading.Thread(target=lambda: requests.post(url, json=stk, timeout=60)))
            callback[0].start()
            callback[0].join()
        return book(*args, **kwargs)

    monkeypatch.setattr(matching, "new_payment", overtaken)
    assert post_c2b(service, c2b_body(service, BillRefNumber="ELSE")).status_code == 200
    [payment] = service.payments()
    assert (payment.status, payment.receipt) == ("succeeded", RECEIPT)
    assert sorted(row.verdict for row in service.inbox()) == ["applied", "duplicate"]
    assert [row.payment_id for row in confirmations(service)] == [payment.id]
    assert payment.phone_hash == service.runtime.encryption.blind_index("phone", PHONE)


def test_callers_who_need_the_first_secret_at_once_get_the_same_one(service: Service) -> None:
    found = at_once(20, lambda _: secret_to_register(service.runtime, "test").text)
    assert len(set(found)) == 1
    assert len(list_secrets(service.runtime)) == 1


def test_secrets_that_are_first_used_at_once_do_not_wait_for_each_other(service: Service) -> None:
    """Each use ends the older secrets, so two of them lock the same rows."""
    for _ in range(10):
        made = [create_secret(service.runtime, "test").record for _ in range(6)]
        at_once(len(made), lambda n, made=made: mark_used(service.runtime, made[n]))
    newest, *older = list_secrets(service.runtime)
    # An older one may be skipped while a newer one ends it; its next confirmation notes its use.
    assert (newest.valid_until, newest.first_used_at) == (None, service.clock())
    assert all(one.valid_until is not None for one in older)
