"""M-Pesa's own time of a payment, and its source.

Payments that C2B has confirmed get the time of their confirmation. Of other payments this step knows no time: the
columns stay empty until M-Pesa states one. On PostgreSQL the indexes are built without a lock that stops callbacks.
If the step is stopped half-way, run it again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
INDEXES = {
    "ix_payments_owner_paid_at": ["owner", "paid_at", "id"],
    "ix_payments_paid_at": ["paid_at", "id"],
}
PAGE = 1_000
_NEXT = "SELECT id FROM c2b_confirmations WHERE id > :last ORDER BY id LIMIT :page"
_FILL = """
    UPDATE payments SET paid_at_source = 'confirmation', paid_at = (
        SELECT c.transacted_at FROM c2b_confirmations c WHERE c.receipt = payments.receipt)
    WHERE paid_at IS NULL AND status IN ('succeeded', 'partially_refunded', 'refunded', 'review') AND id IN (
        SELECT c.payment_id FROM c2b_confirmations c JOIN payments p ON p.id = c.payment_id
        WHERE c.id > :last AND c.id <= :end AND c.receipt = p.receipt AND p.provider = 'mpesa'
        AND c.transacted_at >= '2007-03-06' AND c.transacted_at <= {latest}
        AND (p.channel = 'c2b' OR c.transacted_at >= {earliest}))
"""
"""A time that cannot be true stays empty, as in domain/paid_at.py."""
_LIMITS = {
    "sqlite": {
        "latest": "datetime(c.received_at, '+5 minutes')",
        "earliest": "datetime(p.created_at, '-1 day')",
    },
    "postgresql": {
        "latest": "c.received_at + interval '5 minutes'",
        "earliest": "p.created_at - interval '1 day'",
    },
}


def upgrade() -> None:
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns("payments")}
    for column in _columns():
        if column.name not in known:
            op.add_column("payments", column)
    if op.get_bind().dialect.name == "sqlite":
        _fill()
        for name, columns in INDEXES.items():
            op.create_index(name, "payments", columns)
        return
    with op.get_context().autocommit_block(), _patience():
        _fill()
        for name, columns in INDEXES.items():
            # An attempt that was stopped leaves an invalid index of that name.
            op.drop_index(name, "payments", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "payments", columns, postgresql_concurrently=True)


def _columns() -> list["sa.Column[object]"]:
    return [
        sa.Column("paid_at", UTC, nullable=True),
        sa.Column("paid_at_source", sa.String(length=16), nullable=True),
        sa.Column("claimed_paid_at", UTC, nullable=True),
    ]


def _fill() -> None:
    """Fill the times page by page. On PostgreSQL each page is a transaction of its own."""
    connection, last = op.get_bind(), 0
    fill = sa.text(_FILL.format(**_LIMITS[connection.dialect.name]))
    while ids := connection.scalars(sa.text(_NEXT), {"last": last, "page": PAGE}).all():
        connection.execute(fill, {"last": last, "end": ids[-1]})
        last = ids[-1]


@contextmanager
def _patience() -> Iterator[None]:
    """Wait for open transactions as long as they take. Nothing waits for this step."""
    timeouts = ("statement_timeout", "lock_timeout")
    before = {name: op.get_bind().scalar(sa.text(f"SHOW {name}")) for name in timeouts}
    for name in timeouts:
        op.execute(f"SET {name} = 0")
    yield
    for name, value in before.items():
        op.execute(f"SET {name} = '{value}'")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "payments")
    for column in _columns():
        op.drop_column("payments", column.name)
