"""How the commands show batches of payouts."""

import click

from mpesa_service.cli.options import echo_json, in_shillings, local_time
from mpesa_service.cli.output import TableRow, print_table
from mpesa_service.domain.commands import BatchStatus
from mpesa_service.domain.counting import counted
from mpesa_service.payouts.create import FAULTS_SHOWN, InvalidRows
from mpesa_service.payouts.views import BatchRecord, Progress


def batch_cells(one: BatchRecord) -> TableRow:
    figures = (str(one.row_count), in_shillings(one.total_amount), one.created_by, one.approved_by)
    times = (local_time(one.created_at), local_time(one.completed_at))
    return (one.id, one.reference, one.status, *figures, *times)


def progress_in_words(progress: Progress) -> str:
    """Return what a batch waits for, in a few words."""
    if progress.suspension_reason is not None:
        return f"payouts are suspended: {progress.suspension_reason}"
    if progress.batch.status == BatchStatus.WAITING_APPROVAL:
        return "another person must approve it"
    if progress.seconds_left:
        return f"{counted(progress.seconds_left, 'second')} until the rest is sent"
    return "has ended" if progress.batch.completed_at else "nothing more will be sent"


def show_faults(error: InvalidRows, as_json: bool) -> int:
    if as_json:
        echo_json({"code": error.code, "message": error.message, "details": error.details})
        return 1
    shown = error.faults[:FAULTS_SHOWN]
    print_table(
        ("row", "field", "what is wrong"), ((str(fault.row), fault.field, fault.message) for fault in shown)
    )
    click.echo(f"Faults: {len(error.faults)}. Nothing was stored.")
    return 1
