"""Due work that no worker does, in every table."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.callbacks import receive
from mpesa_service.core import suspensions
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.models import Approval, Base, C2bConfirmation, CallbackInbox, PayoutBatch, Statement
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import Health
from mpesa_service.operations.overdue import DUE, oldest_due
from mpesa_service.webhooks import endpoints
from tests.c2b.support import confirm, expect_order
from tests.payouts.support import ROW, act, made, pay
from tests.support import Service

MINUTE = 60
NOT_FOR_WORKERS = {"daraja_tokens", "idempotency_keys"}
"""Their time stamps are expiry times, not due times."""


def suspend(service: Service, *names: str) -> None:
    with service.runtime.database.begin() as session:
        for name in names:
            suspensions.suspend(session, name, "result 2001", service.clock())


def change(service: Service, table: type[Base], **columns: Any) -> None:
    with service.runtime.database.begin() as session:
        session.execute(update(table).values(**columns))


def refunded(service: Service) -> None:
    service.refund(service.paid(amount=100), 40)


def sent(service: Service) -> None:
    made(service)
    pay(service)


def stopped(service: Service) -> None:
    """More rows than are canceled at once."""
    made(service)
    change(service, PayoutBatch, status="stopped")


def queried(service: Service) -> None:
    assert service.call("GET", "/transactions/UKN2ABCDEF", by="boss", admin=True).status_code == 202


def unplaced(service: Service) -> None:
    confirm(service)
    change(service, C2bConfirmation, retry_at=service.clock())


def failed(service: Service) -> None:
    confirm(service)
    change(service, C2bConfirmation, retry_at=None)
    change(service, CallbackInbox, verdict=InboxVerdict.FAILED)


def event(service: Service) -> None:
    endpoints.add_endpoint(service.runtime, "amina", "http://127.0.0.1:9/hooks")
    service.paid()


def requested(service: Service) -> None:
    """Request that a statement is applied."""
    row = dict.fromkeys(("id", "sha256", "name", "shape", "container", "shortcode", "account"), "A")
    times = {"created_at": service.clock(), "next_check_at": service.clock()}
    with service.runtime.database.begin() as session:
        session.add(Statement(**row, **times, status="applying", created_by="boss"))


def asked(service: Service) -> None:
    """Let a refund wait for a second person; it expires in a minute."""
    service.refund(service.paid(amount=60_000))
    change(service, Approval, expires_at=service.clock() + timedelta(seconds=MINUTE))


WORK: dict[str, Callable[[Service], Any]] = {
    "payment": lambda service: service.pending(),
    "refund": refunded,
    "payout in progress": sent,
    "waiting payout": made,
    "stopped batch": stopped,
    "inquiry": queried,
    "unmatched C2B payment": unplaced,
    "order to expire": lambda service: expect_order(service, expires_in=MINUTE),
    "approval to expire": asked,
    "statement to apply": requested,
    "callback": failed,
    "event": event,
}


def test_every_kind_of_work_is_on_the_list() -> None:
    assert [what for what, _ in DUE] == list(WORK)


def test_a_table_that_says_when_it_is_due_is_looked_at() -> None:
    stamps = {"next_check_at", "retry_at", "due_at", "expires_at"}
    found = {name for name, table in Base.metadata.tables.items() if stamps & set(table.columns.keys())}
    assert found - NOT_FOR_WORKERS == {
        *("payments", "refunds", "payouts", "inquiries"),
        *("approvals", "c2b_confirmations", "expected_orders", "statements", "webhook_deliveries"),
    }


@pytest.mark.parametrize("what", WORK)
def test_a_dead_worker_is_noticed_whatever_waits(service: Service, what: str) -> None:
    assert oldest_due(service.runtime) is None
    WORK[what](service)
    service.clock.advance(2 * MINUTE)
    [found] = doctor.worker(service.runtime)
    assert found.health is Health.GOOD
    service.clock.advance(3 * MINUTE)
    [found] = doctor.worker(service.runtime)
    assert (found.health, f"({what}) has waited for" in found.found) == (Health.WRONG, True), found.found


@pytest.mark.parametrize(
    ("what", "names"),
    [
        ("refund", [suspensions.REFUNDS]),
        ("payout in progress", [suspensions.PAYOUTS]),
        ("waiting payout", [suspensions.OUT_OF_MONEY]),
        ("inquiry", [suspensions.REFUNDS, suspensions.PAYOUTS]),
    ],
)
def test_what_is_suspended_waits_for_a_person(service: Service, what: str, names: list[str]) -> None:
    WORK[what](service)
    suspend(service, *names)
    service.clock.advance(60 * MINUTE)
    assert oldest_due(service.runtime) is None


def test_a_batch_is_due_from_its_approval_on(service: Service) -> None:
    batch = made(service, {**ROW, "amount": 60_000})
    service.clock.advance(60 * MINUTE)
    approval = (service.clock() + timedelta(days=3) - timedelta(minutes=60), "approval to expire")
    assert oldest_due(service.runtime) == approval
    act(service, batch, "approve", by="otieno")
    assert oldest_due(service.runtime) == (service.clock(), "waiting payout")


def test_a_callback_that_failed_too_often_is_not_due(service: Service) -> None:
    failed(service)
    change(service, CallbackInbox, attempts=receive.MAX_ATTEMPTS)
    assert oldest_due(service.runtime) is None
