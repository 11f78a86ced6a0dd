"""C2B confirmations are checked with M-Pesa before their money leaves: when, and the result.

Confirmations from before this step are not checked. On PostgreSQL the index is built without a lock that stops
confirmations. If the step is stopped half-way, run it again.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

TABLE, INDEX, CHECK = "c2b_confirmations", "ix_c2b_confirmations_check", "ck_c2b_confirmations_check_result"
RULE = "check_result IS NULL OR check_result IN ('confirmed', 'refuted')"
WANTED = sa.text("check_at IS NOT NULL")


def _columns() -> list[sa.Column[Any]]:
    return [
        sa.Column("check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("check_result", sa.String(length=16), nullable=True),
    ]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        with op.batch_alter_table(TABLE) as batch:
            for column in _columns():
                batch.add_column(column)
            batch.create_check_constraint(op.f(CHECK), RULE)
        op.create_index(INDEX, TABLE, ["check_at"], sqlite_where=WANTED)
        return
    known = {column["name"] for column in sa.inspect(op.get_bind()).get_columns(TABLE)}
    if "check_at" not in known:
        for column in _columns():
            op.add_column(TABLE, column)
        op.create_check_constraint(op.f(CHECK), TABLE, RULE, postgresql_not_valid=True)
    with op.get_context().autocommit_block():
        op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {CHECK}")
        # An attempt that was stopped leaves an invalid index of that name.
        op.drop_index(INDEX, TABLE, if_exists=True, postgresql_concurrently=True)
        op.create_index(INDEX, TABLE, ["check_at"], postgresql_where=WANTED, postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index(INDEX, TABLE)
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(op.f(CHECK), type_="check")
        for column in reversed(_columns()):
            batch.drop_column(column.name)
