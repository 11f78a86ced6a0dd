"""The count of unknown result codes in a row, for each kind of command."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unknown_code_counts",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("result_code", sa.String(32), nullable=False),
        sa.Column("in_a_row", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_unknown_code_counts")),
    )


def downgrade() -> None:
    op.drop_table("unknown_code_counts")
