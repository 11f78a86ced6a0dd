"""The operator command that registers the C2B addresses: mpesa register-urls"""

import click
from flask.cli import with_appcontext

from mpesa_service.c2b.registration import Registration, planned, register
from mpesa_service.c2b.registration_schemas import RegistrationSchema
from mpesa_service.cli.options import NAME, as_json, echo_json, operator
from mpesa_service.cli.output import print_facts
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
    help="Your name, for the audit log.",
)
@click.option("--show", is_flag=True, help="Only show the addresses.")
@as_json
def register_urls(response_type: str | None, who: str, show: bool, as_json: bool) -> None:
    """Register the C2B addresses at M-Pesa.

    The addresses are secrets: a person who knows them can post false payments.

    Example: mpesa register-urls --by amina
    """
    actor = operator(who).subject
    found = planned(runtime(), response_type) if show else register(runtime(), actor, response_type)
    if as_json:
        echo_json(RegistrationSchema().dump(found))
        return
    _print_registration(found)
    click.echo("Nothing is registered." if show else "Registered.")


def _print_registration(found: Registration) -> None:
    print_facts(RegistrationSchema().dump(found).items())
