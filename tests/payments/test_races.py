"""Many at once, on PostgreSQL, over real connections: the database decides, once."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
from sqlalchemy import select

from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.commands.sending import tokens_of
from mpesa_service.models import Inquiry, OutgoingEvent
from tests.callbacks.support import stk_body
from tests.support import PHONE, Listening, Service, TestClock, start_service


@pytest.fixture
def service(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    env = {**service_env, "DATABASE_URL": postgres_url, "MPESA_READ_TIMEOUT": "10", "WEB_THREADS": "100"}
    started = start_service(listening, simulator, clock, env)
    yield started
    started.runtime.database.dispose()


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act(0)` … `act(count - 1)` in as many threads, released together; return the results."""
    barrier = threading.Barrier(count)
    results: list[Any] = [None] * count

    def run(number: int) -> None:
        barrier.wait()
        results[number] = act(number)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def initiate(service: Service, order: str, phone: str = PHONE, key: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {service.token()}"}
    if key:
        headers["Idempotency-Key"] = key
    body = {"orderId": order, "amount": 100, "phoneNumber": phone}
    return requests.post(f"{service.url}/api/mpesa/initiate", json=body, headers=headers, timeout=60)


def test_fifty_equal_keys_make_one_prompt(service: Service) -> None:
    answers = at_once(50, lambda _: initiate(service, "ORDER1", key="one-key"))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert len(service.ledger()["prompts"]) == 1
    assert service.ledger()["requests"]["stk_push"] == 1
    bodies = {answer.content for answer in answers if answer.status_code == 201}
    bodies |= {initiate(service, "ORDER1", key="one-key").content for _ in range(3)}
    assert len(bodies) == 1
    refused = [answer for answer in answers if answer.status_code == 409]
    assert all(answer.headers["Retry-After"] == "1" for answer in refused)
    assert {answer.json()["code"] for answer in refused} <= {"idempotency_key_in_use"}


def test_twenty_payments_of_one_order_make_one_prompt(service: Service) -> None:
    answers = at_once(20, lambda n: initiate(service, "ORDER1", phone=f"2547220000{n:02}"))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert len(service.ledger()["prompts"]) == 1
    assert len(service.payments()) == 1


def test_twenty_payments_by_one_phone_make_one_prompt(service: Service) -> None:
    answers = at_once(20, lambda n: initiate(service, f"ORDER{n}"))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert len(service.ledger()["prompts"]) == 1


def test_twenty_retries_after_the_prompts_life_make_one_more_prompt(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    first = service.pending()
    service.simulator.post(f"/simulator/prompts/{first}/expire")
    service.clock.advance(180)
    answers = at_once(20, lambda _: initiate(service, "ORDER1"))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert len(service.ledger()["prompts"]) == 2


def test_a_hundred_copies_of_a_callback_make_one_transition(service: Service) -> None:
    checkout = service.paid()
    again = service.pending(order="ORDER2", phone="254722000001")
    body = stk_body(service, again, receipt="RACE000001", phone=254722000001)
    url = service.callback_url(again)
    answers = at_once(100, lambda _: requests.post(url, json=body, timeout=60).status_code)
    assert answers == [200] * 100
    assert [event.cause for event in service.events(service.row(again).id)] == [
        "created",
        "push_accepted",
        "paid",
    ]
    verdicts = Counter(row.verdict for row in service.inbox())
    assert verdicts == {"applied": 2, "duplicate": 99}
    assert service.payment(checkout)["status"] == service.payment(again)["status"] == "succeeded"


def test_success_and_failure_at_once_settle_one_way(service: Service) -> None:
    checkout = service.pending()
    url = service.callback_url(checkout)
    success, failure = stk_body(service, checkout), stk_body(service, checkout, ResultCode=1032)
    at_once(20, lambda n: requests.post(url, json=success if n % 2 else failure, timeout=60))
    edges = [e.cause for e in service.events(service.row(checkout).id) if e.from_status != e.to_status]
    assert edges in (
        ["created", "push_accepted", "paid"],
        ["created", "push_accepted", "canceled_by_customer"],
    )


def test_two_payments_claim_one_receipt(service: Service) -> None:
    phones = [f"2547220000{n:02}" for n in range(10)]
    checkouts = [service.pending(order=f"ORDER{n}", phone=phone) for n, phone in enumerate(phones)]
    bodies = [
        stk_body(service, checkout, receipt="ONE0000001", phone=int(phone))
        for checkout, phone in zip(checkouts, phones, strict=True)
    ]
    urls = [service.callback_url(checkout) for checkout in checkouts]
    at_once(10, lambda n: requests.post(urls[n], json=bodies[n], timeout=60))
    statuses = Counter(payment.status for payment in service.payments())
    assert statuses == {"succeeded": 1, "pending": 9}
    assert "failed" not in {row.verdict for row in service.inbox()}


def test_twenty_full_refunds_pay_once(service: Service) -> None:
    checkout = service.paid(amount=100)
    token = service.token("boss", "admin")
    url = f"{service.url}/api/mpesa/{checkout}/refund"

    def refund(_: int) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(url, json={"amount": 100}, headers=headers, timeout=60).status_code

    assert Counter(at_once(20, refund)) == {200: 1, 409: 19}
    assert service.ledger()["requests"]["b2c"] == 1
    assert len(service.refunds()) == 1


def test_partial_refunds_at_once_never_exceed_the_payment(service: Service) -> None:
    service.simulator.post("/simulator/options", {"b2c_auto": "pay", "b2c_after": 0})
    checkout = service.paid(amount=100)
    token = service.token("boss", "admin")
    url = f"{service.url}/api/mpesa/{checkout}/refund"

    def refund(_: int) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.post(url, json={"amount": 30}, headers=headers, timeout=60).status_code

    assert Counter(at_once(12, refund)) == {200: 3, 400: 9}
    service.simulator.post("/simulator/clock/advance", {"seconds": 5})
    assert sum(credit["amount"] for credit in service.ledger()["credits"]) == 90
    payment = service.payment(checkout)
    assert (payment["status"], payment["refundedAmount"]) == ("partially_refunded", 90)


def test_callbacks_before_the_answer_are_all_right(service: Service) -> None:
    service.simulator.post("/simulator/options", {"auto": "pay", "faults": {"callback_before_answer": 1}})

    def pay(number: int) -> requests.Response:
        return initiate(service, f"ORDER{number}", phone=f"2547220000{number:02}")

    answers = at_once(50, pay)
    assert [answer.status_code for answer in answers] == [201] * 50
    assert Counter(payment.status for payment in service.payments()) == {"succeeded": 50}
    debits = {debit["receipt"]: debit["checkoutRequestId"] for debit in service.ledger()["debits"]}
    assert len(debits) == 50
    for answer in answers:
        payment = answer.json()["data"]["payment"]
        assert debits[payment["mpesaReceiptNumber"]] == payment["mpesaCheckoutRequestId"]


def test_many_readers_query_daraja_once(service: Service) -> None:
    checkout = service.pending()
    service.clock.advance(10)
    headers = {"Authorization": f"Bearer {service.token()}"}
    url = f"{service.url}/api/mpesa/query/{checkout}"
    answers = at_once(20, lambda _: requests.get(url, headers=headers, timeout=60).status_code)
    assert answers == [200] * 20
    assert service.ledger()["requests"]["stk_query"] == 1


def test_workers_check_a_reversal_once(service: Service) -> None:
    """Daraja takes no id of ours there: a second sending must be meant."""
    checkout = service.paid(amount=100)
    service.simulator.post("/simulator/script", {"for": "reversal", "fault": "error_5xx"})
    body = {"method": "reversal"}
    assert service.call("POST", f"/{checkout}/refund", body, by="boss", admin=True).status_code == 202
    service.clock.advance(60)
    assert sum(at_once(8, lambda _: check_due(service.runtime, KINDS))) == 1
    assert len(service.ledger()["reversals"]) == 1


def test_many_low_balances_at_once_publish_one_event(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], postgres_url: str
) -> None:
    env = {**service_env, "DATABASE_URL": postgres_url, "LOW_BALANCE": "1000"}
    service = start_service(listening, simulator, clock, env)
    for _ in range(6):
        assert service.call("POST", "/balance", by="boss", admin=True).status_code == 202
        clock.advance(0.001)
        with service.runtime.database.begin() as session:
            newest = session.scalars(select(Inquiry).order_by(Inquiry.id.desc())).first()
            newest.status, newest.evidence = "failed", "push"  # so that another query is sent
    with service.runtime.database.begin() as session:
        for inquiry in session.scalars(select(Inquiry)):
            inquiry.status = "pending"
    low = {"Key": "AccountBalance", "Value": "Utility Account|KES|9.00|9.00|0.00|0.00"}
    parameters = {"ResultParameter": [low]}
    result = {"ResultType": "0", "ResultCode": "0", "ResultDesc": "", "ConversationID": ""}
    ids = [inquiry.id for inquiry in _inquiries(service)]

    def answer(number: int) -> int:
        token = tokens_of(service.runtime.encryption, "inquiry", ids[number]).result
        body = {**result, "ConversationID": f"AG_{number}", "ResultParameters": parameters}
        url = f"{service.url}/api/mpesa/callback/command/result/{token}"
        return requests.post(url, json={"Result": body}, timeout=60).status_code

    assert at_once(6, answer) == [200] * 6
    assert {inquiry.status for inquiry in _inquiries(service)} == {"answered"}
    with service.runtime.database.read() as session:
        assert [event.type for event in session.scalars(select(OutgoingEvent))] == ["balance.low"]
    service.runtime.database.dispose()


def _inquiries(service: Service) -> list[Inquiry]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(Inquiry).order_by(Inquiry.id)))
