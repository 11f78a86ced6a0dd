"""A registration and an initiate of one order id at the same instant: the second one sees the first."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.orders import expected
from mpesa_service.verification.payments import verify
from tests.orders.test_expected import OTHER, expect_order, order_events, state, sums
from tests.payments.test_races import at_once
from tests.support import Listening, Service, TestClock, start_service

PATIENCE = 20.0
ROUNDS = 10
THIRD, FOURTH = "254712000078", "254712000079"
TAKEN = (409, "order_taken")
IN_PROGRESS = (409, "order_in_progress")
CREATED = (201, None)

Act = Callable[[], Any]


def outcome(answer: Any) -> tuple[int, str | None]:
    return answer.status_code, answer.json.get("code")


def waiting(service: Service) -> int:
    """Return how many statements wait for a lock."""
    database = service.runtime.database
    if database.is_sqlite:
        return len(database._writers._waiting)
    with database.read() as session:
        # Of this database only: other tests use the same server at the same time.
        blocked = "datname = current_database() AND wait_event_type = 'Lock'"
        return int(session.scalar(text(f"SELECT count(*) FROM pg_stat_activity WHERE {blocked}")))


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture
def start(service: Service, pool: ThreadPoolExecutor) -> Callable[[Act], Future[Any]]:
    """Start something in a thread; return when it has ended, or waits for a lock."""

    def started(act: Act) -> Future[Any]:
        before = waiting(service)
        found = pool.submit(act)
        for _ in range(2_000):
            if found.done() or waiting(service) > before:
                return found
            threading.Event().wait(0.01)
        raise AssertionError("it neither ended nor waited")

    return started


Start = Callable[[Act], Future[Any]]
Register = Callable[[Act, Act], tuple[Any, Any]]


@pytest.fixture
def before_the_commit(start: Start, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Register an order, and do something else between its look at payments and its commit."""

    def register_and(registration: Act, act: Act) -> tuple[Any, Any]:
        look, others = expected._count_earlier_payments, list[Future[Any]]()

        def look_and_let(*args: Any) -> None:
            try:
                look(*args)
            finally:
                if not others:
                    others.append(start(act))

        with monkeypatch.context() as patch:
            patch.setattr(expected, "_count_earlier_payments", look_and_let)
            answer = registration()
        return answer, others[0].result(PATIENCE)

    return register_and


class TestDuringARegistration:
    def test_a_payment_that_is_started_and_paid_counts(
        self, service: Service, before_the_commit: Register
    ) -> None:
        answer, _ = before_the_commit(partial(expect_order, service), lambda: service.paid("ORDER1", 60))
        assert outcome(answer) == CREATED
        assert sums(state(service)) == ("partially_paid", 60, 40, 0)
        assert order_events(service) == ["order.partially_paid"]
        assert service.initiate(amount=40).status_code == 201  # its order lock is released
        assert list(verify(service.runtime)) == []

    def test_a_payment_that_is_started_is_linked(self, service: Service, before_the_commit: Register) -> None:
        answer, _ = before_the_commit(partial(expect_order, service), service.pending)
        assert sums(answer.json["data"]) == ("open", 0, 100, 0)
        [payment] = service.payments()
        assert payment.expected_order_id is not None

    @pytest.mark.parametrize("unpaid", [True, False], ids=["the owner has an unpaid one", "first"])
    def test_another_callers_payment_is_refused(
        self, service: Service, before_the_commit: Register, unpaid: bool
    ) -> None:
        if unpaid:
            cancel(service, service.pending())
        by_another = partial(service.initiate, phone=OTHER, by="amina")
        answer, other = before_the_commit(partial(expect_order, service), by_another)
        assert (outcome(answer), outcome(other)) == (CREATED, TAKEN)
        assert [payment["status"] for payment in state(service)["payments"]] == ["canceled"] * unpaid
        assert list(verify(service.runtime)) == []

    def test_an_order_for_the_shop_counts_it(self, service: Service, before_the_commit: Register) -> None:
        order = {"orderId": "ORDER1", "amount": 100}
        answer, other = before_the_commit(
            lambda: service.call("POST", "/orders", order, by="boss", admin=True),
            partial(service.initiate, by="amina"),
        )
        assert (outcome(answer), outcome(other)) == (CREATED, CREATED)
        found = service.call("GET", "/orders/ORDER1", by="boss", admin=True).json["data"]
        assert [payment["status"] for payment in found["payments"]] == ["pending"]

    def test_what_it_would_have_refused_goes_on_when_it_is_refused(
        self, service: Service, before_the_commit: Register
    ) -> None:
        """The owner's own payment waits for a registration that another caller's payment refuses."""
        service.initiate(by="amina")
        answer, other = before_the_commit(
            partial(expect_order, service), partial(service.initiate, phone=OTHER)
        )
        assert (outcome(answer), outcome(other)) == (TAKEN, IN_PROGRESS)
        assert list(verify(service.runtime)) == []

    @pytest.mark.parametrize("refused", [True, False])
    def test_a_repeated_registration_has_the_same_answer(
        self, service: Service, before_the_commit: Register, refused: bool
    ) -> None:
        if refused:
            service.initiate(by="amina")
        again = partial(expect_order, service)
        answer, other = before_the_commit(again, again)
        assert outcome(answer) == (TAKEN if refused else CREATED)
        assert outcome(other) == (TAKEN if refused else (200, None))


