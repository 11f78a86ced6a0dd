"""One reversal in several files: what one file says of it holds for all, and a person decides once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.statements.records import StatementRecord
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order, order_row
from tests.review.test_discrepancies import close, look
from tests.statements.files import NEW_COLUMNS, STORE_COLUMNS, as_csv
from tests.statements.support import SHORTCODE, import_rows, imported, lines, own
from tests.statements.test_applying import applied, income, of_receipt
from tests.statements.test_reversed_money import RECEIPT, reversal
from tests.support import Service

TYPE = "Pay Utility Reversal"
Import = Callable[[Service, Path, str], StatementRecord]


def shape_a(service: Service, tmp_path: Path, linked: str) -> StatementRecord:
    rows = own([income(), reversal(linked=linked)])
    return import_rows(service, tmp_path, rows, f"a{linked}.csv")


def shape_b(service: Service, tmp_path: Path, linked: str) -> StatementRecord:
    """Import the same lines in shape B, which never names the receipt that was reversed."""
    assert not linked
    details = "Pay Bill from 2547****5678 - J Acc. ORDER1"
    rows = [
        [RECEIPT, "22/11/2026 10:00:00", details, "Completed", "100.00", "0.00", "100.00"],
        ["UK1REVERS1", "22/11/2026 11:00:00", f"{TYPE} by SHOP", "Completed", "0.00", "-100.00", "0.00"],
    ]
    name = f"Statements for {SHORTCODE} from 2026-11-01 to 2026-11-30.csv"
    return imported(service, as_csv(tmp_path / "b", [NEW_COLUMNS, *rows]), name)


def shape_c(service: Service, tmp_path: Path, linked: str) -> StatementRecord:
    """Import the reversal in shape C, whose times are those at which transactions began."""
    row = ["Shop", "UK1REVERS1", "Utility Account", TYPE, "2026-11-22 10:59:58", "SHOP", "", "100.00", "0.00"]
    path = as_csv(tmp_path / f"c{linked}", [STORE_COLUMNS, [*row, linked]])
    return imported(service, path, f"Mpesa_{SHORTCODE}_20261123080000.csv")


def paid(service: Service) -> None:
    expect_order(service)
    confirm(service, TransID=RECEIPT)


def resolve(service: Service, action: str) -> None:
    body = {"action": action, "reason": "seen in the portal"}
    path = f"/{of_receipt(service, RECEIPT).id}/resolve"
    assert service.call("POST", path, body, by="boss", admin=True).status_code == 200


def assert_in_review(service: Service) -> None:
    payment = of_receipt(service, RECEIPT)
    assert payment.status == "review"
    assert (order_row(service).received_amount, look(service)) == (0, [])
    body: dict[str, Any] = {"amount": 100, "phoneNumber": "0712345678", "reason": "c"}
    body["confirmDifferentPayer"] = True
    assert service.call("POST", f"/{payment.id}/refund", body, by="boss", admin=True).status_code == 409
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize("before", ["previewed", "applied", "closed"])
@pytest.mark.parametrize(
    ("first", "second"), [(shape_a, shape_a), (shape_b, shape_a), (shape_c, shape_a), (shape_a, shape_c)]
)
def test_a_later_file_names_the_payment(
    service: Service, tmp_path: Path, first: Import, second: Import, before: str
) -> None:
    paid(service)
    record = first(service, tmp_path, "")
    if before != "previewed":
        applied(service, record)
        [found] = look(service)
    if before == "closed":
        assert close(service, found["_id"]).status_code == 200
    later = applied(service, second(service, tmp_path, RECEIPT))
    assert later.progress["reviewed"] == 1
    assert_in_review(service)
    resolve(service, "settle")
    for one in (record, later):
        assert applied(service, one).progress["reviewed"] == 0
    assert (of_receipt(service, RECEIPT).status, list(verify(service.runtime))) == ("succeeded", [])


def test_the_first_file_applied_again_acts_on_what_a_preview_named(service: Service, tmp_path: Path) -> None:
    paid(service)
    record = applied(service, shape_a(service, tmp_path, ""))
    shape_a(service, tmp_path, RECEIPT)
    assert applied(service, record).progress["reviewed"] == 1
    assert_in_review(service)


def test_a_file_that_does_not_name_the_payment_is_no_new_question(service: Service, tmp_path: Path) -> None:
    paid(service)
    applied(service, shape_a(service, tmp_path, RECEIPT))
    resolve(service, "fail")
    again = applied(service, shape_c(service, tmp_path, ""))
    assert (again.progress["reviewed"], look(service)) == (0, [])
    assert {line.outcome for line in lines(service) if line.kind == "reversal"} == {"reviewed"}
    assert of_receipt(service, RECEIPT).status == "failed"


def test_a_person_names_the_payment_of_both_lines(service: Service, tmp_path: Path) -> None:
    paid(service)
    applied(service, shape_a(service, tmp_path, ""))
    shape_c(service, tmp_path, "")
    [found] = look(service)
    assert close(service, found["_id"], belongsTo=RECEIPT).status_code == 200
    assert {line.linked_receipt for line in lines(service) if line.kind == "reversal"} == {RECEIPT}
    resolve(service, "fail")
    again = applied(service, shape_c(service, tmp_path, ""))
    assert (again.progress["reviewed"], look(service)) == (0, [])


@pytest.mark.parametrize(("first", "second"), [(shape_a, shape_c), (shape_c, shape_a)])
def test_two_shapes_of_one_reversal_are_one_discrepancy(
    service: Service, tmp_path: Path, first: Import, second: Import
) -> None:
    paid(service)
    applied(service, first(service, tmp_path, ""))
    record = applied(service, second(service, tmp_path, ""))
    [found] = look(service)
    assert close(service, found["_id"]).status_code == 200
    applied(service, record)
    assert look(service) == []
