"""Revocations of callers' tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "revoked_tokens",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("token_id", sa.String(255)),
        sa.Column("subject", sa.String(255)),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_by", sa.String(255), nullable=False),
        sa.Column("reason", sa.String(500), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_revoked_tokens")),
        sa.CheckConstraint(
            "(token_id IS NULL) <> (subject IS NULL)", name=op.f("ck_revoked_tokens_one_of_two")
        ),
    )


def downgrade() -> None:
    op.drop_table("revoked_tokens")
