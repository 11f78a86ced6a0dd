"""Stored data that is changed by hand, and what `verify` finds."""

from sqlalchemy import text

from mpesa_service.models import Payment
from mpesa_service.verification.payments import Violation
from tests.support import Service

OTHER = "254722000001"


def change(service: Service, *statements: str) -> None:
    """Change rows without the service, with the guards of the audit trail disabled."""
    with service.runtime.database.engine.begin() as connection:
        if connection.dialect.name == "sqlite":
            names = connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
            for (name,) in names.all():
                connection.execute(text(f"DROP TRIGGER {name}"))
        else:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement))


def row_of(service: Service, order: str) -> Payment:
    [payment] = [row for row in service.payments() if row.order_id == order]
    return payment


def assert_one(violations: list[Violation], rule: str, *words: str) -> None:
    assert {one.invariant for one in violations} == {rule}, violations
    for word in words:
        assert any(word in one.sentence for one in violations), (word, violations)
