"""Columns and tables get the words of docs/glossary.md. Only names change: no row is rewritten on PostgreSQL.

Stop the service before this step: an older version does not know the new names.
"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHECKS = {"ask_at": "next_check_at", "asks_made": "check_attempts"}
COLUMNS = {
    "payments": {
        **CHECKS,
        "asked_at": "last_checked_at",
        "ask_from": "checks_since",
        "live_order": "order_lock",
        "live_phone": "phone_lock",
        "contradiction": "mismatch",
        "denial_code": "negative_result_code",
        "denial_at": "negative_result_at",
    },
    "refunds": CHECKS,
    "payouts": CHECKS,
    "inquiries": CHECKS,
    "c2b_confirmations": {"look_at": "retry_at", "unbooked_id": "fractional_id"},
}
INDEXES = {
    "payments": ("ask", "next_check", "ask_at", "next_check_at"),
    "refunds": ("ask", "next_check", "ask_at", "next_check_at"),
    "payouts": ("ask", "next_check", "ask_at", "next_check_at"),
    "inquiries": ("ask", "next_check", "ask_at", "next_check_at"),
    "c2b_confirmations": ("look", "retry", "look_at", "retry_at"),
}
UNIQUE = {
    "payments": [("live_order", "order_lock"), ("live_phone", "phone_lock")],
    "c2b_confirmations": [("unbooked_id", "fractional_id")],
}
TABLES = {"holds": "suspensions", "paces": "rate_limiters"}


def upgrade() -> None:
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
    for table, (old, new, _, column) in INDEXES.items():
        _rename_index(table, old, new, column)
    for table, pairs in UNIQUE.items():
        _rename_unique(table, pairs, [new for _, new in pairs])
    for old, new in TABLES.items():
        _rename_table(old, new)


def downgrade() -> None:
    for old, new in TABLES.items():
        _rename_table(new, old)
    for table, columns in COLUMNS.items():
        for old, new in columns.items():
            op.execute(f"ALTER TABLE {table} RENAME COLUMN {new} TO {old}")
    for table, (old, new, column, _) in INDEXES.items():
        _rename_index(table, new, old, column)
    for table, pairs in UNIQUE.items():
        _rename_unique(table, [(new, old) for old, new in pairs], [old for old, _ in pairs])


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _rename_index(table: str, old: str, new: str, column: str) -> None:
    if not _is_sqlite():
        op.execute(f"ALTER INDEX ix_{table}_{old} RENAME TO ix_{table}_{new}")
        return
    op.drop_index(f"ix_{table}_{old}", table)
    where = sa.text(f"{column} IS NOT NULL")
    op.create_index(f"ix_{table}_{new}", table, [column], sqlite_where=where)


def _rename_unique(table: str, pairs: list[tuple[str, str]], columns: list[str]) -> None:
    """Rename the constraints of columns that have their new names already."""
    if not _is_sqlite():
        for old, new in pairs:
            op.execute(f"ALTER TABLE {table} RENAME CONSTRAINT uq_{table}_{old} TO uq_{table}_{new}")
        return
    with op.batch_alter_table(table) as batch:
        for (old, new), column in zip(pairs, columns, strict=True):
            batch.drop_constraint(op.f(f"uq_{table}_{old}"), type_="unique")
            batch.create_unique_constraint(op.f(f"uq_{table}_{new}"), [column])


def _rename_table(old: str, new: str) -> None:
    op.rename_table(old, new)
    if not _is_sqlite():
        op.execute(f"ALTER TABLE {new} RENAME CONSTRAINT pk_{old} TO pk_{new}")