def cancel(service: Service, checkout: str) -> None:
    service.simulator.post(f"/simulator/prompts/{checkout}/cancel")


class TestWhileAPaymentIsWritten:
    """On PostgreSQL: an initiate found no expected order, and its insert waits for another transaction."""

    @pytest.fixture
    def service(
        self,
        listening: Listening,
        simulator: Any,
        clock: TestClock,
        service_env: dict[str, str],
        postgres_url: str,
    ) -> Iterator[Service]:
        yield from on_postgres(listening, simulator, clock, service_env, postgres_url)

    @pytest.fixture
    def written(self, service: Service, start: Start) -> Callable[[Act], Any]:
        """Start an initiate from OTHER's phone whose insert waits until the block ends."""
        cancel(service, service.pending("ORDER2", phone=OTHER))
        lock = text("UPDATE payments SET phone_lock = phone_hash")

        @contextmanager
        def writing(act: Act) -> Iterator[Future[Any]]:
            with service.runtime.database.engine.connect() as connection:
                connection.execute(lock)
                found = start(act)
                assert not found.done()
                yield found

        return writing

    def test_the_registration_waits_and_counts_it(
        self, service: Service, start: Start, written: Callable[[Act], Any]
    ) -> None:
        with written(partial(service.initiate, phone=OTHER)) as initiated:
            registered = start(partial(expect_order, service))
            assert not registered.done()
        assert outcome(initiated.result(PATIENCE)) == CREATED
        assert outcome(registered.result(PATIENCE)) == CREATED
        assert len(state(service)["payments"]) == 1

    @pytest.mark.parametrize("unpaid", [True, False], ids=["the owner has an unpaid one", "first"])
    def test_another_callers_payment_refuses_the_registration(
        self, service: Service, start: Start, written: Callable[[Act], Any], unpaid: bool
    ) -> None:
        if unpaid:
            cancel(service, service.pending(phone=THIRD))
        with written(partial(service.initiate, phone=OTHER, by="amina")) as initiated:
            registered = start(partial(expect_order, service))
            assert not registered.done()
        assert outcome(initiated.result(PATIENCE)) == CREATED
        assert outcome(registered.result(PATIENCE)) == TAKEN
        assert list(verify(service.runtime)) == []

    def test_what_comes_meanwhile_is_refused_as_well(
        self, service: Service, start: Start, written: Callable[[Act], Any]
    ) -> None:
        """A repeated registration, and the owner's own payment of the order."""
        with written(partial(service.initiate, phone=OTHER, by="amina")) as initiated:
            acts = (
                partial(expect_order, service),
                partial(expect_order, service),
                partial(service.initiate, phone=FOURTH),
            )
            later = [start(act) for act in acts]
        assert outcome(initiated.result(PATIENCE)) == CREATED
        assert [outcome(found.result(PATIENCE)) for found in later] == [TAKEN, TAKEN, IN_PROGRESS]
        assert list(verify(service.runtime)) == []

    def test_other_orders_do_not_wait(
        self, service: Service, start: Start, written: Callable[[Act], Any]
    ) -> None:
        with written(partial(service.initiate, phone=OTHER)):
            assert outcome(start(partial(expect_order, service, "ORDER3")).result(PATIENCE)) == CREATED
            assert outcome(start(partial(service.initiate, "ORDER4")).result(PATIENCE)) == CREATED

    @pytest.mark.parametrize("caller", ["shop", "amina"])
    def test_at_the_same_instant(self, service: Service, caller: str) -> None:
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


def on_postgres(
    listening: Listening, simulator: Any, clock: TestClock, env: dict[str, str], postgres_url: str
) -> Iterator[Service]:
    started = start_service(listening, simulator, clock, {**env, "DATABASE_URL": postgres_url})
    yield started
    started.runtime.database.dispose()
