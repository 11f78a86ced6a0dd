"""Money whose amount two sources report differently, and reversals of statements by what they reverse.

On PostgreSQL the index is built without a lock that stops imports.
"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

NAME = "ix_statement_lines_reversal"
REVERSALS = sa.text("kind = 'reversal'")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            # An index whose build was stopped is invalid, and must go first.
            op.drop_index(NAME, "statement_lines", if_exists=True, postgresql_concurrently=True)
            op.create_index(
                NAME,
                "statement_lines",
                ["linked_receipt"],
                postgresql_where=REVERSALS,
                postgresql_concurrently=True,
            )
    else:
        op.create_index(NAME, "statement_lines", ["linked_receipt"], sqlite_where=REVERSALS)
    op.add_column("c2b_confirmations", sa.Column("disputed_cents", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_index(NAME, "statement_lines")
    with op.batch_alter_table("c2b_confirmations") as batch:
        batch.drop_column("disputed_cents")
