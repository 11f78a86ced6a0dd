"""The discrepancies of a withdrawn statement are closed, unless another applied statement shows them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.domain.discrepancies import STATEMENT_WITHDRAWN
from mpesa_service.models import Discrepancy
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.withdrawing import withdraw_statement
from tests.review.test_discrepancies import close, found, look
from tests.statements.files import portal_row
from tests.statements.support import BOSS, import_rows, own
from tests.statements.test_applying import applied
from tests.statements.test_contradicted import a_phone
from tests.statements.test_matching import paid, refund_of
from tests.statements.test_reversed_money import reversal
from tests.support import Service

WHY = "somebody changed the file"
INCOME = portal_row("UK1EXAMPL1", "20-11-2026 10:00:00", "500.00", type="Instant Deposit", details="x")
PAYOUT = portal_row(
    "UK1EXAMPL2", "22-11-2026 13:00:00", "", "-100.00", type="Business Payment to Customer", details="x"
)


def of(service: Service, tmp_path: Path, rows: Sequence[Any], name: str = "s.csv") -> StatementRecord:
    return applied(service, import_rows(service, tmp_path, own(list(rows)), name))


def withdraw(service: Service, record: StatementRecord) -> None:
    withdraw_statement(service.runtime, BOSS, record.id, WHY)


def stored(service: Service) -> list[tuple[str | None, str | None]]:
    with service.runtime.database.read() as session:
        rows = session.query(Discrepancy).order_by(Discrepancy.id)
        return [(one.closed_by, one.closed_why) for one in rows]


def kinds(service: Service) -> list[str]:
    return sorted(one["kind"] for one in look(service))


def all_three(service: Service, tmp_path: Path) -> StatementRecord:
    """Apply a statement with a discrepancy of each kind that a line can be."""
    [payment_id] = paid(service)
    failed = {"method": "b2c", "status": "failed", "receipt": None, "created_at": service.clock()}
    refund_of(service, payment_id, "r1", **failed, **a_phone(service))
    return of(service, tmp_path, [reversal(linked=""), INCOME, PAYOUT])


def test_they_are_closed_with_the_reason(service: Service, tmp_path: Path) -> None:
    record = all_three(service, tmp_path)
    assert kinds(service) == ["income", "payout", "reversal"]
    withdraw(service, record)
    assert (look(service), found(service)) == ([], [])
    assert stored(service) == [("boss", f"{STATEMENT_WITHDRAWN} {record.id}: {WHY}")] * 3
    withdraw(service, record)
    assert {by for by, _ in stored(service)} == {"boss"}


def test_to_apply_it_again_opens_them_again(service: Service, tmp_path: Path) -> None:
    record = all_three(service, tmp_path)
    withdraw(service, record)
    applied(service, record)
    assert kinds(service) == ["income", "payout", "reversal"]
    assert stored(service) == [(None, None)] * 3


def test_what_a_person_closed_stays_closed(service: Service, tmp_path: Path) -> None:
    record = of(service, tmp_path, [INCOME])
    [one] = look(service)
    assert close(service, one["_id"]).status_code == 200
    withdraw(service, record)
    applied(service, record)
    assert stored(service) == [("amina", "seen in the portal")]


@pytest.mark.parametrize("shared", [False, True])
def test_another_applied_statement_keeps_them_open(service: Service, tmp_path: Path, shared: bool) -> None:
    first = of(service, tmp_path, [INCOME])
    second = of(service, tmp_path, [INCOME, portal_row("UK1EXAMPL3", paid_in="5.00")], "b.csv")
    for record in (second, first) if shared else (first, second):
        assert kinds(service) == ["income"]
        withdraw(service, record)
    assert look(service) == []
    # Each of the two opens it again.
    applied(service, second)
    assert kinds(service) == ["income"]


def test_a_statement_that_is_not_applied_keeps_none_open(service: Service, tmp_path: Path) -> None:
    record = of(service, tmp_path, [INCOME])
    other = import_rows(service, tmp_path, own([INCOME, INCOME]), "b.csv")
    withdraw(service, record)
    assert look(service) == []
    applied(service, other)
    assert kinds(service) == ["income"]
