"""Orders that an admin registers count everybody's payments; earlier ones count their owner's."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    column: sa.Column[bool] = sa.Column("shop_wide", sa.Boolean(), server_default=sa.false(), nullable=False)
    op.add_column("expected_orders", column)


def downgrade() -> None:
    op.drop_column("expected_orders", "shop_wide")
