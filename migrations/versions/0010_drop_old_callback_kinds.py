"""The inbox has only the kinds of callbacks that the service receives.

Rows of the old kinds get the kind of the command that they are about. On PostgreSQL the new rule is checked
without a lock that stops callbacks.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

RENAMED = {
    "b2c_result": "command_result",
    "b2c_timeout": "command_timeout",
    "status_result": "command_status_result",
    "status_timeout": "command_status_timeout",
}
KINDS = ("stk", *RENAMED.values(), "c2b_validation", "c2b_confirmation")
KINDS_BEFORE = ("stk", *RENAMED, *KINDS[1:])
NAME = "ck_callback_inbox_kind"


def upgrade() -> None:
    inbox = sa.table("callback_inbox", sa.column("kind", sa.String))
    for old, new in RENAMED.items():
        op.execute(inbox.update().where(inbox.c.kind == old).values(kind=new))
    _allow(KINDS)


def downgrade() -> None:
    _allow(KINDS_BEFORE)


def _allow(kinds: tuple[str, ...]) -> None:
    rule = f"kind IN ({', '.join(map(repr, kinds))})"
    with op.batch_alter_table("callback_inbox") as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE callback_inbox VALIDATE CONSTRAINT {NAME}")
