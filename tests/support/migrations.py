"""Schemas of every revision, and rows as plain SQL takes them."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.config import Config

from mpesa_service.core.database import Database
from mpesa_service.models import Base, Refund
from mpesa_service.models.payments import Channel, Provider

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
INSERT_PAYMENT_0002 = f"""
INSERT INTO payments (id, provider, owner, order_id, amount, currency, status, refunded_amount,
refunding_amount, refund_count, metadata, event_count, asks_made, created_at, updated_at, phone_encrypted,
phone_hash, callback_token_hash)
VALUES ('{"p" * 24}', 'mpesa', 'shop', 'O1', 100, 'kes', 'pending', 0,
0, 0, '{{}}', 1, 0, :at, :at, 'x', 'h', 't')
"""


def alembic(database: Database, do: Any, *arguments: str) -> None:
    config = Config(ROOT / "alembic.ini", stdout=sys.stdout)
    with database.engine.connect() as connection:
        config.attributes["connection"] = connection
        do(config, *arguments)


def schema(database: Database) -> dict[str, Any]:
    """Return everything that the database says of its tables, in a form that compares."""
    found = {}
    inspector = sa.inspect(database.engine)
    for table in inspector.get_table_names():
        found[table] = {
            "columns": [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(table)],
            "unique": sorted(
                (str(u["name"]), *u["column_names"]) for u in inspector.get_unique_constraints(table)
            ),
            "checks": sorted((str(c["name"]), c["sqltext"]) for c in inspector.get_check_constraints(table)),
            "indexes": sorted(str(index["name"]) for index in inspector.get_indexes(table)),
            "foreign": sorted(str(key["name"]) for key in inspector.get_foreign_keys(table)),
        }
    found["triggers"] = triggers(database)
    return found


def triggers(database: Database) -> list[str]:
    sqlite = "SELECT name FROM sqlite_master WHERE type = 'trigger' ORDER BY name"
    postgres = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        " UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1"
    )
    with database.read() as session:
        return list(session.scalars(sa.text(sqlite if database.is_sqlite else postgres)))


def run_alembic(url: str | None, *words: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("MPESA_", "JWT_"))}
    environ.pop("DATABASE_URL", None)
    if url is not None:
        environ["DATABASE_URL"] = url
    return subprocess.run(
        [sys.executable, "-m", "alembic", *words],
        cwd=cwd,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
    )


def mpesa(**changes: Any) -> dict[str, Any]:
    return {
        "id": "67408f1b9d1c712345678abc",
        "provider": Provider.MPESA,
        "channel": Channel.STK,
        "owner": "shop",
        "order_id": "ORDER1",
        "amount": 100,
        "currency": "kes",
        "status": "pending",
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "check_attempts": 0,
        "event_count": 0,
        "details": {},
        "created_at": NOW,
        "updated_at": NOW,
        "phone_encrypted": b"x",
        "phone_hash": "p" * 64,
        "callback_token_hash": "t" * 64,
        **changes,
    }


def c2b(**changes: Any) -> dict[str, Any]:
    own = {"phone_encrypted": None, "phone_hash": None, "callback_token_hash": None, "order_id": None}
    own |= {"id": "c" * 24, "channel": Channel.C2B, "receipt": "RKL51ZDR4F", "payer_encrypted": b"x"}
    return mpesa(**{**own, **changes})


def refund_of(**changes: Any) -> dict[str, Any]:
    values = {
        "id": "r" * 24,
        "payment_id": mpesa()["id"],
        "method": "b2c",
        "amount": 10,
        "status": "pending",
        "phone_encrypted": b"x",
        "requested_by": "boss",
        "created_at": NOW,
        "updated_at": NOW,
        **changes,
    }
    return {**required(Refund, values["id"]), **values}


def required(table: type[Base], row_id: str) -> dict[str, Any]:
    """Return something for every column that must be filled, unique to the row where it must be."""
    fillers = {str: lambda column: f"{column.name[:5]}-{row_id}", int: lambda _: 0, bytes: lambda _: b"x"}
    columns = [c for c in table.__table__.columns if not c.nullable and c.type.python_type in fillers]
    return {column.name: fillers[column.type.python_type](column) for column in columns}


def store(database: Database, *rows: tuple[type[Base], dict[str, Any]]) -> None:
    """Insert rows with plain statements, past the models' own checks and defaults: columns may come later."""
    with database.begin() as session:
        for model, values in rows:
            columns = {("metadata" if name == "details" else name): value for name, value in values.items()}
            known = model.__table__.columns
            table = sa.table(model.__tablename__, *(sa.column(name, known[name].type) for name in columns))
            session.execute(sa.insert(table).values(**columns))
