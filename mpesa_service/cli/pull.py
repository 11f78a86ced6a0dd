"""Operator commands for Pull Transactions: mpesa pull …"""

from dataclasses import asdict
from datetime import datetime

import click
from flask.cli import AppGroup

from mpesa_service.c2b.pull import pull
from mpesa_service.c2b.pull_records import PullRecord, list_pulls
from mpesa_service.c2b.pull_registration import RegisteredPull, register_pull
from mpesa_service.c2b.pull_windows import given_window
from mpesa_service.c2b.schemas import PullSchema
from mpesa_service.cli.options import NAIROBI, NAME, as_json, echo_json, limit_option, local_time, operator
from mpesa_service.cli.output import show_list
from mpesa_service.domain.counting import counted
from mpesa_service.web.blueprint import runtime

_FORMATS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S")
_COLUMNS = (
    "id",
    "shortcode",
    "from",
    "to",
    "status",
    "rows",
    "booked",
    "known",
    "disputed",
    "unreadable",
    "error",
)
_GOOD = "complete"

pull_cli = AppGroup("pull", help="Money that M-Pesa received, fetched from M-Pesa (Pull Transactions).")
_by = click.option(
    "--by", "who", type=NAME, default="command line", show_default=True, help="Your name, for the record."
)
_shortcode = click.option(
    "--shortcode", help="MPESA_SHORTCODE or MPESA_TILL. Default: both, if there is a till."
)


@pull_cli.command("register")
@_shortcode
@_by
@as_json
def register(shortcode: str | None, who: str, as_json: bool) -> None:
    """Register the shortcode, and the till if there is one, for pulls at M-Pesa, once.

    MPESA_PULL_PHONE must be the number in M-Pesa's portal: Organization, Details.

    Example: mpesa pull register --by amina
    """
    found = register_pull(runtime(), operator(who).subject, shortcode)
    if as_json:
        echo_json([asdict(one) for one in found])
    for one in found:
        if not as_json:
            click.echo(_registered(one), err=one.refusal is not None)
    if any(one.refusal for one in found):
        raise SystemExit(1)


@pull_cli.command("run")
@click.option(
    "--from", "start", type=click.DateTime(_FORMATS), help="Nairobi time. Default: where pulls ended."
)
@click.option("--to", "end", type=click.DateTime(_FORMATS), help="Nairobi time. Default: now.")
@_shortcode
@_by
@as_json
def run(start: datetime | None, end: datetime | None, shortcode: str | None, who: str, as_json: bool) -> None:
    """Fetch the money that M-Pesa received, and book what is not booked yet.

    M-Pesa serves the last 48 hours. A window that was read before changes nothing. If there is a till, its
    money and that of its store number are fetched.

    Example: mpesa pull run --from "2026-11-22 08:00" --by amina
    """
    window = given_window(_nairobi(start), _nairobi(end), runtime().clock())
    records = pull(runtime(), operator(who).subject, window, shortcode, progress=_progress)
    if as_json:
        echo_json(PullSchema(many=True).dump(records))
    for record in records:
        if not as_json:
            click.echo(_sentence(record, named=len(records) > 1))
    if any(record.status != _GOOD for record in records):
        raise SystemExit(1)


@pull_cli.command("list")
@limit_option(20, 500)
@_shortcode
@as_json
def list_(limit: int, shortcode: str | None, as_json: bool) -> None:
    """List the pulls and their outcomes, newest first.

    Example: mpesa pull list --limit 5
    """
    found = list_pulls(runtime(), limit, shortcode)
    show_list(as_json, PullSchema(many=True).dump(found), _COLUMNS, map(_row, found))


def _nairobi(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=NAIROBI)


def _progress(record: PullRecord) -> None:
    rows = counted(record.rows_seen, "row")
    click.echo(f"{record.shortcode} page {record.pages}: {rows}, {record.booked} booked", err=True)


def _registered(one: RegisteredPull) -> str:
    if one.refusal is not None:
        return f"{one.shortcode} is not registered: {one.refusal}"
    return f"{one.shortcode} was registered before." if one.already else f"Registered {one.shortcode}."


def _sentence(record: PullRecord, *, named: bool) -> str:
    counts = f"{counted(record.rows_seen, 'row')}: {record.booked} booked, {record.known} known"
    more = f", {record.disputed} disputed, {record.unreadable} unreadable"
    where = f"{local_time(record.window_from)} to {local_time(record.window_to)}"
    gap = (
        f" Never pulled: {local_time(record.gap_from)} to {local_time(record.window_from)}."
        if record.gap_from
        else ""
    )
    number = f"{record.shortcode} " if named else ""
    error = f" {record.error}" if record.error else ""
    return f"{number}{record.status}: {where}, {counts}{more}.{gap}{error}"


def _row(record: PullRecord) -> list[str | None]:
    return [
        str(record.id),
        record.shortcode,
        local_time(record.window_from),
        local_time(record.window_to),
        record.status,
        str(record.rows_seen),
        str(record.booked),
        str(record.known),
        str(record.disputed),
        str(record.unreadable),
        record.error,
    ]
