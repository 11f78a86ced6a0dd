"""Discrepancies of two more kinds: income in unknown words, and rows of a statement that could not be read."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

TABLE, NAME = "discrepancies", "ck_discrepancies_kind"
BEFORE = ("reversal", "payout", "account")
KINDS = (*BEFORE, "income", "unread")


def upgrade() -> None:
    _replace(KINDS)


def downgrade() -> None:
    op.execute("DELETE FROM discrepancies WHERE kind IN ('income', 'unread')")
    _replace(BEFORE)


def _replace(kinds: tuple[str, ...]) -> None:
    rule = f"kind IN ({', '.join(map(repr, kinds))})"
    with op.batch_alter_table(TABLE) as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE {TABLE} VALIDATE CONSTRAINT {NAME}")
