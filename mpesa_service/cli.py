"""Operator commands: flask --app wsgi mpesa …"""

from datetime import timedelta

import click
from cryptography.fernet import Fernet
from flask import current_app
from flask.cli import AppGroup
from rich.progress import Progress

from mpesa_service.api.blueprint import runtime
from mpesa_service.auth import is_subject, make_token
from mpesa_service.cli_c2b import register_urls
from mpesa_service.cli_c2b_rules import c2b_rules_cli
from mpesa_service.cli_doctor import doctor
from mpesa_service.cli_inquiries import balance, status
from mpesa_service.cli_jobs import jobs_cli
from mpesa_service.cli_options import as_json, echo_json
from mpesa_service.cli_orders import orders_cli
from mpesa_service.cli_payments import payments_cli
from mpesa_service.cli_payouts import payout_cli, payouts_cli
from mpesa_service.cli_review import refunds_cli, reverse, review_cli
from mpesa_service.cli_unmatched import unmatched_cli
from mpesa_service.cli_verify import verify_books
from mpesa_service.cli_webhooks import webhooks_cli
from mpesa_service.services.inbox import take_up_failed
from mpesa_service.services.rotation import rotate, rows_to_rotate

mpesa_cli = AppGroup("mpesa", help="Commands for operators of the payment service.")
keys_cli = AppGroup("keys", help="Keys that encrypt phone numbers at rest.")
inbox_cli = AppGroup("inbox", help="Callbacks as they came in.")
mpesa_cli.add_command(keys_cli)
mpesa_cli.add_command(inbox_cli)
mpesa_cli.add_command(verify_books)
mpesa_cli.add_command(reverse)
mpesa_cli.add_command(register_urls)
mpesa_cli.add_command(status)
mpesa_cli.add_command(balance)
mpesa_cli.add_command(doctor)
for group in (
    payments_cli,
    jobs_cli,
    review_cli,
    refunds_cli,
    payout_cli,
    payouts_cli,
    c2b_rules_cli,
    orders_cli,
    unmatched_cli,
    webhooks_cli,
):
    mpesa_cli.add_command(group)


@mpesa_cli.command("token")
@click.option("--sub", required=True, help="Whom the token is for: the owner of the payments made with it.")
@click.option("--role", "roles", multiple=True, help="A role it carries; `admin` may refund. Repeatable.")
@click.option("--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365))
@as_json
def token(sub: str, roles: tuple[str, ...], hours: int, as_json: bool) -> None:
    """Print a signed token for local use.

    Example: flask --app wsgi mpesa token --sub shop --role admin
    """
    if not is_subject(sub):
        raise click.UsageError("--sub must be 1 to 255 printable characters.")
    if current_app.config["JWT_ALGORITHM"] != "HS256":
        raise click.ClickException("Tokens are made by the holder of the private key, not here.")
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    made = make_token(app, sub, list(roles), timedelta(hours=hours))
    _say({"token": made}, made, as_json)


@keys_cli.command("new")
@as_json
def new_key(as_json: bool) -> None:
    """Print a new key for PHONE_ENCRYPTION_KEYS; put it in front of the others.

    Example: flask --app wsgi mpesa keys new
    """
    key = Fernet.generate_key().decode()
    _say({"key": key}, key, as_json)


@keys_cli.command("rotate")
@as_json
def rotate_keys(as_json: bool) -> None:
    """Encrypt every number and callback again with the newest key; then the old one may go.

    Safe to stop and to run again. Example: flask --app wsgi mpesa keys rotate
    """
    bound = runtime()
    with Progress(transient=True) as progress:
        task = progress.add_task("Encrypting rows again", total=rows_to_rotate(bound))
        done = rotate(bound, lambda count: progress.advance(task, count))
    _say({"rows": done}, f"{done} rows are under the newest key.", as_json)


@inbox_cli.command("retry")
@click.option("--limit", default=1000, show_default=True, type=click.IntRange(1), help="At most this many.")
@as_json
def retry_inbox(limit: int, as_json: bool) -> None:
    """Apply again the callbacks whose applying failed; each is tried ten times in all.

    Example: flask --app wsgi mpesa inbox retry
    """
    taken = take_up_failed(runtime(), limit)
    _say({"callbacks": taken}, f"{taken} callbacks were taken up again.", as_json)


def _say(result: dict[str, object], sentence: str, as_json: bool) -> None:
    if as_json:
        echo_json(result)
        return
    click.echo(sentence)
