"""Each C2B money row names the source that reported it first. All rows before this step are confirmations.

On PostgreSQL a column with a constant default rewrites no table, and the new rule is checked without a lock that
stops confirmations.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

SOURCES = ("confirmation", "status", "pull", "statement")
TABLE = "c2b_confirmations"
NAME = "ck_c2b_confirmations_source"


def upgrade() -> None:
    rule = f"source IN ({', '.join(map(repr, SOURCES))})"
    column = sa.Column("source", sa.String(16), nullable=False, server_default="confirmation")
    with op.batch_alter_table(TABLE) as batch:
        batch.add_column(column)
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.drop_column("source")
