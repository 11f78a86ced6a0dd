"""Operator commands: flask --app wsgi mpesa …"""

from datetime import timedelta

import click
from cryptography.fernet import Fernet
from flask import current_app
from flask.cli import AppGroup

from mpesa_service.auth import make_token

mpesa_cli = AppGroup("mpesa", help="Commands for operators of the payment service.")
keys_cli = AppGroup("keys", help="Keys that encrypt phone numbers at rest.")
mpesa_cli.add_command(keys_cli)


@mpesa_cli.command("token")
@click.option("--sub", required=True, help="Whom the token is for: the owner of the payments made with it.")
@click.option("--role", "roles", multiple=True, help="A role it carries; `admin` may refund. Repeatable.")
@click.option("--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365))
def token(sub: str, roles: tuple[str, ...], hours: int) -> None:
    """Print a signed token for local use.

    Example: flask --app wsgi mpesa token --sub shop --role admin
    """
    if current_app.config["JWT_ALGORITHM"] != "HS256":
        raise click.ClickException("Tokens are made by the holder of the private key, not here.")
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    click.echo(make_token(app, sub, list(roles), timedelta(hours=hours)))


@keys_cli.command("new")
def new_key() -> None:
    """Print a new key for PHONE_ENCRYPTION_KEYS; put it in front of the others."""
    click.echo(Fernet.generate_key().decode())
