"""The inbox has no verdict `received`: a callback is stored with its outcome.

A row that has it becomes `failed`, so that the job applies it again. On PostgreSQL the new rule is checked without a
lock that stops callbacks.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

VERDICTS = ("applied", "duplicate", "disputed", "noted", "unmatched", "unreadable", "failed")
NAME = "ck_callback_inbox_verdict"


def upgrade() -> None:
    inbox = sa.table("callback_inbox", sa.column("verdict", sa.String))
    op.execute(inbox.update().where(inbox.c.verdict == "received").values(verdict="failed"))
    _allow(VERDICTS)


def downgrade() -> None:
    _allow(("received", *VERDICTS))


def _allow(verdicts: tuple[str, ...]) -> None:
    rule = f"verdict IN ({', '.join(map(repr, verdicts))})"
    with op.batch_alter_table("callback_inbox") as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE callback_inbox VALIDATE CONSTRAINT {NAME}")
