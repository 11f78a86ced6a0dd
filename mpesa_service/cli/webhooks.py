"""Operator commands for webhook endpoints: mpesa webhooks …"""

from datetime import datetime

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import (
    EnumChoice,
    Moment,
    as_json,
    by,
    echo_json,
    limit_option,
    load,
    local_time,
    operator,
    print_result,
    status_option,
)
from mpesa_service.cli.output import TableRow, show_list
from mpesa_service.domain.deliveries import DeliveryStatus
from mpesa_service.domain.event_types import EventType
from mpesa_service.web.blueprint import runtime
from mpesa_service.webhooks import endpoints, history
from mpesa_service.webhooks.endpoints import EndpointRecord
from mpesa_service.webhooks.history import DeliveryRecord
from mpesa_service.webhooks.schemas import (
    DeliverySchema,
    EndpointSchema,
    EndpointWithSecretSchema,
    NewEndpointSchema,
)

FROM = "Start, Nairobi time: 2026-11-22 or 2026-11-22T14:00."
TO = "End: a date includes that day, a time is not included."

webhooks_cli = AppGroup("webhooks", help="Webhook endpoints and their deliveries.")


@webhooks_cli.command("add")
@click.argument("url")
@click.option(
    "--type",
    "types",
    multiple=True,
    type=EnumChoice(EventType),
    help="Send only events of this type. Repeatable. Default: every type.",
)
@click.option("--description", default="", help="A description, for people.")
@by
@as_json
def add(url: str, types: tuple[str, ...], description: str, who: str, as_json: bool) -> None:
    """Add an endpoint and print its secret. The secret is not shown again.

    Example: mpesa webhooks add https://orders.example.co.ke/webhooks --by amina
    """
    wanted = load(NewEndpointSchema(), url=url, eventTypes=types, description=description)
    added = endpoints.add_endpoint(runtime(), operator(who).subject, **wanted)
    _show_secret(added, as_json)


@webhooks_cli.command("list")
@as_json
def list_(as_json: bool) -> None:
    """Show every endpoint, including disabled ones.

    Example: mpesa webhooks list
    """
    found = endpoints.list_endpoints(runtime())
    headings = ("endpoint", "address", "events", "enabled", "since", "by")
    show_list(as_json, EndpointSchema(many=True).dump(found), headings, map(_endpoint_row, found))


@webhooks_cli.command("disable")
@click.argument("endpoint")
@by
@as_json
def disable(endpoint: str, who: str, as_json: bool) -> None:
    """Stop sending events to an endpoint. Its waiting deliveries are parked.

    Example: mpesa webhooks disable 019a… --by amina
    """
    disabled = endpoints.disable_endpoint(runtime(), operator(who).subject, endpoint)
    print_result(EndpointSchema().dump(disabled), f"{endpoint} is disabled.", as_json)


@webhooks_cli.command("rotate")
@click.argument("endpoint")
@by
@as_json
def rotate(endpoint: str, who: str, as_json: bool) -> None:
    """Print a new secret for an endpoint. The old one is valid for 24 more hours.

    Example: mpesa webhooks rotate 019a… --by amina
    """
    rotated = endpoints.rotate_secret(runtime(), operator(who).subject, endpoint)
    _show_secret(rotated, as_json)


@webhooks_cli.command("deliveries")
@click.argument("endpoint")
@status_option(DeliveryStatus)
@limit_option(50, 1000)
@click.option(
    "--before",
    type=click.IntRange(1),
    help="Show the next page: the number of the last entry of the page before.",
)
@as_json
def deliveries(
    endpoint: str, status: DeliveryStatus | None, limit: int, before: int | None, as_json: bool
) -> None:
    """Show the deliveries to an endpoint, newest first, and its last answers.

    Example: mpesa webhooks deliveries 019a… --status failed
    """
    found = history.list_deliveries(runtime(), endpoint, status, limit, before)
    show_list(as_json, DeliverySchema(many=True).dump(found), _DELIVERY, map(_delivery_row, found))


@webhooks_cli.command("resend")
@click.argument("delivery", type=click.IntRange(1))
@by
@as_json
def resend(delivery: int, who: str, as_json: bool) -> None:
    """Send the event of a delivery again, with the same webhook-id.

    Example: mpesa webhooks resend 4711 --by amina
    """
    again = history.resend(runtime(), operator(who).subject, delivery)
    message = f"{again.event_id} will be sent again as delivery {again.id}."
    print_result(DeliverySchema().dump(again), message, as_json)


@webhooks_cli.command("replay")
@click.argument("endpoint")
@click.option("--from", "since", required=True, metavar="TIME", type=Moment(), help=FROM)
@click.option("--to", "until", required=True, metavar="TIME", type=Moment(end=True), help=TO)
@by
@as_json
def replay(endpoint: str, since: datetime, until: datetime, who: str, as_json: bool) -> None:
    """Send all events of a period to an endpoint again, also earlier ones than the endpoint.

    Example: mpesa webhooks replay 019a… --from 2026-11-22 --to 2026-11-22 --by amina
    """
    count = history.replay(runtime(), operator(who).subject, endpoint, since, until)
    print_result({"events": count}, f"Events that will be sent again: {count}.", as_json)


def _show_secret(endpoint: EndpointRecord, as_json: bool) -> None:
    if as_json:
        echo_json(EndpointWithSecretSchema().dump(endpoint))
        return
    click.echo(f"endpoint  {endpoint.id}")
    click.echo(f"secret    {endpoint.secret}")
    click.echo("Store the secret now. It is not shown again.")


_DELIVERY = ("delivery", "event", "subject", "status", "attempts", "next", "last answer")


def _endpoint_row(row: EndpointRecord) -> TableRow:
    enabled = "yes" if row.enabled else f"no: {row.disabled_reason}"
    types = "\n".join(row.event_types) or "all"
    return (row.id, row.url, types, enabled, local_time(row.created_at), row.created_by)


def _delivery_row(row: DeliveryRecord) -> TableRow:
    answer = " ".join(str(part) for part in (row.last_status, row.last_error) if part is not None)
    event, due = f"{row.event_type} {row.event_id}", local_time(row.due_at)
    return (str(row.id), event, row.subject_id, row.status, str(row.attempts), due, answer)
