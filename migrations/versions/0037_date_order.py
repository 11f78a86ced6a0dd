"""The order in which the dates of a statement were read, and why. Both are null for the statements before."""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLE = "statements"
COLUMNS = {"date_order": 3, "date_order_reason": 16}


def upgrade() -> None:
    for name, length in COLUMNS.items():
        op.add_column(TABLE, sa.Column(name, sa.String(length)))


def downgrade() -> None:
    with op.batch_alter_table(TABLE) as batch:
        for name in COLUMNS:
            batch.drop_column(name)
