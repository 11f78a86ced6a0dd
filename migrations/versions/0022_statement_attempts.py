"""A statement that cannot be applied is tried a bounded number of times: the attempts are counted."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("statements", sa.Column("apply_attempts", sa.Integer()))


def downgrade() -> None:
    op.drop_column("statements", "apply_attempts")
