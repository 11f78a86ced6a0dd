"""Columns and a value get plain names: `request_hash`, `first_sent_at` and the mismatch `negative_result`.

Stop the service before this step: an older version does not know the new names. Only the rows of payments with
that mismatch are written, which are few.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

COLUMNS = (
    ("idempotency_keys", "fingerprint", "request_hash"),
    ("payout_batches", "fingerprint", "request_hash"),
    ("payouts", "begun_at", "first_sent_at"),
)
OLD, NEW = "denial", "negative_result"


def upgrade() -> None:
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    _rename_mismatch(OLD, NEW)


def downgrade() -> None:
    _rename_mismatch(NEW, OLD)
    for table, old, new in COLUMNS:
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")


def _rename_mismatch(old: str, new: str) -> None:
    statement = sa.text("UPDATE payments SET mismatch = :new WHERE mismatch = :old")
    op.execute(statement.bindparams(old=old, new=new))
