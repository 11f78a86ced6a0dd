"""The `mpesa` command and the table of its commands."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from mpesa_service import __version__
from mpesa_service.cli.lazy import Lazy, LazyGroup

if TYPE_CHECKING:
    from collections.abc import Callable

    from flask import Flask
    from flask.cli import ScriptInfo


def _at(where: str, line: str) -> Lazy:
    return Lazy(f"mpesa_service.cli.{where}", line)


COMMANDS = {
    "approvals": _at(
        "approvals:approvals_cli", "Refunds, payouts and other actions that wait for a second person."
    ),
    "balance": _at("inquiries:balance", "Query M-Pesa for the account balances and show them."),
    "c2b": _at("c2b:c2b_cli", "The secret in the addresses to which M-Pesa reports C2B payments."),
    "c2b-rules": _at("c2b:c2b_rules_cli", "Rules that say which C2B payments M-Pesa accepts."),
    "callbacks": _at("callbacks:callbacks_cli", "Callbacks that M-Pesa posted."),
    "discrepancies": _at(
        "discrepancies:discrepancies_cli", "Reports of M-Pesa that fit no payment, refund or payout."
    ),
    "doctor": _at(
        "doctor:doctor", "Check the installation: database, credentials, addresses, clock, worker, broker."
    ),
    "jobs": _at("jobs:jobs_cli", "Background jobs."),
    "keys": _at("keys:keys_cli", "Keys that encrypt the stored phone numbers and callbacks."),
    "orders": _at("orders:orders_cli", "Expected orders: customers can pay them by C2B."),
    "outgoing": _at("outgoing:outgoing_cli", "Money that goes out: refunds and payouts together."),
    "payments": _at("payments:payments_cli", "Payments, their history, and decisions on paid payments."),
    "payouts": _at("payouts:payouts_cli", "Payout batches."),
    "pull": _at("pull:pull_cli", "Money that M-Pesa received, fetched from M-Pesa (Pull Transactions)."),
    "receipts": _at("receipts:receipts_cli", "Receipts of money that M-Pesa received."),
    "register-urls": _at("c2b:register_urls", "Register the C2B addresses at M-Pesa."),
    "reverse": _at("review:reverse", "Reverse a payment: M-Pesa returns all of it to the payer."),
    "review": _at("review:review_cli", "Payments and payouts that need a person's decision."),
    "statements": _at("statements:statements_cli", "Statements of the organization portal."),
    "status": _at("inquiries:status", "Query M-Pesa for the status of a transaction, by its receipt."),
    "suspensions": _at("suspensions:suspensions_cli", "Suspensions of refunds, payouts or inquiries."),
    "token": _at("token:token", "Print a signed token for local use, or revoke tokens."),
    "unmatched": _at("unmatched:unmatched_cli", "C2B payments that fit no order."),
    "verify": _at("verify:verify_books", "Check every invariant of the stored data."),
    "webhooks": _at("webhooks:webhooks_cli", "Webhook endpoints and their deliveries."),
}

_JOBS = {"jobs"}
"""Commands that a scheduler starts, so they log like programs."""
PROGRAMS = {
    "migrate": _at("migrate:migrate", "Create the tables, or bring them to this version of the service."),
    "serve": _at("serve:serve", "Start the web service (gunicorn)."),
    "worker": _at("worker:worker", "Start the background jobs (a Celery worker with beat)."),
}


@click.group("mpesa", cls=LazyGroup, sections={"Run the service": PROGRAMS, "Operate the service": COMMANDS})
@click.version_option(__version__)
@click.pass_context
def mpesa_cli(context: click.Context) -> None:
    """Run and operate the payment service.

    The settings are environment variables. Every command has --help, which needs no settings. Without
    LOG_LEVEL, the programs and `jobs` log at INFO, and the other commands only warnings and errors.
    """
    if context.invoked_subcommand in COMMANDS and context.invoked_subcommand not in _JOBS:
        context.with_resource(_warnings_only())
    # From `__main__`, a function that creates the application. `flask --app wsgi mpesa` has its own object.
    if callable(context.obj) and context.invoked_subcommand in COMMANDS:
        context.obj = _script_info(context.obj)


@contextmanager
def _warnings_only() -> Iterator[None]:
    """Log only warnings and errors, unless LOG_LEVEL says otherwise: people read the command's own output."""
    if os.environ.get("LOG_LEVEL", "").strip():
        yield
        return
    log = logging.getLogger("mpesa_service")
    level, given = log.level, os.environ.get("LOG_LEVEL")
    os.environ["LOG_LEVEL"] = "WARNING"  # for an application that is created by the command
    log.setLevel(logging.WARNING)  # for one that was created before
    try:
        yield
    finally:
        log.setLevel(level)
        if given is None:
            del os.environ["LOG_LEVEL"]
        else:
            os.environ["LOG_LEVEL"] = given


def _script_info(create_app: "Callable[[], Flask]") -> "ScriptInfo":
    """Return a ScriptInfo that creates the application when a command runs, not for its --help."""
    from flask.cli import ScriptInfo  # here, because the list of commands needs no Flask

    return ScriptInfo(create_app=create_app)
