"""The `mpesa` command and the table of its commands."""

import click

from mpesa_service.cli.lazy import Lazy, LazyGroup


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


@click.group("mpesa", cls=LazyGroup, sections={"Commands": COMMANDS})
def mpesa_cli() -> None:
    """Commands for operators of the payment service."""
