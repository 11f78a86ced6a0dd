"""A later statement names the account of money that waits for it."""

from pathlib import Path

from sqlalchemy import select

from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.models import C2bConfirmation
from mpesa_service.verification.payments import verify
from tests.c2b.support import expect_order, order_row
from tests.statements.files import STORE_COLUMNS, as_csv
from tests.statements.support import SHORTCODE, imported
from tests.statements.test_applying import applied, apply_rows, income, of_receipt
from tests.support import Service


class TestAnAccountThatIsNamedLater:
    def stores(self, service: Service, tmp_path: Path, amount: str = "100.00") -> None:
        """Apply a statement of shape C, which has no account typed."""
        row = ["Shop", "UK1EXAMPL1", "Merchant Account", "Pay Utility", "2026-11-22 10:00:00"]
        row += ["2547****1 - J", amount, "", amount, "", ""]
        path = as_csv(tmp_path / "c", [STORE_COLUMNS, row])
        applied(service, imported(service, path, f"Mpesa_{SHORTCODE}_20261123080000.csv"))

    def test_matches_money_that_was_booked_without_it(self, service: Service, tmp_path: Path) -> None:
        expect_order(service)
        self.stores(service, tmp_path)
        assert of_receipt(service, "UK1EXAMPL1").status == "review"
        record = apply_rows(service, tmp_path, [income()])
        payment = of_receipt(service, "UK1EXAMPL1")
        assert (payment.status, payment.order_id, len(service.payments())) == ("succeeded", "ORDER1", 1)
        assert (order_row(service).received_amount, record.progress["matched"]) == (100, 1)
        assert "matched" not in applied(service, record).progress
        assert list(verify(service.runtime)) == []

    def test_is_kept_if_it_fits_no_order_yet(self, service: Service, tmp_path: Path) -> None:
        self.stores(service, tmp_path)
        record = apply_rows(service, tmp_path, [income()])
        assert ("matched" in record.progress, of_receipt(service, "UK1EXAMPL1").status) == (False, "review")
        expect_order(service)
        match_due(service.runtime)
        assert of_receipt(service, "UK1EXAMPL1").order_id == "ORDER1"

    def test_is_kept_of_a_fractional_amount(self, service: Service, tmp_path: Path) -> None:
        self.stores(service, tmp_path, "100.50")
        apply_rows(service, tmp_path, [income(amount="100.50")])
        with service.runtime.database.read() as session:
            [row] = session.scalars(select(C2bConfirmation))
            assert row.bill_reference_encrypted is not None

    def test_may_be_without_one_again(self, service: Service, tmp_path: Path) -> None:
        self.stores(service, tmp_path)
        apply_rows(service, tmp_path, [income(typed="", details="Pay Utility")])
        assert of_receipt(service, "UK1EXAMPL1").status == "review"
