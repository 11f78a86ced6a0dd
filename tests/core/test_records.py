"""A record takes what it is not given from its row."""

from dataclasses import dataclass
from types import SimpleNamespace

from mpesa_service.core.records import record_from


@dataclass(frozen=True)
class Shown:
    id: str
    status: str


def test_fields_come_from_the_row_unless_they_are_given() -> None:
    row = SimpleNamespace(id="019a", status="submitting", secret="x")
    assert record_from(Shown, row) == Shown("019a", "submitting")
    assert record_from(Shown, row, status="pending") == Shown("019a", "pending")
