"""Operator commands for what M-Pesa posted: mpesa callbacks …"""

from collections.abc import Iterable, Sequence

import click
from flask.cli import AppGroup

from mpesa_service.callbacks.receive import apply_failed_again
from mpesa_service.callbacks.unread import (
    CallbackRecord,
    apply_every_unread,
    apply_unread,
    dismiss_unread,
    list_newest,
    list_unread,
    read_callback,
)
from mpesa_service.callbacks.unread_schemas import CallbackSchema, DismissSchema, UnreadQuerySchema
from mpesa_service.cli.options import (
    as_json,
    by,
    echo_json,
    limit_option,
    load,
    local_time,
    operator,
    print_result,
    reason,
)
from mpesa_service.cli.output import TableRow, print_facts, show_list
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.errors import ServiceError
from mpesa_service.web.blueprint import runtime

callbacks_cli = AppGroup("callbacks", help="Callbacks that M-Pesa posted.")
_NOT_APPLIED = {InboxVerdict.UNREAD, InboxVerdict.FAILED}
_NEXT = (
    "Next: mpesa callbacks show {0}. If M-Pesa received money that no payment has: mpesa receipts book"
    " RECEIPT --by NAME. When nothing is left to do: mpesa callbacks dismiss {0} --by NAME --reason …"
)
HEADINGS = ("id", "received", "kind", "from", "bytes", "about", "verdict", "reason")


@callbacks_cli.command("list")
@click.option("--unread", is_flag=True, help="Only callbacks that cannot be read: oldest first.")
@limit_option(50, 100)
@click.option("--after", default="", help="With --unread: the id of the last entry of the page before.")
@as_json
def list_(unread: bool, limit: int, after: str, as_json: bool) -> None:
    """Show stored callbacks, newest first, without their bodies.

    Example: mpesa callbacks list --unread
    """
    page = load(UnreadQuerySchema(), limit=limit, after=after)
    found = list_unread(runtime(), **page) if unread else list_newest(runtime(), limit)
    show_list(as_json, CallbackSchema(many=True).dump(found), HEADINGS, map(_cells, found))
    if not as_json:
        click.echo(f"{len(found)} {'unread' if unread else 'shown'}")


@callbacks_cli.command("show")
@click.argument("callback")
@as_json
def show(callback: str, as_json: bool) -> None:
    """Show a stored callback with its body, which contains personal data.

    Bytes that are no text are shown as \\xNN.

    Example: mpesa callbacks show 019a…
    """
    record, body = read_callback(runtime(), callback)
    text = body.decode("utf-8", "backslashreplace")
    if as_json:
        echo_json({**CallbackSchema().dump(record), "body": text})
        return
    decision = f"{record.decided_by} {local_time(record.decided_at)} {record.decided_why or ''}".strip()
    pairs = [*zip(HEADINGS, _cells(record), strict=True), ("decided", decision if record.decided_by else "")]
    if record.cut:
        pairs += [("stored", f"the first {len(body)} bytes"), ("SHA-256", record.full_sha256 or "not known")]
    print_facts(pairs)
    click.echo(f"\n{text}")


@callbacks_cli.command("apply")
@click.argument("callbacks", nargs=-1)
@click.option("--all", "every", is_flag=True, help="Apply every unread callback, oldest first.")
@by
@as_json
def apply_(callbacks: Sequence[str], every: bool, who: str, as_json: bool) -> None:
    """Apply unread callbacks again, for example after an upgrade.

    The command shows what became of each one. The exit code is 1 if one of them is not applied.

    Example: mpesa callbacks apply --all --by amina
    """
    if bool(callbacks) is every:
        raise click.UsageError("Give the ids of callbacks, or --all.")
    actor = operator(who).subject
    done: Iterable[CallbackRecord] = apply_every_unread(runtime(), actor) if every else ()
    records, refused = list(done), dict[str, str]()
    for callback in callbacks:
        try:
            records.append(apply_unread(runtime(), actor, callback))
        except ServiceError as error:
            refused[callback] = error.message
    if as_json:
        echo_json({"callbacks": CallbackSchema(many=True).dump(records), "refused": refused})
    else:
        for record in records:
            click.echo(_became(record))
        for callback, why in refused.items():
            click.echo(f"{callback}: {why}", err=True)
        click.echo(f"Callbacks that were tried again: {len(records)}.")
    left = [record for record in records if record.verdict in _NOT_APPLIED]
    raise SystemExit(1 if left or refused else 0)


def _became(record: CallbackRecord) -> str:
    """Say what became of a callback that was tried again, and what to do if it is not applied."""
    left = record.verdict in _NOT_APPLIED
    sentence = f"{record.id} is {'still ' if left else ''}{record.verdict}: {record.reason}"
    return f"{sentence}\n{_NEXT.format(record.id)}" if left else sentence


@callbacks_cli.command("dismiss")
@click.argument("callback")
@reason
@by
@as_json
def dismiss_(callback: str, why: str, who: str, as_json: bool) -> None:
    """Decide that an unread callback needs nothing.

    Example: mpesa callbacks dismiss 019a… --by amina --reason "a test of our own"
    """
    given = load(DismissSchema(), reason=why)
    record = dismiss_unread(runtime(), operator(who).subject, callback, given["reason"])
    print_result(CallbackSchema().dump(record), f"{record.id} is {record.verdict}", as_json)


@callbacks_cli.command("retry")
@limit_option(1000, None, "Apply at most this many.")
@as_json
def retry(limit: int, as_json: bool) -> None:
    """Apply again the callbacks that failed.

    The service tries each callback ten times in all.

    Example: mpesa callbacks retry
    """
    taken = apply_failed_again(runtime(), limit)
    print_result({"callbacks": taken}, f"Callbacks that were tried again: {taken}.", as_json)


def _about(record: CallbackRecord) -> str | None:
    """Return what the callback is about, and its id."""
    named = {
        "refund": record.refund_id,
        "payout": record.payout_id,
        "inquiry": record.inquiry_id,
        "payment": record.payment_id,
    }
    kind, one = next(((kind, one) for kind, one in named.items() if one is not None), (None, None))
    if kind is None:
        return None
    return f"{kind} {one}: {record.inquiry}" if record.inquiry else f"{kind} {one}"


def _cells(record: CallbackRecord) -> TableRow:
    received, size = local_time(record.received_at), str(record.size)
    return (
        *(record.id, received, record.kind, record.source_address, size, _about(record), record.verdict),
        record.reason,
    )
