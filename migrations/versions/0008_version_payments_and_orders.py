"""One version for each payment and each expected order: a plan that rests on an older one is not written.

A column with a constant default takes no time on a large table: neither database rewrites its rows. The id of
an outgoing event is made of its subject and sequence number, which needs some more room.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

TABLES = ("payments", "expected_orders")


def upgrade() -> None:
    for table in TABLES:
        column: sa.Column[int] = sa.Column("version", sa.Integer(), server_default="1", nullable=False)
        op.add_column(table, column)
    _resize_event_id(32, 48)


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "version")
    _resize_event_id(48, 32)


def _resize_event_id(old: int, new: int) -> None:
    with op.batch_alter_table("outgoing_events") as batch:
        batch.alter_column(
            "event_id", existing_type=sa.String(old), type_=sa.String(new), existing_nullable=False
        )
