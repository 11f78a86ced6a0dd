"""The operator command that creates a token: mpesa token"""

from datetime import timedelta

import click
from flask import current_app
from flask.cli import with_appcontext

from mpesa_service.cli.options import as_json, print_result
from mpesa_service.web.auth import is_subject, make_token, makes_tokens


@click.command("token")
@with_appcontext
@click.option(
    "--sub", required=True, help="The caller, who owns the payments that are started with the token."
)
@click.option("--role", "roles", multiple=True, help="A role. The role `admin` can refund. Repeatable.")
@click.option(
    "--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365), help="How long it is valid."
)
@as_json
def token(sub: str, roles: tuple[str, ...], hours: int, as_json: bool) -> None:
    """Print a signed token for local use.

    Example: mpesa token --sub shop --role admin
    """
    if not is_subject(sub):
        raise click.UsageError("--sub must be 1 to 255 printable characters.")
    if not makes_tokens(current_app):
        raise click.ClickException(
            "The holder of the private key makes the tokens: JWT_ALGORITHM is not HS256."
        )
    made = make_token(current_app, sub, list(roles), timedelta(hours=hours))
    print_result({"token": made}, made, as_json)
