"""Discrepancies of one more kind: payments that a statement should show, and lacks."""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLE, NAME = "discrepancies", "ck_discrepancies_kind"
BEFORE = ("reversal", "payout", "account", "income", "unread")
KINDS = (*BEFORE[:4], "absent", *BEFORE[4:])


def upgrade() -> None:
    _replace(KINDS)


def downgrade() -> None:
    op.execute("DELETE FROM discrepancies WHERE kind = 'absent'")
    _replace(BEFORE)


def _replace(kinds: tuple[str, ...]) -> None:
    rule = f"kind IN ({', '.join(map(repr, kinds))})"
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {NAME}")
