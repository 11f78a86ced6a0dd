"""Encrypts the account references that payers typed, often their phone numbers, and the accounts of payouts.

Confirmations of fractional amounts are listed until a person closes them. This step encrypts the rows that
exist, and needs the service's keys for that. Without such rows it needs only the database.
"""

import os
import sys
from typing import Any

import sqlalchemy as sa
from alembic import op

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.references import new_id
from mpesa_service.models.base import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TYPED = {
    "payments": ("bill_reference", 64),
    "c2b_confirmations": ("bill_reference", 64),
    "payouts": ("account_reference", 20),
}
"""The columns that stood in clear, and their lengths."""
PAGE = 500
UNIQUE = "uq_c2b_confirmations_unbooked_id"


def upgrade() -> None:
    for table, (column, _) in TYPED.items():
        op.add_column(table, sa.Column(f"{column}_encrypted", sa.LargeBinary(), nullable=True))
    with op.batch_alter_table("c2b_confirmations") as batch:
        batch.add_column(sa.Column("unbooked_id", sa.String(length=24), nullable=True))
        batch.add_column(sa.Column("closed_at", UTC, nullable=True))
        batch.add_column(sa.Column("closed_by", sa.String(length=255), nullable=True))
        batch.add_column(sa.Column("closed_why", sa.String(length=500), nullable=True))
        batch.create_unique_constraint(op.f(UNIQUE), ["unbooked_id"])
    _encrypt_what_is_there()
    _list_cents()
    for table, (column, _) in TYPED.items():
        op.drop_column(table, column)


def _encrypt_what_is_there() -> None:
    """Few rows: none of these columns is older than the version that brings this step."""
    encryption: Encryption | None = None
    for name, (column, _) in TYPED.items():
        hashed = ["reference_key"] if name == "payments" else []
        texts = [sa.Column(each, sa.String()) for each in ("id", column, *hashed)]
        table = sa.Table(name, sa.MetaData(), *texts, sa.Column(f"{column}_encrypted", sa.LargeBinary()))
        plain, encrypted = table.c[column], table.c[f"{column}_encrypted"]
        page = sa.select(table).where(plain != "", encrypted.is_(None)).limit(PAGE)
        while rows := op.get_bind().execute(page).mappings().all():
            encryption = encryption or _encryption()
            for row in rows:
                changes: dict[str, Any] = {encrypted.name: encryption.encrypt(row[column])}
                changes |= {each: encryption.blind_index("typed", row[each] or "") for each in hashed}
                op.get_bind().execute(sa.update(table).where(table.c.id == row["id"]).values(**changes))


def _encryption() -> Encryption:
    try:
        keys, hash_key = os.environ["PHONE_ENCRYPTION_KEYS"], os.environ["PHONE_HASH_KEY"]
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set: this step encrypts account references that stand in clear.")
    return Encryption([key.strip() for key in keys.split(",") if key.strip()], hash_key)


def _list_cents() -> None:
    table = sa.table(
        "c2b_confirmations",
        sa.column("id"),
        sa.column("amount_cents"),
        sa.column("received_at", UtcDateTime()),
        sa.column("unbooked_id"),
    )
    cents = sa.select(table.c.id, table.c.received_at).where(table.c.amount_cents % 100 != 0)
    for row in op.get_bind().execute(cents).all():
        listed = sa.update(table).where(table.c.id == row.id).values(unbooked_id=new_id(row.received_at))
        op.get_bind().execute(listed)


def downgrade() -> None:
    _refuse_to_show_what_is_hidden()
    for table, (column, length) in TYPED.items():
        always = table == "c2b_confirmations"
        empty = "" if always else None
        old = sa.Column(column, sa.String(length=length), server_default=empty, nullable=not always)
        op.add_column(table, old)
        op.drop_column(table, f"{column}_encrypted")
    with op.batch_alter_table("c2b_confirmations") as batch:
        batch.alter_column("bill_reference", existing_type=sa.String(length=64), server_default=None)
        batch.drop_constraint(op.f(UNIQUE), type_="unique")
        for column in ("unbooked_id", "closed_at", "closed_by", "closed_why"):
            batch.drop_column(column)


def _refuse_to_show_what_is_hidden() -> None:
    for table, (column, _) in TYPED.items():
        hidden = f"SELECT count(*) FROM {table} WHERE {column}_encrypted IS NOT NULL"  # noqa: S608
        found = op.get_bind().execute(sa.text(hidden)).scalar()
        if found:
            raise RuntimeError(
                f"{found} rows of {table} are encrypted; the schema before this one shows them"
            )
