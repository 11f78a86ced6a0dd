"""Rows for tests of what is written to the database and read from it, past the service's own verbs."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from mpesa_service.core.database import Database
from mpesa_service.domain.plans import NewRow
from mpesa_service.models import WebhookEndpoint
from mpesa_service.models.base import Base
from mpesa_service.models.commit import rows_and_events
from mpesa_service.models.load import facts_of_new

AT = datetime(2026, 11, 22, 9, 0, 0, 123456, tzinfo=UTC)
TABLES = (
    "payments",
    "payment_events",
    "expected_orders",
    "outgoing_events",
    "webhook_deliveries",
    "callback_inbox",
    "c2b_confirmations",
    "idempotency_keys",
    "suspensions",
    "rate_limiters",
)


def payment_row(name: str = "p1", **columns: Any) -> NewRow:
    """Return the row of a payment whose prompt waits; its unique columns are made of its name."""
    row = {
        "id": name,
        "provider": "mpesa",
        "channel": "stk",
        "owner": "shop",
        "order_id": "ORDER1",
        "amount": 100,
        "currency": "kes",
        "status": "pending",
        "phone_encrypted": b"phone",
        "phone_hash": "phone",
        "callback_token_hash": f"token-{name}",
        "checkout_id_hash": f"checkout-{name}",
        "created_at": AT,
        "updated_at": AT,
        **columns,
    }
    return NewRow("payments", facts_of_new(row).payment)


def audit_row(payment: str = "p1", sequence: int = 1, **columns: Any) -> NewRow:
    """Return a line of a payment's audit trail."""
    line = {"payment_id": payment, "sequence": sequence, "to_status": "pending", "cause": "created"}
    return NewRow("payment_events", {**line, "actor": "shop", "detail": {}, "at": AT, **columns})


def inbox_row(**columns: Any) -> NewRow:
    """Return a stored callback."""
    row = {"kind": "stk", "body_encrypted": b"body", "headers": {}, "received_at": AT, "verdict": "applied"}
    return NewRow("callback_inbox", {**row, "attempts": 1, **columns})


def order_row(reference: str = "ORDER1", **columns: Any) -> NewRow:
    """Return an expected order; its keys are made of its reference."""
    row = {
        "id": f"o-{reference}",
        "version": 1,
        "owner": "shop",
        "shop_wide": False,
        "reference": reference,
        "reference_key": reference.lower(),
        "account_key": reference.lower()[:12],
        "amount_due": 100,
        "received_amount": 0,
        "status": "open",
        "details": {},
        "created_at": AT,
        "updated_at": AT,
    }
    return NewRow("expected_orders", {**row, **columns})


def confirmation_row(receipt: str, **columns: Any) -> NewRow:
    """Return a C2B confirmation of 100 shillings."""
    row = {"receipt": receipt, "shortcode": "600000", "amount_cents": 10_000, "transaction_type": "Pay Bill"}
    return NewRow("c2b_confirmations", {**row, "payer_kind": "masked", "received_at": AT, **columns})


def suspension_row(name: str, reason: str = "x", *, once: bool = False) -> NewRow:
    """Return a row of a table with a unique name."""
    return NewRow("suspensions", {"name": name, "reason": reason, "since": AT}, once)


def key_row(key: str, *, once: bool = False, **columns: Any) -> NewRow:
    """Return an idempotency key without an answer."""
    row = {**dict.fromkeys(("caller", "operation", "request_hash", "resource_id"), "x"), "key": key}
    times = dict.fromkeys(("locked_until", "created_at", "expires_at"), AT)
    return NewRow("idempotency_keys", {**row, **times, **columns}, once)


def add(database: Database, *rows: NewRow) -> None:
    """Insert rows."""
    with database.locking() as connection:
        connection.execute(rows_and_events(rows, [], connection.is_postgres))


def add_endpoint(database: Database, name: str, *types: str, enabled: bool = True) -> None:
    """Register a webhook endpoint for these types of events; without any, for all."""
    texts = {"url": "https://x", "description": "", "created_by": "boss", "updated_by": "boss"}
    times = dict.fromkeys(("served_at", "created_at", "updated_at"), AT)
    endpoint = WebhookEndpoint(
        id=name, secret_encrypted=b"x", enabled=enabled, struggling=False, **texts, **times
    )
    endpoint.types = types
    with database.begin() as session:
        session.add(endpoint)


def dump(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Return all rows of the tables that plans write, without the random ids of events."""
    found = {}
    with database.read() as session:
        for name in TABLES:
            table = Base.metadata.tables[name]
            rows = session.execute(select(table).order_by(*table.primary_key)).mappings()
            found[name] = [{k: v for k, v in row.items() if k != "event_id"} for row in rows]
    return found
