"""Operator commands for payouts: mpesa payouts …"""

import json
import time
from collections.abc import Callable
from typing import Any, BinaryIO

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import (
    as_json,
    bom_option,
    by,
    echo_json,
    in_shillings,
    limit_option,
    load,
    operator,
    operator_decision,
    print_result,
    reason,
    status_option,
)
from mpesa_service.cli.output import end_with, print_table, show_list, waits
from mpesa_service.cli.payout_output import batch_cells, progress_in_words, show_faults
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.principal import Principal
from mpesa_service.outflow.records import ApprovalRecord
from mpesa_service.payouts import control, views
from mpesa_service.payouts import create as payout_batches
from mpesa_service.payouts.create import BatchRequest, InvalidRows
from mpesa_service.payouts.schemas import (
    BatchSchema,
    PayoutRequestSchema,
    PayoutSchema,
    ProgressSchema,
    result_file,
)
from mpesa_service.payouts.views import Progress
from mpesa_service.review.decision import OperatorDecision, Resolution
from mpesa_service.review.payouts import resolve_payout
from mpesa_service.web.blueprint import runtime
from mpesa_service.web.file_formats import CSV, XLSX, FileFormat, format_of_name
from mpesa_service.web.payout_files import read_payout_file

payouts_cli = AppGroup("payouts", help="Payout batches.")


@payouts_cli.command("create")
@click.argument("file", type=click.File("rb"))
@click.option(
    "--reference",
    required=True,
    help="Your reference for the batch. The same file with the same reference is paid once.",
)
@click.option("--description", default="", help="A description, for people.")
@click.option("--allow-duplicates", is_flag=True, help="Allow several rows with the same party and amount.")
@by
@as_json
def create(
    file: BinaryIO, reference: str, description: str, allow_duplicates: bool, who: str, as_json: bool
) -> None:
    """Create a payout batch from a CSV or Excel file.

    The first line of the file names the columns. If one row is invalid, nothing is stored. A batch above
    PAYOUT_APPROVAL_THRESHOLD needs the approval of a second person.

    Example: mpesa payouts create salaries.csv --reference SALARIES-2026-11 --by amina
    """
    options = {"reference": reference, "description": description, "allowDuplicates": allow_duplicates}
    request = BatchRequest(**load(PayoutRequestSchema(), rows=read_payout_file(file.read()), **options))
    try:
        made = payout_batches.create(runtime(), operator(who), request)
    except InvalidRows as error:
        raise SystemExit(show_faults(error, as_json)) from error
    if made.replayed and not as_json:
        click.echo("This batch exists already. Nothing was added.")
    for warning in made.warnings:
        click.echo(f"Warning: {warning}", err=True)
    _show(made.progress, as_json)


@payouts_cli.command("approve")
@click.argument("batch")
@by
@as_json
def approve(batch: str, who: str, as_json: bool) -> None:
    """Approve a batch that another person created.

    Example: mpesa payouts approve 019a… --by otieno
    """
    _do(control.approve, batch, who, as_json)


@payouts_cli.command("pause")
@click.argument("batch")
@by
@as_json
def pause(batch: str, who: str, as_json: bool) -> None:
    """Stop sending the rows of a batch until it is resumed.

    Example: mpesa payouts pause 019a… --by amina
    """
    _do(control.pause, batch, who, as_json)


@payouts_cli.command("resume")
@click.argument("batch")
@by
@as_json
def resume(batch: str, who: str, as_json: bool) -> None:
    """Continue a paused batch.

    Example: mpesa payouts resume 019a… --by amina
    """
    _do(control.resume, batch, who, as_json)


@payouts_cli.command("stop")
@click.argument("batch")
@by
@as_json
def stop(batch: str, who: str, as_json: bool) -> None:
    """Cancel the waiting rows of a batch.

    This is final. Rows that are already sent still get their result.

    Example: mpesa payouts stop 019a… --by amina
    """
    _do(control.stop, batch, who, as_json)


@payouts_cli.command("list")
@status_option(BatchStatus)
@limit_option(50, 1000)
@as_json
def list_(status: BatchStatus | None, limit: int, as_json: bool) -> None:
    """Show payout batches, newest first.

    Example: mpesa payouts list --status waiting_approval
    """
    found = views.list_batches(runtime(), limit, status=status)
    show_list(as_json, BatchSchema(many=True).dump(found), _BATCH, map(batch_cells, found))


