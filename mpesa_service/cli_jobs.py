"""Operator commands for jobs, review, and stopped refunds."""

from collections.abc import Sequence

import click
from flask.cli import AppGroup
from rich.console import Console
from rich.table import Table

from mpesa_service.api.blueprint import runtime
from mpesa_service.cli_options import as_json, by, echo_json, operator, reason
from mpesa_service.errors import ServiceError
from mpesa_service.jobs.table import JOBS, run
from mpesa_service.schemas.payouts import PayoutSchema
from mpesa_service.schemas.responses import PaymentSchema
from mpesa_service.services import holds
from mpesa_service.services.idempotency import Answer
from mpesa_service.services.payout_records import PayoutRecord
from mpesa_service.services.payout_review import list_payouts_in_review
from mpesa_service.services.refunds import RefundStarted, refund
from mpesa_service.services.review import Finding, Resolution, list_review, resolve

jobs_cli = AppGroup("jobs", help="What is done without being asked.")
review_cli = AppGroup("review", help="Payments that wait for a person.")
refunds_cli = AppGroup("refunds", help="Refunds as a whole.")


@jobs_cli.command("run-once")
@click.option(
    "--job", "names", multiple=True, type=click.Choice([job.name for job in JOBS]), help="Only this."
)
def run_once(names: tuple[str, ...]) -> None:
    """Run every job once, until what is due is done.

    Example: flask --app wsgi mpesa jobs run-once
    """
    for job in JOBS:
        if not names or job.name in names:
            click.echo(f"{job.name}: {run(runtime(), job)}")


@jobs_cli.command("list")
def list_jobs() -> None:
    """Show every job and how often the worker runs it."""
    table = Table("job", "every", "what it does")
    for job in JOBS:
        table.add_row(job.name, f"{job.every:g} s", job.help)
    Console().print(table)


@review_cli.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 1000))
@as_json
def list_waiting(limit: int, as_json: bool) -> None:
    """Show payments and then payouts that wait for a person, oldest first, and why.

    Example: flask --app wsgi mpesa review list
    """
    found, payouts = list_review(runtime(), limit), list_payouts_in_review(runtime(), limit)
    if as_json:
        echo_json(PaymentSchema(many=True).dump(found) + PayoutSchema(many=True).dump(payouts))
        return
    table = Table("payment", "order", "amount", "status", "receipt", "evidence", "why")
    for record in found:
        why = [record.failure_reason] if record.failure_reason else []
        why += [f"refund of {r.amount}: {r.failure_reason}" for r in record.refunds if r.status == "review"]
        cells = (record.id, record.order_id, str(record.amount), record.status, record.receipt or "")
        table.add_row(*cells, record.evidence or "", "\n".join(why))
    Console().print(table)
    if payouts:
        Console().print(_payouts_table(payouts))
    click.echo(f"{len(found) + len(payouts)} waiting")


def _payouts_table(payouts: Sequence[PayoutRecord]) -> Table:
    table = Table("payout", "batch", "row", "to", "amount", "receipt", "evidence", "why")
    for record in payouts:
        cells = (record.id, record.batch_id, str(record.row_number), record.phone or record.business_number)
        rest = (str(record.amount), record.receipt or "", record.evidence or "", record.failure_reason)
        table.add_row(*cells, *rest)
    return table


def _decide(resolution: Resolution, reference: str, who: str, why: str, receipt: str | None) -> None:
    finding = Finding(resolution, why, receipt)
    try:
        record = resolve(runtime(), operator(who), reference, finding)
    except ServiceError as error:
        raise click.ClickException(error.message) from error
    click.echo(f"{record.id} is {record.status}")


@review_cli.command("settle")
@click.argument("payment")
@click.option("--receipt", help="The M-Pesa receipt that proves it.")
@reason
@by
def settle(payment: str, receipt: str | None, why: str, who: str) -> None:
    """Say that the money arrived (or the refund was paid).

    Example: flask --app wsgi mpesa review settle 019a… --by amina --reason "on the statement"
    """
    _decide(Resolution.SETTLE, payment, who, why, receipt)


@review_cli.command("fail")
@click.argument("payment")
@reason
@by
def fail(payment: str, why: str, who: str) -> None:
    """Say that the money did not arrive (or the refund was not paid).

    Example: flask --app wsgi mpesa review fail 019a… --by amina --reason "not on the statement"
    """
    _decide(Resolution.FAIL, payment, who, why, None)


@review_cli.command("refund")
@click.argument("payment")
@reason
@by
def pay_back(payment: str, why: str, who: str) -> None:
    """Say that the money arrived, and pay all of it back: what a customer paid twice, say.

    Example: flask --app wsgi mpesa review refund 019a… --by amina --reason "paid twice"
    """
    _decide(Resolution.SETTLE, payment, who, why, None)
    try:
        answer = refund(runtime(), operator(who), payment, None, _plainly)
    except ServiceError as error:
        raise click.ClickException(error.message) from error
    click.echo(answer.body.decode())
    if answer.status >= 400:
        raise SystemExit(1)


def _plainly(started: RefundStarted) -> Answer:
    if started.refusal is not None:
        return Answer(started.refusal.status, started.refusal.message.encode())
    words = f"refund {started.refund.id} of {started.refund.amount} shillings is {started.refund.status}"
    return Answer(200, words.encode())


@refunds_cli.command("resume")
def resume_refunds() -> None:
    """Let refunds go on, after the initiator's credentials were mended.

    Example: flask --app wsgi mpesa refunds resume
    """
    stopped = holds.resume(runtime(), holds.REFUNDS)
    click.echo("Refunds go on." if stopped else "Refunds were not stopped.")
