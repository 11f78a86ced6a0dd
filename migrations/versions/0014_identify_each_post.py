"""The inbox has a random id of each HTTP post: one post is stored once, however often the service tries.

Rows that exist have none. On PostgreSQL the index is built without a lock that stops callbacks. Stopped half-way, the
migration can be run again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

TABLE, COLUMN, INDEX = "callback_inbox", "post_id", "ix_callback_inbox_post"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.add_column(TABLE, sa.Column(COLUMN, sa.String(24)))
        op.create_index(INDEX, TABLE, [COLUMN], unique=True)
        return
    op.add_column(TABLE, sa.Column(COLUMN, sa.String(24)), if_not_exists=True)
    with op.get_context().autocommit_block():
        # An attempt that was stopped leaves an invalid index of that name.
        op.drop_index(INDEX, TABLE, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, TABLE, [COLUMN], unique=True, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    op.drop_column(TABLE, COLUMN)
