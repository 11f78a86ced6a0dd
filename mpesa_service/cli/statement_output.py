"""What the statement commands print: the statement, its checks, and the report in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from mpesa_service.cli.options import local_time
from mpesa_service.cli.output import print_facts, print_table
from mpesa_service.domain.counting import counted
from mpesa_service.domain.money import shillings
from mpesa_service.statements.importing import Progress
from mpesa_service.statements.records import StatementRecord

SHOWN = 20
NOT_OVER = (
    "Note: its period was not over when it was imported. So it proves no more than the time up to its last"
    " line, {}. Import the whole day again when it is over."
)
ONLY_WITHDRAWN_NEXT = (
    "Next: look up each receipt in the portal. If M-Pesa received the money:"
    " mpesa review settle ID --by NAME --reason …. If not: mpesa review fail ID --by NAME --reason …."
    " For a fractional amount: mpesa unmatched close ID --by NAME --reason …"
)
_ORDERS = {"dmy": "day first", "mdy": "month first"}
_ORDER_REASONS = {
    "stated": "as stated",
    "row": "rows show it",
    "period": "only so all lines are in the period",
    "future": "in the other order, lines would be in the future",
    "sorted": "only so the lines are sorted",
    "spelling": "M-Pesa spells them so",
}
_WORDS = {
    "agrees": "agree with the record",
    "reported": "reported by M-Pesa before, and waiting",
    "missing": "missing here, to be booked",
    "differs": "differ from the record",
    "elsewhere": "not sent by this service",
    "own": "charges, sweeps and withdrawals",
    "unclear": "of an unknown kind",
    "not_completed": "failed or canceled: no money moved",
    "repeated": "twice in the file",
}
_LISTS = {
    "missing": "Missing here",
    "differing": "Differing",
    "elsewhere": "Not sent by this service",
    "unclear": "Of an unknown kind",
}


_OTHERS = {
    "mismatch": "MISMATCH",
    "balance": "Balance",
}
_DONE = {
    "booked": "booked",
    "unmatched": "booked as unmatched",
    "matched": "matched to an order by an account that was not known",
    "reviewed": "sent to review",
    "settled": "settled again, because a withdrawn statement is applied again or another one shows it",
    "raised": "proven by the statement",
}


def print_statement(record: StatementRecord) -> None:
    """Print a statement with its checks and its report."""
    print_facts(_facts(record))
    for finding in record.findings:
        click.echo(f"Note: {finding}")
    if record.period_to is not None and record.period_to > record.created_at:
        click.echo(NOT_OVER.format(local_time(record.last_at)))
    report = record.report
    if not report:
        return
    click.echo()
    rows = [(one["kind"], _WORDS[one["outcome"]], str(one["lines"]), *_sums(one)) for one in report["kinds"]]
    print_table(("kind", "result", "lines", "paid in", "withdrawn"), rows)
    for name, heading in _LISTS.items():
        _print_lines(heading, report[name])
    _print_absent(report["absent"])
    _print_times(report.get("times", {"count": 0}))  # a report of an older version has none
    for one in report.get("otherFiles", ()):  # the same
        click.echo(f"\n{_OTHERS[one['what']]}: {one['sentence']}")
    _print_unread(record)
    click.echo(_summary(record))
    if record.progress and record.withdrawn_at is None:
        words = ", ".join(f"{count} {_DONE[step]}" for step, count in record.progress.items() if count)
        click.echo(f"Applied: {words or 'there was nothing to do'}.")
    _print_only_withdrawn(report.get("onlyWithdrawn", {"count": 0}))


def _facts(record: StatementRecord) -> Iterator[tuple[str, str]]:
    period = f"{local_time(record.period_from)} to {local_time(record.period_to)}"
    balance = {True: "unbroken", False: "BROKEN", None: "not proven"}[record.balanced]
    yield "statement", record.id
    yield "file", f"{record.name} (shape {record.shape}, {record.container})"
    yield "shortcode", record.shortcode
    yield "account", record.account or "not named"
    yield "period", period if record.period_from else "not stated"
    if record.date_order and record.date_order_reason:
        yield "dates", f"{_ORDERS[record.date_order]}: {_ORDER_REASONS[record.date_order_reason]}"
    yield "status", status_of(record)
    yield "lines", f"{record.line_count} ({record.new_count} new, {record.not_completed_count} not completed)"
    yield "paid in", shillings(record.paid_in_cents)
    yield "withdrawn", shillings(record.withdrawn_cents)
    yield "running balance", balance


def status_of(record: StatementRecord) -> str:
    """Return the status, and why the statement was withdrawn or the last attempt to apply failed."""
    if record.withdrawn_at is not None:
        return f"{record.status}, withdrawn by {record.withdrawn_by}: {record.withdrawal_reason}"
    return f"{record.status}: {record.failure_reason}" if record.failure_reason else record.status


def _sums(one: dict[str, Any]) -> tuple[str, str]:
    return shillings(one["paidInCents"]), shillings(one["withdrawnCents"])


def _print_lines(heading: str, lines: list[dict[str, Any]]) -> None:
    if not lines:
        return
    click.echo(f"\n{heading}:")
    rows = [
        (
            _row(one),
            one["receipt"],
            _time(one["at"]),
            shillings(one["cents"]),
            one["kind"],
            "" if one["ourCents"] is None else f"{shillings(one['ourCents'])} {one['ourStatus'] or ''}",
            one["ourId"] or (f"perhaps {one['suggestedRefundId']}" if one["suggestedRefundId"] else ""),
        )
        for one in lines[:SHOWN]
    ]
    print_table(("line", "receipt", "time", "amount", "kind", "our record", "our id"), rows)
    _print_rest(len(lines))


def _print_absent(absent: dict[str, Any]) -> None:
    if not absent["checked"]:
        click.echo(f"\nMissing there: not checked, because {absent['reason']}.")
    if not absent["rows"]:
        return
    click.echo("\nMissing there (in our record, not on the statement):")
    rows = [
        (
            *(one["what"], one["id"], one["receipt"], shillings(one["cents"]), _time(one["at"])),
            one.get("shownBy") or "",  # a report of an older version does not have it
        )
        for one in absent["rows"][:SHOWN]
    ]
    print_table(("what", "id", "receipt", "amount", "time", "only on statement"), rows)
    _print_rest(absent["count"])


def _print_times(found: dict[str, Any]) -> None:
    """Print the lines whose time is far from what another source states, and what a person does about it."""
    if not found["count"]:
        return
    subject = counted(found["count"], "time differs", "times differ")
    click.echo(f"\n{subject} by more than an hour from what another source states, and changed nothing:")
    rows = [
        (
            *(_row(one), one["receipt"], _time(one["at"]), _time(one["otherAt"])),
            *(one["otherSource"], one["ourId"]),
        )
        for one in found["rows"][:SHOWN]
    ]
    print_table(("line", "receipt", "time of the line", "other time", "source", "our id"), rows)
    _print_rest(found["count"])
    click.echo(f"Next: {found['nextStep']}")


def _print_only_withdrawn(found: dict[str, Any]) -> None:
    """Print the money that nothing else shows, and what a person does about it."""
    if not found["count"]:
        return
    subject = counted(found["count"], "receipt is", "receipts are")
    click.echo(f"\n{subject} shown by nothing but withdrawn statements ({shillings(found['cents'])} in all):")
    rows = [
        (one["receipt"], shillings(one["cents"]), one["ourId"], one["ourStatus"] or "not a payment")
        for one in found["rows"][:SHOWN]
    ]
    print_table(("receipt", "amount", "our id", "status"), rows)
    _print_rest(found["count"])
    click.echo(ONLY_WITHDRAWN_NEXT)


def _print_unread(record: StatementRecord) -> None:
    if not record.unread:
        return
    click.echo("\nNot understood:")
    rows = [(str(one["row"]), one["reason"]) for one in record.unread[:SHOWN]]
    print_table(("line", "reason"), rows)
    _print_rest(record.unread_count)


def _print_rest(count: int) -> None:
    if count > SHOWN:
        click.echo(f"… and {count - SHOWN} more. `mpesa statements show --json` lists up to 100 of each.")


def _summary(record: StatementRecord) -> str:
    outcomes, absent = record.report["outcomes"], record.report["absent"]
    counts = (
        counted(outcomes["agrees"]["lines"], "agrees", "agree"),
        f"{outcomes['missing']['lines']:,} to be booked",
        f"{absent['count']:,} missing there",
        counted(outcomes["differs"]["lines"], "differs", "differ"),
        f"{record.unread_count + outcomes['unclear']['lines']:,} not understood",
    )
    return f"\n{', '.join(counts)}."


def _row(one: dict[str, Any]) -> str:
    """Return the line's number in the file; empty if another file has it and the number was not kept."""
    return "" if one["row"] is None else str(one["row"])


def _time(text: str) -> str:
    return local_time(datetime.fromisoformat(text))


@contextmanager
def reading_bar(path: Path, *, hidden: bool) -> Iterator[Progress]:
    """Show a progress bar on a terminal while a file is read; the size of a row is estimated."""
    # Imported here: see output.py.
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task(f"reading {path.name}", total=None)
        yield lambda rows: bar.update(task, completed=rows, description=f"{counted(rows, 'row')} read")


@contextmanager
def applying_bar(*, hidden: bool) -> Iterator[Any]:
    """Show on a terminal what is applied so far."""
    from rich.console import Console
    from rich.progress import Progress as Bar

    done: dict[str, int] = {}
    with Bar(console=Console(stderr=True), transient=True, disable=hidden) as bar:
        task = bar.add_task("applying", total=None)

        def advance(step: str, count: int) -> None:
            done[step] = done.get(step, 0) + count
            words = ", ".join(f"{number:,} {name}" for name, number in done.items())
            bar.update(task, description=words)

        yield advance
