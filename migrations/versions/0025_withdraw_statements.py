"""A person withdraws a statement whose file is wrong: when, who and why."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

COLUMNS = ("withdrawn_at", "withdrawn_by", "withdrawal_reason")


def upgrade() -> None:
    op.add_column("statements", sa.Column("withdrawn_at", sa.DateTime(timezone=True)))
    op.add_column("statements", sa.Column("withdrawn_by", sa.String(length=255)))
    op.add_column("statements", sa.Column("withdrawal_reason", sa.String(length=500)))


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("statements", name)
