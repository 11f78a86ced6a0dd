"""A callback on a secret address that cannot be read is `unread` until a person decides.

The row keeps who decided, when and why. Unreadable rows on secret addresses become unread, and get an id if they have
none: each may report money that nobody has seen. On PostgreSQL the new rule is checked without a lock that stops
callbacks. If the step is stopped half-way, run it again.
"""

import secrets
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE, NAME = "callback_inbox", "ck_callback_inbox_verdict"
BEFORE = ("applied", "duplicate", "disputed", "noted", "unmatched", "unreadable", "failed")
VERDICTS = (*BEFORE[:-1], "unread", "dismissed", "failed")
COLUMNS = (
    ("decided_at", sa.DateTime(timezone=True)),
    ("decided_by", sa.String(128)),
    ("decided_why", sa.String(512)),
)
UNREAD = """
    SELECT i.id, i.post_id, i.received_at, p.id AS payment_id
    FROM callback_inbox i LEFT JOIN payments p ON i.kind = 'stk' AND p.callback_token_hash = i.token_hash
    WHERE i.verdict = 'unreadable' AND (i.kind = 'c2b_confirmation' OR p.id IS NOT NULL
        OR i.refund_id IS NOT NULL OR i.payout_id IS NOT NULL OR i.inquiry_id IS NOT NULL)
"""


def upgrade() -> None:
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    for name, kind in COLUMNS:
        if name not in known:
            op.add_column(TABLE, sa.Column(name, kind))
    _allow(VERDICTS)
    for row in op.get_bind().execute(sa.text(UNREAD)).mappings().all():
        op.execute(_updated(row))


def downgrade() -> None:
    inbox = sa.table(TABLE, sa.column("verdict", sa.String))
    op.execute(
        inbox.update().where(inbox.c.verdict.in_(("unread", "dismissed"))).values(verdict="unreadable")
    )
    _allow(BEFORE)
    for name, _ in reversed(COLUMNS):
        op.drop_column(TABLE, name)


def _updated(row: Any) -> sa.Update:
    names = ("id", "verdict", "post_id", "payment_id")
    inbox = sa.table(TABLE, *(sa.column(name) for name in names))
    columns = {"verdict": "unread", "post_id": row["post_id"] or _post_id(row["received_at"])}
    if row["payment_id"] is not None:
        columns["payment_id"] = row["payment_id"]
    return inbox.update().where(inbox.c.id == row["id"]).values(columns)


def _post_id(received_at: Any) -> str:
    """Return an id as the service makes it: the millisecond, then random digits."""
    at = received_at if isinstance(received_at, datetime) else datetime.fromisoformat(str(received_at))
    at = at if at.tzinfo else at.replace(tzinfo=UTC)  # SQLite stores no time zone
    return f"{int(at.timestamp() * 1000):012x}{secrets.token_hex(6)}"


def _allow(verdicts: tuple[str, ...]) -> None:
    rule = f"verdict IN ({', '.join(map(repr, verdicts))})"
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {NAME}")
