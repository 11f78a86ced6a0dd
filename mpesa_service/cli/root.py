"""The `mpesa` command and the table of its commands."""

from importlib import import_module
from typing import TYPE_CHECKING

import click

from mpesa_service.cli.lazy import Lazy, LazyGroup

if TYPE_CHECKING:
    from flask.cli import ScriptInfo


def _at(where: str, line: str) -> Lazy:
    return Lazy(f"mpesa_service.cli.{where}", line)


COMMANDS = {
    "balance": _at("inquiries:balance", "Ask M-Pesa what the accounts hold, and show what is known."),
    "c2b-rules": _at("c2b_rules:c2b_rules_cli", "Which payments from the phone's own menu are let through."),
    "doctor": _at(
        "doctor:doctor",
        "Check credentials, addresses, clock, database, broker and limits; exit with 1 if one is wrong.",
    ),
    "inbox": _at("inbox:inbox_cli", "Callbacks as they came in."),
    "jobs": _at("jobs:jobs_cli", "What is done without being asked."),
    "keys": _at("keys:keys_cli", "Keys that encrypt phone numbers at rest."),
    "orders": _at("orders:orders_cli", "Orders that customers may pay from the phone's own menu."),
    "payments": _at("payments:payments_cli", "What was paid, and what happened to it."),
    "payout": _at("payouts:payout_cli", "Paying money out, in batches."),
    "payouts": _at("payouts:payouts_cli", "Payouts as a whole."),
    "refunds": _at("review:refunds_cli", "Refunds as a whole."),
    "register-urls": _at("c2b:register_urls", "Register the C2B addresses."),
    "reverse": _at("review:reverse", "Have M-Pesa reverse a payment: all of it goes back to whoever paid."),
    "review": _at("review:review_cli", "Payments that wait for a person."),
    "status": _at("inquiries:status", "Ask M-Pesa what became of the transaction with this receipt."),
    "token": _at("token:token", "Print a signed token for local use."),
    "unmatched": _at("unmatched:unmatched_cli", "Money that fits no order."),
    "verify": _at("verify:verify_books", "Check every rule of the books; exit with 1 if one is broken."),
    "webhooks": _at("webhooks:webhooks_cli", "Who is told of events, and what became of it."),
}


PROGRAMS = {
    "migrate": _at("migrate:migrate", "Create the tables, or bring them to this version of the service."),
    "serve": _at("serve:serve", "Start the web service: gunicorn with the settings of this package."),
    "worker": _at("worker:worker", "Start the background jobs: a Celery worker with its schedule (beat)."),
}


@click.group("mpesa", cls=LazyGroup, sections={"Run the service": PROGRAMS, "Operate the service": COMMANDS})
@click.pass_context
def mpesa_cli(context: click.Context) -> None:
    """Run and operate the payment service.

    The settings are environment variables. Every command has --help, which needs no settings.
    """
    # `mpesa` has put the application there.
    if context.obj is None and context.invoked_subcommand in COMMANDS:
        context.obj = _application()


def _application() -> "ScriptInfo":
    """Return what makes the application when a command needs it: a command's --help does not."""
    from flask.cli import ScriptInfo

    return ScriptInfo(create_app=lambda: import_module("mpesa_service.wsgi").app)
