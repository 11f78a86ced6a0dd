"""Statements of the organization portal, their lines, and the encrypted texts of the lines.

The lines have no foreign key to their statement: its check would cost as much as the insert.
"""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

UTC = sa.DateTime(timezone=True)
STATUSES = "'reading', 'read', 'applying', 'applied', 'failed'"
SHAPES = "'A', 'B', 'C', 'D', 'F'"
KINDS = "'payment', 'payout', 'reversal', 'charge', 'sweep', 'withdrawal', 'not_completed', 'unknown'"


def upgrade() -> None:
    _statements()
    op.create_index("ix_statements_shortcode", "statements", ["shortcode", "account"])
    due = sa.text("next_check_at IS NOT NULL")
    op.create_index(
        "ix_statements_next_check", "statements", ["next_check_at"], postgresql_where=due, sqlite_where=due
    )
    op.create_table(
        "statement_lines",
        sa.Column("statement_id", sa.String(length=24), nullable=False),
        sa.Column("row_number", sa.Integer(), nullable=False),
        sa.Column("receipt", sa.String(length=20), nullable=False),
        sa.Column("line_hash", sa.BigInteger(), nullable=False),
        sa.Column("completed_at", UTC, nullable=False),
        sa.Column("amount_cents", sa.BigInteger(), nullable=False),
        sa.Column("balance_cents", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("linked_receipt", sa.String(length=32), nullable=True),
        sa.Column("outcome", sa.String(length=16), nullable=True),
        sa.CheckConstraint(f"kind IN ({KINDS})", name=op.f("ck_statement_lines_kind")),
        sa.PrimaryKeyConstraint("statement_id", "row_number", name=op.f("pk_statement_lines")),
        sa.UniqueConstraint("receipt", "line_hash", name=op.f("uq_statement_lines_receipt_line_hash")),
    )
    op.create_table(
        "statement_texts",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("statement_id", sa.String(length=24), nullable=False),
        sa.Column("first_row", sa.Integer(), nullable=False),
        sa.Column("last_row", sa.Integer(), nullable=False),
        sa.Column("texts_encrypted", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"], ["statements.id"], name=op.f("fk_statement_texts_statement_id_statements")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_texts")),
        sa.UniqueConstraint(
            "statement_id", "first_row", name=op.f("uq_statement_texts_statement_id_first_row")
        ),
    )


def _statements() -> None:
    op.create_table(
        "statements",
        sa.Column("id", sa.String(length=24), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("shape", sa.String(length=1), nullable=False),
        sa.Column("container", sa.String(length=8), nullable=False),
        sa.Column("shortcode", sa.String(length=16), nullable=False),
        sa.Column("account", sa.String(length=64), nullable=False),
        sa.Column("period_from", UTC, nullable=True),
        sa.Column("period_to", UTC, nullable=True),
        sa.Column("first_at", UTC, nullable=True),
        sa.Column("last_at", UTC, nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("row_position", sa.Integer(), nullable=False),
        sa.Column("line_count", sa.Integer(), nullable=False),
        sa.Column("new_count", sa.Integer(), nullable=False),
        sa.Column("unread_count", sa.Integer(), nullable=False),
        sa.Column("paid_in_cents", sa.BigInteger(), nullable=False),
        sa.Column("withdrawn_cents", sa.BigInteger(), nullable=False),
        sa.Column("balanced", sa.Boolean(), nullable=True),
        sa.Column("findings", sa.JSON(), nullable=False),
        sa.Column("unread", sa.JSON(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("created_at", UTC, nullable=False),
        sa.Column("read_at", UTC, nullable=True),
        sa.Column("applied_by", sa.String(length=255), nullable=True),
        sa.Column("applied_at", UTC, nullable=True),
        sa.Column("broken_balance_reason", sa.String(length=500), nullable=True),
        sa.Column("failure_reason", sa.String(length=512), nullable=True),
        sa.Column("next_check_at", UTC, nullable=True),
        sa.CheckConstraint(f"status IN ({STATUSES})", name=op.f("ck_statements_status")),
        sa.CheckConstraint(f"shape IN ({SHAPES})", name=op.f("ck_statements_shape")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statements")),
        sa.UniqueConstraint("sha256", name=op.f("uq_statements_sha256")),
    )


def downgrade() -> None:
    for table in ("statement_texts", "statement_lines", "statements"):
        op.drop_table(table)
