"""Operator commands for expected orders: mpesa orders …"""

from typing import Any

import click
from flask.cli import AppGroup

from mpesa_service.cli.options import (
    EnumChoice,
    as_json,
    echo_json,
    in_shillings,
    limit_option,
    load,
    local_time,
    operator,
    status_option,
)
from mpesa_service.cli.output import TableRow, print_table
from mpesa_service.domain.counting import counted
from mpesa_service.domain.orders import AmountRule, OrderStatus, SurplusPart
from mpesa_service.domain.principal import Principal
from mpesa_service.orders.expected import (
    ExpectedOrderRequest,
    OrderState,
    expect_order,
    find_order,
    list_orders,
)
from mpesa_service.orders.schemas import ExpectedOrderSchema, ExpectOrderSchema
from mpesa_service.payments.views import PaymentRecord
from mpesa_service.web.blueprint import runtime

READER = operator("reader")

orders_cli = AppGroup("orders", help="Expected orders: customers can pay them by C2B.")


@orders_cli.command("register")
@click.argument("order")
@click.argument("amount", type=int)
@click.option("--owner", required=True, help="The owner of the order: the `sub` of the shop's token.")
@click.option(
    "--expires",
    "expiresAt",
    metavar="TIME",
    help="When the order expires, Nairobi time: 2026-11-30T18:00. A date includes that day: 2026-11-30.",
)
@click.option(
    "--amount-rule",
    "amountRule",
    type=EnumChoice(AmountRule),
    help="Default: the `amount` rule of `mpesa c2b-rules`.",
)
@as_json
def register(order: str, amount: int, owner: str, as_json: bool, **given: Any) -> None:
    """Register an order that a customer will pay, with its amount in shillings.

    Running the command again with the same values changes nothing.

    Example: mpesa orders register ORDER-1001 2500 --owner shop --expires 2026-11-30T18:00
    """
    body = load(ExpectOrderSchema(), orderId=order, amount=amount, **given)
    found, made = expect_order(runtime(), Principal(owner), ExpectedOrderRequest(**body))
    if as_json:
        echo_json(ExpectedOrderSchema().dump(found))
        return
    _print(found)
    click.echo("The order is registered." if made else "The order was registered before.")


@orders_cli.command("show")
@click.argument("order")
@as_json
def show(order: str, as_json: bool) -> None:
    """Show the amounts of an order, due and received, and its payments.

    Example: mpesa orders show ORDER-1001
    """
    found = find_order(runtime(), READER, order)
    if as_json:
        echo_json(ExpectedOrderSchema().dump(found))
        return
    _print(found)
    if found.payments:
        headings = ("payment", "at", "status", "amount", "refunded", "payer", "receipt")
        print_table(headings, map(_payment, found.payments))
    for part in found.surplus:
        click.echo(_way_back(part))


def _way_back(part: SurplusPart) -> str:
    phone = " --phone NUMBER" if part.needs_phone else ""
    command = f"mpesa payments refund {part.payment_id} --amount {part.amount}{phone} --by NAME --reason …"
    return f"The surplus of {counted(part.amount, 'shilling')} can be returned: {command}"


@orders_cli.command("list")
@status_option(OrderStatus)
@limit_option(50, 100)
@click.option("--before", default=None, help="Show the next page: the value that the page before printed.")
@as_json
def list_(status: OrderStatus | None, limit: int, before: str | None, as_json: bool) -> None:
    """Show expected orders, newest first.

    Example: mpesa orders list --status partially_paid
    """
    found = list_orders(runtime(), limit, before, status)
    if as_json:
        echo_json(ExpectedOrderSchema(many=True, exclude=("payments", "surplus")).dump(found))
        return
    _print(*found)
    if len(found) == limit:
        click.echo(f"More: --before {found[-1].id}")


def _print(*orders: OrderState) -> None:
    headings = (
        "order",
        "account reference",
        "owner",
        "status",
        "due",
        "received",
        "missing",
        "overpaid",
        "expires",
    )
    print_table(headings, map(_order, orders))


def _order(one: OrderState) -> TableRow:
    sums = (one.amount_due, one.received_amount, one.missing_amount, one.overpaid_amount)
    named = (one.order_id, one.account_reference, one.owner, one.status)
    return (*named, *map(in_shillings, sums), local_time(one.expires_at))


def _payment(one: PaymentRecord) -> TableRow:
    amounts = map(in_shillings, (one.amount, one.refunded_amount))
    return (one.id, local_time(one.created_at), one.status, *amounts, one.phone, one.receipt)
