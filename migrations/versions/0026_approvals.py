"""Actions that wait for a second person, and the amounts that were moved in the last days.

The amounts are counted from this step on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

KINDS = (
    "refund",
    "reversal",
    "return",
    "payout",
    "settle_payment",
    "resolve_refund",
    "resolve_payout",
    "book_receipt",
    "move",
    "match",
)
STATUSES = ("waiting", "approved", "rejected", "expired")
WAITING = sa.text("status = 'waiting'")
MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("subject_id", sa.String(24), nullable=False),
        sa.Column("order_id", sa.String(64)),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("limits", sa.String(64), nullable=False),
        sa.Column("reason", sa.String(512)),
        sa.Column("action_hash", sa.String(64), nullable=False),
        sa.Column("action_encrypted", sa.LargeBinary(), nullable=False),
        sa.Column("requested_by", sa.String(255), nullable=False),
        sa.Column("decided_by", sa.String(255)),
        sa.Column("decided_at", MOMENT),
        sa.Column("decided_why", sa.String(512)),
        sa.Column("result_id", sa.String(24)),
        sa.Column("outgoing_count", sa.Integer(), server_default="0", nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
        sa.CheckConstraint(_one_of("kind", KINDS), name=op.f("ck_approvals_kind")),
        sa.CheckConstraint(_one_of("status", STATUSES), name=op.f("ck_approvals_status")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_approvals_amount")),
        sa.CheckConstraint(
            "status <> 'approved' OR (decided_by IS NOT NULL AND decided_by <> requested_by)",
            name=op.f("ck_approvals_four_eyes"),
        ),
    )
    op.create_index(
        "uq_approvals_waiting",
        "approvals",
        ["action_hash"],
        unique=True,
        postgresql_where=WAITING,
        sqlite_where=WAITING,
    )
    op.create_index("ix_approvals_status", "approvals", ["status", "id"])
    op.create_index("ix_approvals_subject", "approvals", ["subject_id"])
    op.create_index(
        "ix_approvals_expires", "approvals", ["expires_at"], postgresql_where=WAITING, sqlite_where=WAITING
    )
    op.create_table(
        "counted_outflows",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("counted_for", sa.String(64), nullable=False),
        sa.Column("subject_id", sa.String(24), nullable=False),
        sa.Column("kind", sa.String(24), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted_outflows")),
        sa.CheckConstraint("amount > 0", name=op.f("ck_counted_outflows_amount")),
    )
    op.create_index("ix_counted_outflows_for", "counted_outflows", ["counted_for", "at"])
    op.create_index("ix_counted_outflows_subject", "counted_outflows", ["subject_id"])
    op.create_index("ix_counted_outflows_at", "counted_outflows", ["at"])


def downgrade() -> None:
    op.drop_table("counted_outflows")
    op.drop_table("approvals")


def _one_of(column: str, words: tuple[str, ...]) -> str:
    return f"{column} IN ({', '.join(map(repr, words))})"
