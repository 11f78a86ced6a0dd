"""`refunds.held` becomes `reserved_amount`. Only the name changes: no row is rewritten.

Stop the service before this step: an older version does not know the new name.
"""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE refunds RENAME COLUMN held TO reserved_amount")


def downgrade() -> None:
    op.execute("ALTER TABLE refunds RENAME COLUMN reserved_amount TO held")
