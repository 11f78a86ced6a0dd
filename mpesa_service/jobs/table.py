"""The jobs: their names, intervals and functions."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from mpesa_service.approvals import decide
from mpesa_service.c2b import confirmation_checks, pull, receipts, retry_matching
from mpesa_service.callbacks import receive
from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands.due import check_due
from mpesa_service.core import idempotency
from mpesa_service.core.runtime import Runtime
from mpesa_service.inquiries.request import query_balance_when_due
from mpesa_service.operations import revoking
from mpesa_service.orders import expected
from mpesa_service.outflow import gate
from mpesa_service.payments import reconcile
from mpesa_service.payouts.send import pay_waiting
from mpesa_service.statements.applying import apply_due
from mpesa_service.webhooks import deliver

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Job:
    """A periodic job. `work` does what is due and returns how much it did; it runs every `every` seconds."""

    name: str
    every: float
    work: Callable[[Runtime], int]
    help: str


def _prune(runtime: Runtime) -> int:
    return idempotency.prune(runtime) + gate.prune(runtime) + revoking.prune(runtime)


def _check_commands(runtime: Runtime) -> int:
    return check_due(runtime, KINDS)


JOBS = (
    Job("deliver", 1, deliver.deliver, "send events to endpoints"),
    Job("inbox", 10, receive.apply_failed_again, "apply failed callbacks again"),
    Job("reconcile", 5, reconcile.check_due, "query Daraja about open payments"),
    Job("commands", 10, _check_commands, "query M-Pesa about refunds and other commands without a result"),
    Job("c2b", 10, retry_matching.match_due, "try again to match C2B payments"),
    Job("pull", 60, pull.pull_when_due, "fetch the money that customers paid, every 15 minutes"),
    Job("receipts", 30, receipts.book_answered, "book answers about receipts that are not booked yet"),
    Job(
        "confirmations",
        10,
        confirmation_checks.check_due,
        "check large C2B confirmations with M-Pesa",
    ),
    Job("balance", 60, query_balance_when_due, "query the account balances, every BALANCE_EVERY minutes"),
    Job("statements", 5, apply_due, "apply statements that admins have requested"),
    Job("payouts", 1, pay_waiting, "send waiting payouts, and close finished batches"),
    Job("orders", 30, expected.expire_due, "close expired orders"),
    Job("approvals", 10, decide.expire_due, "end approvals whose time is over"),
    Job("prune", 3600, _prune, "delete idempotency keys, counted outflows and revocations that are over"),
)


def run(runtime: Runtime, job: Job) -> int:
    """Run one job once; return how much it did. An exception is logged; the next round tries again."""
    try:
        done = job.work(runtime)
    except Exception:  # the next round, or another worker, does the work that is still due
        log.exception("job failed", extra={"job": job.name})
        return 0
    if done:
        log.info("job done", extra={"job": job.name, "count": done})
    return done
