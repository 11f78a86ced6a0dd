"""Indexes for lists of payments: by owner, status, phone and amount, newest first.

On PostgreSQL they are built without locking out writers, each in its own right: M-Pesa does not send a
callback again that met a locked table. Stopped half-way, the migration can be run again.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_payments_owner": ["owner", "id"],
    "ix_payments_owner_status": ["owner", "status", "id"],
    "ix_payments_status": ["status", "id"],
    "ix_payments_phone": ["phone_hash"],
    "ix_payments_amount": ["amount"],
}


@contextmanager
def _patience() -> Iterator[None]:
    """A large table takes its time and open transactions are waited for, but nobody waits for us."""
    timeouts = ("statement_timeout", "lock_timeout")
    before = {name: op.get_bind().scalar(sa.text(f"SHOW {name}")) for name in timeouts}
    for name in timeouts:
        op.execute(f"SET {name} = 0")
    yield
    for name, value in before.items():
        op.execute(f"SET {name} = '{value}'")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for name, columns in INDEXES.items():
            op.create_index(name, "payments", columns)
        return
    with op.get_context().autocommit_block(), _patience():
        for name, columns in INDEXES.items():
            # An attempt that was stopped leaves an invalid index of that name.
            op.drop_index(name, "payments", if_exists=True, postgresql_concurrently=True)
            op.create_index(name, "payments", columns, postgresql_concurrently=True)


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "payments")
