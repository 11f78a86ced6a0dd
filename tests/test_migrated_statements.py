"""Step 0024 says which lines older files share: those of their account between their first and last line."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from alembic import command

from mpesa_service.core.database import Database
from mpesa_service.models import Statement, StatementLineRow, StatementSharedLine
from tests.support.migrations import NOW, alembic, store

DAY = timedelta(days=1)


def file(name: str, lines: int, new: int, **more: Any) -> tuple[type[Statement], dict[str, Any]]:
    """Return a statement of the last three days."""
    row = {"id": name, "sha256": name, "name": name, "shape": "A", "container": "csv", "shortcode": "174379"}
    row |= {"account": "Utility Account", "status": "read", "created_by": "boss", "created_at": NOW}
    row |= {"first_at": NOW - 2 * DAY, "last_at": NOW, "line_count": lines, "new_count": new}
    row |= dict.fromkeys(("row_position", "unread_count", "paid_in_cents", "withdrawn_cents"), 0)
    row |= {"findings": [], "unread": [], "accounts": []}
    return Statement, {**row, "report": {}, "progress": {}, **more}


def line(
    statement: str, number: int, days: int, account: str = "Utility Account"
) -> tuple[type[StatementLineRow], dict[str, Any]]:
    row = {"statement_id": statement, "row_number": number, "receipt": f"UK1EXAMPL{number}", "type": ""}
    row |= {"line_hash": number, "completed_at": NOW - days * DAY, "amount_cents": 1, "kind": "payment"}
    return StatementLineRow, {**row, "account": account}


def test_older_files_keep_the_lines_that_they_share(empty: Database) -> None:
    alembic(empty, command.upgrade, "0023")
    store(
        empty,
        file("first", 4, 4),
        file("again", 2, 1, first_at=NOW - DAY),
        file("whole", 1, 1),
        file("other", 2, 1, shortcode="600999"),
        line("first", 1, 2),
        line("first", 2, 1),
        line("first", 3, 1, "Merchant Account"),
        line("first", 4, 0),
        line("again", 5, 0),
    )
    alembic(empty, command.upgrade, "0024")
    shared = StatementSharedLine
    with empty.read() as session:
        found = session.execute(sa.select(shared.statement_id, shared.receipt).order_by(shared.receipt)).all()
    assert [tuple(row) for row in found] == [("again", "UK1EXAMPL2"), ("again", "UK1EXAMPL4")]
    alembic(empty, command.downgrade, "0023")
    alembic(empty, command.upgrade, "head")
