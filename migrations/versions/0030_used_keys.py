"""The ids of the keys that stored data was made with."""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "used_keys",
        sa.Column("key_id", sa.String(32), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key_id", name=op.f("pk_used_keys")),
        sa.CheckConstraint("purpose IN ('encryption', 'hash')", name=op.f("ck_used_keys_purpose")),
    )


def downgrade() -> None:
    op.drop_table("used_keys")