@payouts_cli.command("watch")
@click.argument("batch")
@click.option(
    "--every", default=1.0, show_default=True, type=click.FloatRange(0), help="Seconds between two queries."
)
@as_json
def watch(batch: str, every: float, as_json: bool) -> None:
    """Show the progress of a batch until it has ended.

    Ctrl-C stops the display, not the batch. With --json, the command prints a line for each change.

    Example: mpesa payouts watch 019a…
    """
    try:
        progress = _follow_in_json(batch, every) if as_json else _follow(batch, every)
    except KeyboardInterrupt:
        click.echo("The display has stopped. The batch continues.")
        return
    if not as_json:
        _show(progress, as_json=False)


@payouts_cli.command("result")
@click.argument("batch")
@click.option(
    "--output",
    default="-",
    type=click.File("wb"),
    help="A file: CSV, or an Excel workbook if its name ends with .xlsx. Default: standard output.",
)
@bom_option
def result(batch: str, output: BinaryIO, bom: bool) -> None:
    """Write the current state of every row, with masked phone numbers.

    Example: mpesa payouts result 019a… --output salaries-result.xlsx
    """
    form = FileFormat(format_of_name(str(getattr(output, "name", "")), (CSV, XLSX)), bom=bom)
    for piece in result_file(form, views.all_rows(runtime(), batch)):
        click.echo(piece, output, nl=False)


@payouts_cli.command("settle")
@click.argument("payout")
@click.option("--receipt", help="The M-Pesa receipt that proves it.")
@reason
@by
@as_json
def settle(payout: str, receipt: str | None, why: str, who: str, as_json: bool) -> None:
    """Record that a payout in review was paid.

    Example: mpesa payouts settle 019a… --by amina --reason "on the statement"
    """
    _decide(operator_decision(Resolution.SETTLE, reason=why, receipt=receipt), payout, who, as_json)


@payouts_cli.command("fail")
@click.argument("payout")
@reason
@by
@as_json
def fail(payout: str, why: str, who: str, as_json: bool) -> None:
    """Record that a payout in review was not paid.

    Example: mpesa payouts fail 019a… --by amina --reason "not on the statement"
    """
    _decide(operator_decision(Resolution.FAIL, reason=why), payout, who, as_json)


def _do(act: Callable[[Runtime, Principal, str], Progress], batch: str, who: str, as_json: bool) -> None:
    _show(act(runtime(), operator(who), batch), as_json)


def _decide(decision: OperatorDecision, payout: str, who: str, as_json: bool) -> None:
    record = resolve_payout(runtime(), operator(who), payout, decision)
    if isinstance(record, ApprovalRecord):
        end_with(waits(record, as_json=as_json))
        return
    print_result(PayoutSchema().dump(record), f"{record.id} is {record.status}", as_json)


def _show(progress: Progress, as_json: bool) -> None:
    if as_json:
        echo_json(ProgressSchema().dump(progress))
        return
    batch = progress.batch
    click.echo(f"{batch.id}  {batch.reference}  {batch.status}: {progress_in_words(progress)}")
    rows = [(status, str(share.count), in_shillings(share.amount)) for status, share in progress.rows.items()]
    shown = [row for row in rows if row[1] != "0"]
    all_ = ("all", str(batch.row_count), in_shillings(batch.total_amount))
    print_table(("status", "rows", "shillings"), [*shown, all_])


_BATCH = ("batch", "reference", "status", "rows", "shillings", "by", "approved by", "since", "ended")


def _follow(batch_id: str, every: float) -> Progress:
    # Imported here: see output.py.
    from rich.progress import Progress as Bar

    with Bar(transient=True) as bar:
        task = bar.add_task("")
        while True:
            progress = views.batch_progress(runtime(), batch_id)
            counted = {status: share.count for status, share in progress.rows.items()}
            ended = progress.batch.row_count - sum(counted[s] for s in ("waiting", "pending", "unknown"))
            shares = ", ".join(f"{count} {status}" for status, count in counted.items() if count)
            words = f"{progress.batch.status}: {shares}"
            bar.update(task, description=words, total=progress.batch.row_count, completed=ended)
            if progress.batch.completed_at is not None:
                return progress
            time.sleep(every)


def _follow_in_json(batch_id: str, every: float) -> Progress:
    printed = None
    while True:
        progress = views.batch_progress(runtime(), batch_id)
        line: Any = json.dumps(ProgressSchema().dump(progress))
        if line != printed:
            click.echo(line)
            printed = line
        if progress.batch.completed_at is not None:
            return progress
        time.sleep(every)
