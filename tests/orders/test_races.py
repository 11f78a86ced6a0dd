"""A registration and an initiate of one order id at the same instant, on PostgreSQL: one sees the other."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.orders import expected
from mpesa_service.verification.payments import verify
from tests.orders.test_expected import OTHER, expect_order, order_events, state, sums
from tests.payments.test_races import at_once
from tests.support import Listening, Service, TestClock, start_service

ROUNDS = 10


@pytest.fixture
def service(
    listening: Listening, simulator: Any, clock: TestClock, service_env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    started = start_service(listening, simulator, clock, {**service_env, "DATABASE_URL": postgres_url})
    yield started
    started.runtime.database.dispose()


@pytest.fixture
def before_the_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], Any]], None]:
    """Let something happen after the registration's first look at payments and before its commit."""

    def let(act: Callable[[], Any]) -> None:
        first_look = expected._count_earlier_payments

        def looking(*args: Any) -> None:
            first_look(*args)
            other = threading.Thread(target=act)
            other.start()
            other.join(20)

        monkeypatch.setattr(expected, "_count_earlier_payments", looking)

    return let


Let = Callable[[Callable[[], Any]], None]


class TestBeforeTheCommit:
    def test_a_payment_that_is_started_and_paid_counts(
        self, service: Service, before_the_commit: Let
    ) -> None:
        before_the_commit(lambda: service.paid("ORDER1", 60))
        assert sums(expect_order(service).json["data"]) == ("partially_paid", 60, 40, 0)
        assert order_events(service) == ["order.partially_paid"]
        assert service.initiate(amount=40).status_code == 201  # its order lock is released
        assert list(verify(service.runtime)) == []

    def test_a_payment_that_is_started_is_linked(self, service: Service, before_the_commit: Let) -> None:
        before_the_commit(service.pending)
        assert sums(expect_order(service).json["data"]) == ("open", 0, 100, 0)
        [payment] = service.payments()
        assert payment.expected_order_id is not None

    @pytest.mark.parametrize("paid", [True, False])
    def test_another_callers_payment_refuses_the_registration(
        self, service: Service, before_the_commit: Let, paid: bool
    ) -> None:
        started: list[Any] = []

        def by_another() -> None:
            started.append(service.initiate(by="amina"))
            if paid:
                checkout = started[0].json["data"]["checkoutRequestId"]
                service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})

        before_the_commit(by_another)
        answer = expect_order(service)
        assert (started[0].status_code, answer.status_code, answer.json["code"]) == (201, 409, "order_taken")
        assert service.call("GET", "/orders/ORDER1", by="office", admin=True).status_code == 404
        assert list(verify(service.runtime)) == []

    def test_an_order_for_the_shop_counts_it(self, service: Service, before_the_commit: Let) -> None:
        before_the_commit(lambda: service.initiate(by="amina"))
        answer = service.call("POST", "/orders", {"orderId": "ORDER1", "amount": 100}, by="boss", admin=True)
        assert answer.status_code == 201
        assert [payment["status"] for payment in answer.json["data"]["payments"]] == ["pending"]

    def test_an_order_with_payments_of_its_own_stays(self, service: Service, before_the_commit: Let) -> None:
        checkout = service.pending()
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        before_the_commit(lambda: service.initiate(phone=OTHER, by="amina"))
        assert expect_order(service).status_code == 201
        assert [payment["status"] for payment in state(service)["payments"]] == ["canceled"]


class TestWhileAPaymentIsWritten:
    """An insert that began before the registration's commit, in a transaction that is still open."""

    @pytest.mark.parametrize("ends", [True, False])
    def test_the_registration_waits_for_it(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, ends: bool
    ) -> None:
        monkeypatch.setattr(expected, "WAIT_FOR_WRITERS", timedelta(seconds=20 if ends else 0.05))
        service.pending("ORDER2", phone=OTHER)
        moved = text("UPDATE payments SET order_id = 'ORDER1', owner = 'amina', order_lock = 'ORDER1'")
        with service.runtime.database.engine.connect() as connection, ThreadPoolExecutor(1) as pool:
            connection.execute(moved)
            answer = pool.submit(expect_order, service)
            if ends:
                with pytest.raises(TimeoutError):
                    answer.result(0.5)
            else:
                assert answer.result(20).status_code == 201
            connection.commit()
            if ends:
                assert answer.result(20).json["code"] == "order_taken"


@pytest.mark.parametrize("caller", ["shop", "amina"])
def test_at_the_same_instant(service: Service, caller: str) -> None:
    for number in range(ROUNDS):
        order, phone = f"ORDER{number}", f"2547220000{number:02}"
        acts = [
            partial(expect_order, service, order),
            partial(service.initiate, order, phone=phone, by=caller),
        ]
        answers = at_once(2, lambda which, acts=acts: acts[which]().status_code)
        assert sorted(answers) == ([201, 201] if caller == "shop" else [201, 409]), (number, answers)
    if caller == "shop":
        assert all(payment.expected_order_id for payment in service.payments())
    assert list(verify(service.runtime)) == []
