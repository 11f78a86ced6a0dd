"""Operator commands for suspensions of refunds, payouts and inquiries: mpesa suspensions …"""

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import as_json as as_json_option
from mpesa_service.cli.options import by, local_time, operator, print_result
from mpesa_service.cli.output import show_list
from mpesa_service.core import suspensions
from mpesa_service.operations.suspension_schemas import SuspensionSchema
from mpesa_service.web.blueprint import runtime

suspensions_cli = AppGroup("suspensions", help="Suspensions of refunds, payouts or inquiries.")
_HEADINGS = ("suspended", "since", "why")
_NAMES = click.Choice(suspensions.GROUPS)


@suspensions_cli.command("list")
@as_json_option
def list_(as_json: bool) -> None:
    """Show what is suspended, why, and the next step.

    Example: mpesa suspensions list
    """
    found = suspensions.list_all(runtime())
    rows = ((one.name, local_time(one.since), one.reason) for one in found)
    show_list(as_json, SuspensionSchema(many=True).dump(found), _HEADINGS, rows)
    if not as_json:
        names = [one.name for one in found]
        click.echo(suspensions.next_step(names) if names else "Nothing is suspended.")


@suspensions_cli.command("resume")
@click.argument("name", metavar="|".join(suspensions.GROUPS), type=_NAMES)
@by
@as_json_option
def resume(name: str, who: str, as_json: bool) -> None:
    """End the suspensions of refunds, payouts or inquiries.

    First fix the cause, for example the initiator's credentials. After an unknown result code, first find
    out what it means.

    Example: mpesa suspensions resume refunds --by amina
    """
    ended = suspensions.resume(runtime(), operator(who).subject, name)
    message = suspensions.resume_message(runtime(), name, ended)
    print_result(SuspensionSchema(many=True).dump(ended), message, as_json)
