"""One version for each payment and each expected order: a plan that rests on an older one is not written.

A column with a constant default takes no time on a large table: neither database rewrites its rows.
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


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_column(table, "version")
