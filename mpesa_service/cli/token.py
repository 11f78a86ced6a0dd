"""The operator commands that create and revoke tokens: mpesa token …"""

import sys
from datetime import timedelta

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import by, load, local_time, operator, print_result, reason
from mpesa_service.cli.output import show_list
from mpesa_service.core.revocations import MOST_SECONDS, RevocationRecord
from mpesa_service.domain.principal import ADMIN
from mpesa_service.operations.revoking import revoke
from mpesa_service.operations.token_schemas import RevocationSchema, RevokeSchema
from mpesa_service.web.auth import is_subject, longest_lifetime, make_token, makes_tokens, token_id_of
from mpesa_service.web.blueprint import runtime

_HEADINGS = ("revoked", "what", "by", "reason")
STANDARD_INPUT = "-"


@click.group("token", cls=AppGroup, invoke_without_command=True)
@click.option("--sub", help="The caller, who owns the payments that are started with the token.")
@click.option("--role", "roles", multiple=True, help="A role. The role `admin` can refund. Repeatable.")
@click.option(
    "--hours", default=12, show_default=True, type=click.IntRange(1, 24 * 365), help="How long it is valid."
)
@as_json_option
@click.pass_context
def token(context: click.Context, sub: str | None, roles: tuple[str, ...], hours: int, as_json: bool) -> None:
    """Print a signed token for local use, or revoke tokens.

    The only role is `admin`; the command warns of others. JWT_MAX_LIFETIME limits --hours.

    Example: mpesa token --sub shop --role admin
    """
    if context.invoked_subcommand is None:
        context.invoke(_create, sub=sub, roles=roles, hours=hours, as_json=as_json)


@with_appcontext
def _create(sub: str | None, roles: tuple[str, ...], hours: int, as_json: bool) -> None:
    if not is_subject(sub):
        raise click.UsageError("--sub must be 1 to 255 printable characters.")
    if not makes_tokens(current_app):
        raise click.ClickException(
            "The holder of the private key makes the tokens: JWT_ALGORITHM is not HS256."
        )
    if timedelta(hours=hours) > longest_lifetime(current_app):
        raise click.UsageError("--hours is longer than JWT_MAX_LIFETIME, so the token would be refused.")
    for role in sorted(set(roles) - {ADMIN}):
        click.echo(f"Warning: the role {role!r} means nothing. The only role is {ADMIN!r}.", err=True)
    made = make_token(current_app, sub, list(roles), timedelta(hours=hours))
    print_result({"token": made, "jti": token_id_of(made)}, made, as_json)


@token.command("revoke")
@click.argument("token_id", required=False, metavar="[JTI|-]")
@click.option("--sub", help="Revoke all tokens of this caller that were issued until now.")
@by
@reason
@as_json_option
def revoke_(token_id: str | None, sub: str | None, who: str, why: str, as_json: bool) -> None:
    """Revoke one token by its `jti`, or all tokens of a caller.

    With -, the command reads the token from standard input and takes its `jti`. It takes effect in every
    process within ten seconds, and cannot be undone: create a new token.

    Example: mpesa token revoke --sub shop --by amina --reason "laptop stolen"
    """
    if token_id == STANDARD_INPUT:
        token_id = token_id_of(sys.stdin.read().strip())
        if token_id is None:
            raise click.ClickException("This is no token with a `jti`. Revoke all of its caller: --sub.")
    if (token_id is None) is (sub is None):
        raise click.UsageError("Name either the `jti` of one token, or a caller with --sub.")
    asked = load(RevokeSchema(), jti=token_id, sub=sub, reason=why)
    record = revoke(runtime(), operator(who).subject, **asked)
    sentence = f"Revoked: {_what(record)}. It takes effect within {MOST_SECONDS:.0f} seconds."
    print_result(RevocationSchema().dump(record), sentence, as_json)


@token.command("revocations")
@as_json_option
def revocations(as_json: bool) -> None:
    """Show the revoked tokens, until they have expired.

    Example: mpesa token revocations
    """
    found = runtime().revocations.list_all()
    rows = ((local_time(one.revoked_at), _what(one), one.revoked_by, one.reason) for one in found)
    show_list(as_json, RevocationSchema(many=True).dump(found), _HEADINGS, rows)


def _what(record: RevocationRecord) -> str:
    return f"all tokens of {record.subject}" if record.subject else f"the token {record.token_id}"
