"""Operator commands for the validation rules: mpesa c2b-rules …"""

from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.c2b.schemas import RulesSchema
from mpesa_service.c2b.validation_rules import RuleChange, RuleRecord, change_rules, show_rules
from mpesa_service.cli.options import Word, as_json, by, echo_json, local_time, operator
from mpesa_service.domain.orders import AmountRule, ReferenceRule, WhenUnsure
from mpesa_service.web.blueprint import runtime

c2b_rules_cli = AppGroup("c2b-rules", help="Rules that say which C2B payments M-Pesa accepts.")


@c2b_rules_cli.command("show")
@as_json
def show(as_json: bool) -> None:
    """Show the rules of the shortcode.

    Example: mpesa c2b-rules show
    """
    _print(show_rules(runtime()), as_json)


@c2b_rules_cli.command("set")
@click.option(
    "--reference",
    type=Word(ReferenceRule),
    help="known: references of expected orders and started payments. open: any reference.",
)
@click.option(
    "--amount",
    type=Word(AmountRule),
    help="exact: the amount due. minimum: the amount due or more. any: any amount.",
)
@click.option(
    "--unsure",
    "when_unsure",
    type=Word(WhenUnsure),
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
    _print(change_rules(runtime(), operator(who), change), as_json)


def _print(rules: RuleRecord, as_json: bool) -> None:
    if as_json:
        echo_json(RulesSchema().dump(rules))
        return
    since = f", set by {rules.updated_by} on {local_time(rules.updated_at)}" if rules.updated_by else ""
    click.echo(f"shortcode  {rules.shortcode}{since}")
    click.echo(f"reference  {rules.reference}")
    click.echo(f"amount     {rules.amount}")
    click.echo(f"unsure     {rules.when_unsure}")
