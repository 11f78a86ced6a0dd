"""The line's number in each file that has it. It is null for the shared lines of before."""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

TABLE, NAME = "statement_shared_lines", "row_number"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column(NAME, sa.Integer()))


def downgrade() -> None:
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_column(NAME)
