"""M-Pesa's own time of refunds and payouts, and its source.

The columns stay empty for what was paid before this step, until a statement states the time. On PostgreSQL the indexes
are built without a lock that stops results. If the step is stopped half-way, run it again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
TABLES = ("refunds", "payouts")


def upgrade() -> None:
    for table in TABLES:
        known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(table)}
        for column in (
            sa.Column("paid_at", UTC, nullable=True),
            sa.Column("paid_at_source", sa.String(length=16), nullable=True),
        ):
            if column.name not in known:
                op.add_column(table, column)
    if op.get_bind().dialect.name == "sqlite":
        for table in TABLES:
            op.create_index(f"ix_{table}_paid_at", table, ["paid_at", "id"])
        return
    with op.get_context().autocommit_block():
        for table in TABLES:
            # An attempt that was stopped leaves an invalid index of that name.
            op.drop_index(f"ix_{table}_paid_at", table, if_exists=True, postgresql_concurrently=True)
            op.create_index(f"ix_{table}_paid_at", table, ["paid_at", "id"], postgresql_concurrently=True)


def downgrade() -> None:
    for table in TABLES:
        op.drop_index(f"ix_{table}_paid_at", table)
        with op.batch_alter_table(table) as batch:
            batch.drop_column("paid_at_source")
            batch.drop_column("paid_at")
