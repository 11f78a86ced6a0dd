"""The outcome of each pull of the money that a shortcode received."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

COUNTS = ("pages", "rows_seen", "booked", "known", "disputed", "unreadable")


def upgrade() -> None:
    row_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "pulls",
        sa.Column("id", row_id, nullable=False),
        sa.Column("shortcode", sa.String(16), nullable=False),
        sa.Column("window_from", moment, nullable=False),
        sa.Column("window_to", moment, nullable=False),
        sa.Column("gap_from", moment),
        sa.Column("status", sa.String(16), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in COUNTS),
        sa.Column("unreadable_encrypted", sa.LargeBinary()),
        sa.Column("result_code", sa.String(32)),
        sa.Column("error", sa.String(512)),
        sa.Column("requested_by", sa.String(255), nullable=False),
        sa.Column("started_at", moment, nullable=False),
        sa.Column("finished_at", moment),
        sa.Column("lease_until", moment),
        sa.Column("running_lock", sa.String(16)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pulls")),
        sa.UniqueConstraint("running_lock", name=op.f("uq_pulls_running_lock")),
        sa.CheckConstraint(
            "status IN ('running', 'complete', 'suspect', 'failed')", name=op.f("ck_pulls_status")
        ),
    )
    op.create_index("ix_pulls_shortcode", "pulls", ["shortcode", "window_to"])


def downgrade() -> None:
    op.drop_table("pulls")
