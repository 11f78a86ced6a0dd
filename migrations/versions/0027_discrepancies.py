"""Discrepancies: what M-Pesa reports and what fits no payment, refund or payout, until a person closes it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

TABLE, OPEN = "discrepancies", sa.text("closed_at IS NULL")
AT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("receipt", sa.String(128), nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("statement_id", sa.String(24)),
        sa.Column("row_number", sa.Integer()),
        sa.Column("resource_id", sa.String(24)),
        sa.Column("account_encrypted", sa.LargeBinary()),
        sa.Column("created_at", AT, nullable=False),
        sa.Column("closed_at", AT),
        sa.Column("closed_by", sa.String(255)),
        sa.Column("closed_why", sa.String(500)),
        sa.Column("belongs_to", sa.String(24)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discrepancies")),
        sa.UniqueConstraint("kind", "subject", name=op.f("uq_discrepancies_kind_subject")),
        sa.CheckConstraint("kind IN ('reversal', 'payout', 'account')", name=op.f("ck_discrepancies_kind")),
    )
    op.create_index("ix_discrepancies_open", TABLE, ["id"], postgresql_where=OPEN, sqlite_where=OPEN)


def downgrade() -> None:
    op.drop_table(TABLE)
