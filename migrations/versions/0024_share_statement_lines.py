"""The lines of a statement's file that another statement stores, so that each file's own lines are known.

Which lines an older file shares was not stored: those of its account between its first and its last line
count, as they did before.
"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

OLDER = """
    INSERT INTO statement_shared_lines (statement_id, receipt, line_hash)
    SELECT s.id, l.receipt, l.line_hash FROM statements s
    JOIN statements t ON t.shortcode = s.shortcode AND t.id <> s.id
        AND t.first_at <= s.last_at AND t.last_at >= s.first_at
    JOIN statement_lines l ON l.statement_id = t.id AND l.completed_at BETWEEN s.first_at AND s.last_at
    WHERE s.new_count < s.line_count AND (l.account = s.account OR (s.shape = 'C' AND t.shape = 'C'))
"""


def upgrade() -> None:
    op.create_table(
        "statement_shared_lines",
        sa.Column("statement_id", sa.String(length=24), nullable=False),
        sa.Column("receipt", sa.String(length=20), nullable=False),
        sa.Column("line_hash", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "statement_id", "receipt", "line_hash", name=op.f("pk_statement_shared_lines")
        ),
    )
    op.execute(OLDER)


def downgrade() -> None:
    op.drop_table("statement_shared_lines")
