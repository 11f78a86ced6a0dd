"""The time of a refund or payout: a line of an applied statement states it."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from mpesa_service.models import Refund
from tests.payouts.support import PAYBILL, complete, made, pay, payouts
from tests.statements.files import STORE_COLUMNS, as_csv, portal_row
from tests.statements.support import import_rows, imported, own
from tests.statements.test_applying import applied
from tests.statements.test_matching import REVERSAL, paid, refund_of
from tests.support import Service

AT = "22-11-2026 10:00:00"
MOVED = datetime(2026, 11, 22, 7, tzinfo=UTC)


def refund_row(receipt: str = "REFUNDR1", withdrawn: str = "-100.00", **more: Any) -> list[Any]:
    return portal_row(receipt, more.pop("at", AT), "", withdrawn, **{**REVERSAL, **more})


def stated(service: Service) -> list[tuple[datetime | None, str | None]]:
    with service.runtime.database.read() as session:
        return [(row.paid_at, row.paid_at_source) for row in session.query(Refund).order_by(Refund.id)]


def test_a_line_states_the_time_of_a_refund(service: Service, tmp_path: Path) -> None:
    first, second = paid(service, 2)
    earlier = datetime(2026, 11, 22, 6, tzinfo=UTC)
    refund_of(service, first, "r1", paid_at=earlier, paid_at_source="callback")
    refund_of(service, second, "r2")
    record = import_rows(service, tmp_path, own([refund_row()]))
    assert stated(service) == [(earlier, "callback"), (None, None)], "it is not applied yet"
    applied(service, record)
    assert stated(service) == [(MOVED, "statement"), (None, None)]


def test_a_line_of_the_future_states_none(service: Service, tmp_path: Path) -> None:
    for number, payment_id in enumerate(paid(service, 2), start=1):
        refund_of(service, payment_id, f"r{number}")
    rows = [
        refund_row("REFUNDR1", at="22-11-2026 13:00:00"),
        refund_row("REFUNDR2"),
    ]
    applied(service, import_rows(service, tmp_path, own(rows)))
    assert stated(service) == [(None, None), (MOVED, "statement")]


def test_a_line_states_the_time_of_a_payout(service: Service, tmp_path: Path) -> None:
    made(service, PAYBILL)
    pay(service)
    complete(service)
    [row] = payouts(service)
    assert row.receipt is not None
    at = "22-11-2026 12:00:00"  # at once: a payout is not paid before it is requested
    line = portal_row(row.receipt, at, "", "-500.00", type="Business Pay Bill", details="Pay Bill to 888880")
    applied(service, import_rows(service, tmp_path, own([line])))
    [row] = payouts(service)
    assert (row.paid_at, row.paid_at_source) == (MOVED + timedelta(hours=2), "statement")


def test_the_beginning_of_a_transaction_is_no_time(service: Service, tmp_path: Path) -> None:
    refund_of(service, paid(service)[0], "r1")
    cells = ["CBD", "REFUNDR1", "M", "Reversal", "2026-11-22 09:58:00.0", r"Pay Merchant Reversal by x\y"]
    path = as_csv(tmp_path / "c.csv", [STORE_COLUMNS, [*cells, "", "-100.00", "", ""]])
    applied(service, imported(service, path, "Mpesa_174379_20261123080000.csv"))
    assert stated(service) == [(None, None)]
