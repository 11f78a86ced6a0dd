"""The refunds and payouts that a payout of a statement may be: before, one failed one at most."""

import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLE = "discrepancy_candidates"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("discrepancy_id", sa.String(24), nullable=False),
        sa.Column("resource_id", sa.String(24), nullable=False),
        sa.PrimaryKeyConstraint("discrepancy_id", "resource_id", name=op.f("pk_discrepancy_candidates")),
        sa.ForeignKeyConstraint(
            ["discrepancy_id"],
            ["discrepancies.id"],
            name=op.f("fk_discrepancy_candidates_discrepancy_id"),
        ),
    )
    op.create_index("ix_discrepancy_candidates_resource", TABLE, ["resource_id"])
    op.execute(
        "INSERT INTO discrepancy_candidates (discrepancy_id, resource_id)"
        " SELECT id, resource_id FROM discrepancies WHERE kind = 'payout' AND resource_id IS NOT NULL"
    )


def downgrade() -> None:
    op.drop_table(TABLE)
