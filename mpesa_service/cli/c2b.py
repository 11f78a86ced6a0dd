"""Operator commands for C2B payments: mpesa register-urls, mpesa c2b-rules …"""

from typing import Any

import click
from flask.cli import AppGroup, with_appcontext

from mpesa_service.c2b.registration import planned_registration, register
from mpesa_service.c2b.schemas import RegistrationSchema, RulesSchema
from mpesa_service.c2b.validation_rules import RuleChange, RuleRecord, change_rules, show_rules
from mpesa_service.cli.options import NAME, EnumChoice, as_json, by, echo_json, local_time, operator
from mpesa_service.cli.output import print_facts
from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.web.blueprint import runtime


@click.command("register-urls")
@with_appcontext
@click.option(
    "--response-type",
    type=click.Choice(["Completed", "Cancelled"]),
    help="What M-Pesa does with a payment when validation does not answer. Default: the `unsure` rule.",
)
@click.option(
    "--by",
    "who",
    type=NAME,
    default="command line",
    show_default=True,
    help="Your name, for the log.",
)
@click.option("--show", is_flag=True, help="Only show the addresses.")
@as_json
def register_urls(response_type: str | None, who: str, show: bool, as_json: bool) -> None:
    """Register the C2B addresses at M-Pesa.

    The addresses are secrets: a person who knows them can post false payments.

    Example: mpesa register-urls --by amina
    """
    actor = operator(who).subject
    found = (
        planned_registration(runtime(), response_type) if show else register(runtime(), actor, response_type)
    )
    data = RegistrationSchema().dump(found)
    if as_json:
        echo_json(data)
        return
    print_facts(data.items())
    click.echo("This command registered nothing." if show else "Registered.")


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


def _print_rules(rules: RuleRecord, as_json: bool) -> None:
    if as_json:
        echo_json(RulesSchema().dump(rules))
        return
    since = f", set by {rules.updated_by} on {local_time(rules.updated_at)}" if rules.updated_by else ""
    click.echo(f"shortcode  {rules.shortcode}{since}")
    click.echo(f"reference  {rules.reference}")
    click.echo(f"amount     {rules.amount}")
    click.echo(f"unsure     {rules.when_unsure}")
