"""An inquiry may be asked to book the money of its receipt: whether it did, and why not.

On PostgreSQL the new rule is checked without a lock that stops results.
"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

WORDS = ("wanted", "booked", "unmatched", "waiting", "known", "disputed", "refused")
NAME = "ck_inquiries_booking"
WANTED = sa.text("booking = 'wanted'")


def upgrade() -> None:
    rule = f"booking IS NULL OR booking IN ({', '.join(map(repr, WORDS))})"
    with op.batch_alter_table("inquiries") as batch:
        batch.add_column(sa.Column("booking", sa.String(16)))
        batch.add_column(sa.Column("booking_reason", sa.String(512)))
        batch.create_check_constraint(op.f(NAME), rule, postgresql_not_valid=True)
    op.create_index("ix_inquiries_booking", "inquiries", ["id"], postgresql_where=WANTED, sqlite_where=WANTED)
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():  # after the transaction above, which locks the table
            op.execute(f"ALTER TABLE inquiries VALIDATE CONSTRAINT {NAME}")


def downgrade() -> None:
    op.drop_index("ix_inquiries_booking", "inquiries")
    with op.batch_alter_table("inquiries") as batch:
        batch.drop_constraint(op.f(NAME), type_="check")
        batch.drop_column("booking_reason")
        batch.drop_column("booking")
