"""Step 0031 keeps the derived C2B secret valid in a database that was in use, and in no other one."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command

from mpesa_service.core.database import Database
from mpesa_service.models import C2bConfirmation, C2bSecret, DarajaToken, Payment
from tests.support.migrations import NOW, alembic, mpesa, store

CONFIRMATION = {"receipt": "RKL51ZDR4F", "shortcode": "174379", "amount_cents": 10_000, "payer_kind": "none"}
CONFIRMATION |= {"transaction_type": "", "received_at": NOW, "payment_id": mpesa()["id"]}


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [(DarajaToken, {"app": "x" * 64})],
        [(Payment, mpesa())],
        [(Payment, mpesa()), (C2bConfirmation, CONFIRMATION)],
    ],
    ids=["new", "called Daraja", "paid", "confirmed"],
)
def test_step_0031(empty: Database, rows: list[tuple[Any, dict[str, Any]]]) -> None:
    alembic(empty, command.upgrade, "0030")
    store(empty, *rows)
    for _ in range(2):
        alembic(empty, command.upgrade, "0031")
        with empty.read() as session:
            found = session.execute(sa.select(C2bSecret.created_by, C2bSecret.secret_hash)).all()
        assert [tuple(one) for one in found] == ([("migration", None)] if rows else [])
        alembic(empty, command.downgrade, "0030")
    alembic(empty, command.upgrade, "head")
