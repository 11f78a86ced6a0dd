"""The size and the SHA-256 of callbacks that are too large: only their beginning is stored.

The columns are empty for all other callbacks, so no row is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

TABLE = "callback_inbox"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("full_size", sa.BigInteger()))
    op.add_column(TABLE, sa.Column("full_sha256", sa.String(64)))


def downgrade() -> None:
    op.drop_column(TABLE, "full_sha256")
    op.drop_column(TABLE, "full_size")
