"""Imports for tests, and what they find."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from mpesa_service.domain.principal import ADMIN, Principal
from mpesa_service.models import StatementLineRow
from mpesa_service.statements.importing import ImportOptions, read_statement
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.report import compare
from tests.statements.files import as_csv, portal, portal_row
from tests.support import Service

BOSS = Principal("boss", frozenset({ADMIN}))
SHORTCODE = "174379"
"""The service's own shortcode in tests."""
PERIOD = {"From": "01-11-2026 00:00:00", "To": "30-11-2026 23:59:59"}


def own(rows: list[list[Any]], **labels: str) -> list[list[Any]]:
    """Return a file of shape A of the service's own shortcode, for all of November."""
    return portal(rows, **{"Short Code:": SHORTCODE, **PERIOD, **labels})


def running(*changes: tuple[str, str, dict[str, Any]]) -> list[list[Any]]:
    """Return rows oldest first with a running balance: (receipt, time, cells of portal_row).

    The amounts are texts such as `100.00`, in `paid_in` or `withdrawn`.
    """
    balance, rows = 0.0, []
    for receipt, at, cells in changes:
        balance += float(cells.get("paid_in") or 0) - abs(float(cells.get("withdrawn") or 0))
        rows.append(portal_row(receipt, at, balance=f"{balance:.2f}", **cells))
    return rows


def imported(service: Service, path: Path, name: str = "statement.csv", **options: Any) -> StatementRecord:
    """Import a file and compare it."""
    record = read_statement(service.runtime, BOSS, path, name, ImportOptions(**options))
    return compare(service.runtime, record)


def import_rows(
    service: Service, tmp_path: Path, rows: list[list[Any]], name: str = "s.csv"
) -> StatementRecord:
    """Write rows as CSV, import and compare them."""
    return imported(service, as_csv(tmp_path / name, rows), name)


def line_count(service: Service) -> int:
    with service.runtime.database.read() as session:
        return session.scalar(select(func.count()).select_from(StatementLineRow)) or 0


def lines(service: Service) -> list[StatementLineRow]:
    with service.runtime.database.read() as session:
        order = StatementLineRow.statement_id, StatementLineRow.row_number
        return list(session.scalars(select(StatementLineRow).order_by(*order)))


def outcomes(record: StatementRecord) -> dict[str, int]:
    """Return the number of lines of each outcome that has some."""
    return {name: one["lines"] for name, one in record.report["outcomes"].items() if one["lines"]}


def small_chunks(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    for name in ("CHUNK", "SQLITE_CHUNK"):
        monkeypatch.setattr(f"mpesa_service.statements.storing.{name}", size)
