"""Every job, how often it runs, and the service that it calls."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mpesa_service.services import c2b_looking, delivery, housekeeping, inbox, orders, reconcile
from mpesa_service.services.commands.due import look_into_due
from mpesa_service.services.inquiries import ask_balance_when_due
from mpesa_service.services.payout_sending import pay_waiting
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """`work` does what is due and returns how much that was; it is called every `every` seconds."""

    name: str
    every: float
    work: Callable[[Runtime], int]
    help: str


JOBS = (
    Job("deliver", 1, delivery.deliver, "tell endpoints of outgoing events"),
    Job("inbox", 10, inbox.take_up_failed, "apply callbacks again whose applying failed"),
    Job("reconcile", 5, reconcile.ask_due, "ask Daraja about payments that nobody reports on"),
    Job("commands", 10, look_into_due, "find out about refunds and other commands without a result"),
    Job("c2b", 10, c2b_looking.look_due, "look again at money that could not be placed at first"),
    Job(
        "balance", 60, ask_balance_when_due, "ask M-Pesa what the accounts hold, every BALANCE_EVERY minutes"
    ),
    Job("payouts", 1, pay_waiting, "send payouts that wait, and close batches that are through"),
    Job("orders", 30, orders.expire_due, "close announced orders whose time is over"),
    Job("prune", 3600, housekeeping.prune, "drop idempotency keys after their 72 hours"),
)


def run(runtime: Runtime, job: Job) -> int:
    """Run one job once; return how much it did. A fault is logged and costs this round only."""
    try:
        done = job.work(runtime)
    except Exception:  # the next round, or another worker, takes up what is still due
        log.exception("job failed", extra={"job": job.name})
        return 0
    if done:
        log.info("job done", extra={"job": job.name, "count": done})
    return done
