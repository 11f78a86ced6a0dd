"""Operator commands for C2B payments: mpesa register-urls, mpesa c2b …, mpesa c2b-rules …"""

from datetime import datetime
from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from mpesa_service.c2b.address_secrets import create_secret, list_secrets, revoke_secret
from mpesa_service.c2b.registration import (
    C2bAddresses,
    Registration,
    addresses_of,
    check_words,
    planned_registration,
    register,
)
from mpesa_service.c2b.schemas import C2bSecretSchema, RegistrationSchema, RulesSchema
from mpesa_service.c2b.validation_rules import RuleChange, RuleRecord, change_rules, show_rules
from mpesa_service.cli.options import (
    NAME,
    EnumChoice,
    as_json,
    by,
    echo_json,
    local_time,
    operator,
    print_result,
    reason,
)
from mpesa_service.cli.output import print_facts, show_list
from mpesa_service.domain.c2b_secrets import C2bSecretRecord
from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.errors import ServiceError
from mpesa_service.web.blueprint import runtime

_COLUMNS = (
    "id",
    "status",
    "created by",
    "created",
    "registered",
    "first used",
    "valid until",
    "revoked by",
    "reason",
)
_ROTATED = "Older secrets are valid until 24 hours after M-Pesa first uses this one."
response_type_option = click.option(
    "--response-type",
    type=click.Choice(["Completed", "Cancelled"]),
    help="What M-Pesa does with a payment when validation does not answer. Default: the `unsure` rule.",
)


@click.command("register-urls")
@with_appcontext
@response_type_option
@click.option(
    "--by",
    "who",
    type=NAME,
    default="command line",
    show_default=True,
    help="Your name, for the log.",
)
@click.option("--show", is_flag=True, help="Only show what would be registered.")
@as_json
def register_urls(response_type: str | None, who: str, show: bool, as_json: bool) -> None:
    """Register the C2B addresses at M-Pesa.

    They contain the newest C2B secret. The command does not show it. To register the addresses by hand, see
    mpesa c2b rotate-secret.

    Example: mpesa register-urls --by amina
    """
    actor = operator(who).subject
    found = (
        planned_registration(runtime(), response_type) if show else register(runtime(), actor, response_type)
    )
    _print_registration(found, as_json, "This command registered nothing." if show else "Registered.")


c2b_cli = AppGroup("c2b", help="The secret in the addresses to which M-Pesa reports C2B payments.")


@c2b_cli.command("rotate-secret")
@response_type_option
@click.option("--by-hand", is_flag=True, help="Print the new addresses once, and do not call M-Pesa.")
@by
@as_json
def rotate_secret(response_type: str | None, by_hand: bool, who: str, as_json: bool) -> None:
    """Make a new C2B secret and register its addresses at M-Pesa.

    The old secret stays valid until 24 hours after the first confirmation with the new one. Then it is
    revoked by itself. In production, delete the registered addresses in the Daraja portal first. With
    --by-hand, you register the printed addresses yourself. They are secrets: a person who knows them can post
    false payments.

    Example: mpesa c2b rotate-secret --by amina
    """
    bound, actor = runtime(), operator(who).subject
    check_words(bound)
    made = create_secret(bound, actor)
    if by_hand:
        _print_once(planned_registration(bound, response_type), addresses_of(bound, made), as_json)
        return
    try:
        found = register(bound, actor, response_type)
    except ServiceError as error:
        advice = f"C2B secret {made.record.id} is stored. Register it later: mpesa register-urls --by NAME."
        raise click.ClickException(f"{error.message} {advice}") from error
    _print_registration(found, as_json, f"Registered. {_ROTATED}")


@c2b_cli.command("secrets")
@as_json
def secrets_(as_json: bool) -> None:
    """List the C2B secrets, without the secrets, newest first.

    Example: mpesa c2b secrets
    """
    found, now = list_secrets(runtime()), runtime().clock()
    data = [{**C2bSecretSchema().dump(one), "status": one.status(now)} for one in found]
    show_list(as_json, data, _COLUMNS, (_row(one, now) for one in found))


@c2b_cli.command("revoke-secret")
@click.argument("secret_id", metavar="ID", type=int)
@by
@reason
@as_json
def revoke(secret_id: int, who: str, why: str, as_json: bool) -> None:
    """Revoke a C2B secret. After ten seconds, no process accepts a post with it.

    After a leak, rotate first: M-Pesa sends a confirmation once, and a post with a revoked secret is refused.
    Pulls and statements find the money whose confirmation was refused.

    Example: mpesa c2b revoke-secret 1 --by amina --reason "the old server was stolen"
    """
    record = revoke_secret(runtime(), operator(who).subject, secret_id, why)
    print_result(C2bSecretSchema().dump(record), f"C2B secret {record.id} is revoked.", as_json)


c2b_rules_cli = AppGroup("c2b-rules", help="Rules that say which C2B payments M-Pesa accepts.")


@c2b_rules_cli.command("show")
@as_json
def show(as_json: bool) -> None:
    """Show the rules of the shortcode.

    Example: mpesa c2b-rules show
    """
    _print_rules(show_rules(runtime()), as_json)


@c2b_rules_cli.command("set")
@click.option(
    "--reference",
    type=EnumChoice(ReferenceRule),
    help="known: references of expected orders and started payments. open: any reference.",
)
@click.option(
    "--amount",
    type=EnumChoice(AmountRule),
    help="exact: the amount due. minimum: the amount due or more. any: any amount.",
)
@click.option(
    "--unsure",
    "when_unsure",
    type=EnumChoice(WhenUnsure),
    help="What to do with a payment when the service cannot check the rules.",
)
@by
@as_json
def set_(who: str, as_json: bool, **given: Any) -> None:
    """Change the rules that you name. The new rules apply from the next payment.

    Example: mpesa c2b-rules set --reference known --amount exact --by amina
    """
    change = RuleChange(**given)
    if change == RuleChange():
        raise click.UsageError("Name a rule to change: --reference, --amount or --unsure.")
    _print_rules(change_rules(runtime(), operator(who), change), as_json)


def _print_registration(found: Registration, as_json: bool, sentence: str) -> None:
    data = RegistrationSchema().dump(found)
    if as_json:
        echo_json(data)
        return
    print_facts((name, None if value is None else str(value)) for name, value in data.items())
    click.echo(sentence)


def _print_once(found: Registration, where: C2bAddresses, as_json: bool) -> None:
    """Print the addresses that a person registers. No other command shows them."""
    urls = {"confirmationUrl": where.confirmation, "validationUrl": where.validation}
    data = {**RegistrationSchema().dump(found), **urls}
    if as_json:
        echo_json(data)
        return
    print_facts((name, str(value)) for name, value in data.items())
    click.echo(f"Register both addresses now. They are secrets, and are not shown again. {_ROTATED}")


def _row(record: C2bSecretRecord, now: datetime) -> list[str | None]:
    times = (record.created_at, record.registered_at, record.first_used_at, record.valid_until)
    created, *others = map(local_time, times)
    why = (record.revoked_by, record.revocation_reason)
    return [str(record.id), record.status(now), record.created_by, created, *others, *why]


def _print_rules(rules: RuleRecord, as_json: bool) -> None:
    if as_json:
        echo_json(RulesSchema().dump(rules))
        return
    since = f", set by {rules.updated_by} on {local_time(rules.updated_at)}" if rules.updated_by else ""
    click.echo(f"shortcode  {rules.shortcode}{since}")
    click.echo(f"reference  {rules.reference}")
    click.echo(f"amount     {rules.amount}")
    click.echo(f"unsure     {rules.when_unsure}")
