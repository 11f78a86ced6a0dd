"""Operator commands for statements of the organization portal: mpesa statements …"""

from datetime import datetime
from pathlib import Path
from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import as_json, by, echo_json, limit_option, load, local_time, operator, reason
from mpesa_service.cli.output import show_list
from mpesa_service.cli.statement_output import applying_bar, print_statement, reading_bar, status_of
from mpesa_service.domain.money import shillings
from mpesa_service.domain.statements import DateOrder
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.coverage import coverage
from mpesa_service.statements.importing import ImportOptions, read_statement
from mpesa_service.statements.records import StatementRecord, get_statement, list_statements
from mpesa_service.statements.report import compare
from mpesa_service.statements.schemas import (
    ApplySchema,
    CoverageSchema,
    ImportSchema,
    StatementListSchema,
    StatementSchema,
    WithdrawSchema,
)
from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.web.blueprint import runtime

_accept = click.option(
    "--accept-broken-balance",
    "accepted",
    metavar="REASON",
    help="Apply a statement whose running balance is broken, for this reason.",
)
_accept_mismatch = click.option(
    "--accept-mismatch",
    "mismatch",
    metavar="REASON",
    help="Apply a statement that contradicts an applied one, for this reason.",
)
statements_cli = AppGroup("statements", help="Statements of the organization portal.")
NOTHING_PROVEN = (
    "No day is proven: no applied statement with an unbroken balance covers a whole day. Import a statement"
    " of whole days that are over, and apply it: mpesa statements import FILE --by NAME --apply"
)
_LIST = (
    *("statement", "file", "shortcode", "account", "from", "to", "lines", "paid in"),
    *("balance", "status"),
)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@statements_cli.command("import")
@click.argument("file", type=FILE)
@by
@click.option("--shortcode", help="The shortcode, if neither the file nor its name says it.")
@click.option("--account", help="The account, such as `Utility Account`, if the file does not say it.")
@click.option("--from", "begin", help="The beginning of the period, if the file does not say it.")
@click.option("--to", "end", help="The end of the period: its last second, or its last day.")
@click.option(
    "--dates",
    type=click.Choice([order.value for order in DateOrder]),
    help="What stands first in the dates, if the file does not show it: the day or the month.",
)
@click.option("--apply", "apply_", is_flag=True, help="Also do what the statement would change.")
@_accept
@_accept_mismatch
@as_json
def import_(
    file: Path,
    who: str,
    shortcode: str | None,
    account: str | None,
    begin: str | None,
    end: str | None,
    dates: str | None,
    apply_: bool,
    accepted: str | None,
    mismatch: str | None,
    as_json: bool,
) -> None:
    """Read a statement and show what it would change.

    The file is CSV, xls or xlsx, as the M-Pesa portal writes it. Without --apply, only the statement itself
    is stored. The same file again changes nothing.

    Example: mpesa statements import statement.xls --by amina
    """
    given: dict[str, Any] = {"shortcode": shortcode, "account": account, "from": begin, "to": end}
    options = ImportOptions(**load(ImportSchema(), **given, dates=dates))
    with reading_bar(file, hidden=as_json) as progress:
        record = read_statement(runtime(), operator(who), file, file.name, options, progress)
    if apply_:
        _apply(record.id, who, (accepted, mismatch), as_json)
        return
    _show(compare(runtime(), record), as_json)


@statements_cli.command("apply")
@click.argument("statement")
@by
@_accept
@_accept_mismatch
@as_json
def apply(statement: str, who: str, accepted: str | None, mismatch: str | None, as_json: bool) -> None:
    """Book what is missing, send what differs to review, and raise the evidence of what agrees.

    You can stop the command and run it again: nothing is done twice.

    Example: mpesa statements apply 019a… --by amina
    """
    _apply(statement, who, (accepted, mismatch), as_json)


@statements_cli.command("withdraw")
@click.argument("statement")
@reason
@by
@as_json
def withdraw(statement: str, why: str, who: str, as_json: bool) -> None:
    """Decide that the file of a statement is wrong, so that it proves nothing.

    A payment that no other statement and no message of M-Pesa shows goes to review, and the output names it.
    To apply the statement again ends the withdrawal and settles these payments.

    Example: mpesa statements withdraw 019a… --by amina --reason "the portal has no UK1EXAMPL1"
    """
    given = load(WithdrawSchema(), reason=why)
    record = withdraw_statement(runtime(), operator(who), statement, given["reason"])
    _show(compare(runtime(), record), as_json)


@statements_cli.command("coverage")
@as_json
def coverage_(as_json: bool) -> None:
    """Show which days of which account are proven, and the gaps.

    Only applied statements with an unbroken balance prove a day.

    Example: mpesa statements coverage
    """
    found = coverage(runtime())
    rows = [
        (one.shortcode, one.account or "not named", what, str(days.first), str(days.last), str(days.count))
        for one in found
        for what, several in (("proven", one.proven), ("GAP", one.gaps))
        for days in several
    ]
    headings = ("shortcode", "account", "", "from", "to", "days")
    show_list(as_json, CoverageSchema(many=True).dump(found), headings, rows)
    if not rows and not as_json:
        click.echo(NOTHING_PROVEN)


@statements_cli.command("list")
@limit_option(50, 1000)
@as_json
def list_(limit: int, as_json: bool) -> None:
    """Show the imported statements, newest first.

    Example: mpesa statements list
    """
    found = list_statements(runtime(), limit)
    rows = [
        (
            *(one.id, one.name, one.shortcode, one.account, _day(one.period_from), _day(one.period_to)),
            *(str(one.line_count), shillings(one.paid_in_cents)),
            *({True: "unbroken", False: "BROKEN", None: "not proven"}[one.balanced], status_of(one)),
        )
        for one in found
    ]
    show_list(as_json, StatementListSchema(many=True).dump(found), _LIST, rows)


@statements_cli.command("show")
@click.argument("statement")
@as_json
def show(statement: str, as_json: bool) -> None:
    """Show a statement, and compare it again with the record.

    Example: mpesa statements show 019a…
    """
    _show(compare(runtime(), get_statement(runtime(), statement)), as_json)


def _apply(statement_id: str, who: str, accepted: tuple[str | None, str | None], as_json: bool) -> None:
    """Apply a statement. `accepted` are the reasons for a broken balance and for a mismatch."""
    decision = load(ApplySchema(), acceptBrokenBalance=accepted[0], acceptMismatch=accepted[1])
    reasons = (decision["accept_broken_balance"], decision["accept_mismatch"])
    request_apply(runtime(), operator(who), statement_id, *reasons)
    with applying_bar(hidden=as_json) as progress:
        record = apply_statement(runtime(), statement_id, progress)
    _show(record, as_json)


def _show(record: StatementRecord, as_json: bool) -> None:
    if as_json:
        echo_json(StatementSchema().dump(record))
        return
    print_statement(record)


def _day(at: datetime | None) -> str:
    return local_time(at)[:10]
