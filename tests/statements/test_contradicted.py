"""Refunds and payouts that a statement contradicts: a person sees them in review, and decides once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.models import Payout, Refund
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import Health
from mpesa_service.statements.contradicted import review_absent
from mpesa_service.statements.differing import review_differing
from mpesa_service.verification.payments import verify
from tests.payouts.support import PAYBILL, ROW, made, pay, payouts, trail
from tests.payouts.support import complete as complete_payouts
from tests.refunds.support import complete
from tests.review.support import resolve, waiting
from tests.statements.files import portal_row
from tests.statements.support import import_rows, own, running
from tests.statements.test_applying import applied, apply_rows
from tests.statements.test_matching import paid, refund_of
from tests.support import Service

AFTER = "22-11-2026 13:00:00"
PAID_OUT = {"type": "Business Payment to Customer", "details": "Business Payment to 254712345678"}


def refunded(service: Service) -> tuple[str, Refund]:
    """Return a payment's CheckoutRequestID, and its refund of 60 of 100 shillings, which was paid."""
    checkout = service.paid()
    assert service.refund(checkout, 60).status_code == 200
    complete(service)
    [refund] = service.refunds()
    assert (refund.status, bool(refund.receipt)) == ("succeeded", True)
    return checkout, refund


def paid_out(service: Service, *rows: Any) -> Payout:
    """Return the first row of a batch, which was paid."""
    made(service, *rows)
    pay(service)
    complete_payouts(service)
    row = payouts(service)[0]
    assert (row.status, bool(row.receipt)) == ("succeeded", True)
    return row


def line(receipt: str | None, amount: str, paid_in: str = "", **more: Any) -> list[Any]:
    return portal_row(str(receipt), AFTER, paid_in, amount, **{**PAID_OUT, **more})


def proven(service: Service, tmp_path: Path, *known: str, **labels: str) -> Any:
    """Apply a statement of November with an unbroken balance that has only these receipts."""
    service.clock.advance(10 * 24 * 3600)
    rows = [(one, AFTER, {"paid_in": "100.00"}) for one in (*known, "UK1EXAMPL9")]
    return applied(service, import_rows(service, tmp_path, own(running(*rows), **labels)))


def findings(service: Service) -> list[str]:
    found = [one for one in doctor.waiting(service.runtime) if one.check == "review"]
    assert all(one.health is Health.WRONG and "mpesa review list" in one.advice for one in found)
    return [one.found for one in found]


def rules(service: Service) -> list[str]:
    return [one.invariant for one in verify(service.runtime)]


class TestLines:
    @pytest.mark.parametrize(
        ("amounts", "shown"),
        [(("-59.00",), "59.00 paid out"), (("", "60.00"), "60.00 paid in")],
    )
    def test_another_amount_or_direction_sends_a_refund_to_review(
        self, service: Service, tmp_path: Path, amounts: tuple[str, ...], shown: str
    ) -> None:
        checkout, refund = refunded(service)
        record = apply_rows(service, tmp_path, [line(refund.receipt, *amounts)])
        [refund] = service.refunds()
        reason = f"M-Pesa's statement shows {shown} for its receipt {refund.receipt}"
        why = f"Needs manual review: {reason}, and the record 60.00 (succeeded)."
        assert (refund.status, refund.failure_reason) == ("review", why)
        assert waiting(service) == [service.row(checkout).id]
        assert findings(service) == [
            "M-Pesa's reports contradict the record, and a person decides (refunds: 1)"
        ]
        assert (record.progress["reviewed"], record.report["differing"]) == (1, [])
        assert rules(service) == []

    @pytest.mark.parametrize(("action", "status"), [("settle", "succeeded"), ("fail", "failed")])
    def test_what_a_person_decides_stays(
        self, service: Service, tmp_path: Path, action: str, status: str
    ) -> None:
        checkout, refund = refunded(service)
        record = apply_rows(service, tmp_path, [line(refund.receipt, "-59.00")])
        assert resolve(service, checkout, action).status_code == 200
        assert applied(service, record).progress["reviewed"] == 0
        [refund] = service.refunds()
        assert (refund.status, findings(service), waiting(service), rules(service)) == (status, [], [], [])
        [*_, decision] = [one for one in service.events(service.row(checkout).id) if one.refund_id]
        assert (decision.actor, decision.detail["reason"]) == ("amina", "seen on the statement")

    def test_a_refund_that_failed_here_and_was_paid_is_reserved_again(
        self, service: Service, tmp_path: Path
    ) -> None:
        checkout, refund = refunded(service)
        apply_rows(service, tmp_path, [line(refund.receipt, "-59.00")])
        resolve(service, checkout, "fail")
        record = import_rows(service, tmp_path, own([line(refund.receipt, "-60.00")]), "t.csv")
        assert applied(service, record).progress["reviewed"] == 1
        payment = service.row(checkout)
        assert (service.refunds()[0].status, payment.refunding_amount) == ("review", 60)
        assert resolve(service, checkout, "settle").json["data"]["status"] == "partially_refunded"
        assert rules(service) == []

    def test_a_refund_in_review_gets_the_reason(self, service: Service, tmp_path: Path) -> None:
        checkout, refund = refunded(service)
        apply_rows(service, tmp_path, [line(refund.receipt, "-59.00"), line(refund.receipt, "-58.00")])
        [refund] = service.refunds()
        assert "58.00" in str(refund.failure_reason)
        causes = [one.cause for one in service.events(service.row(checkout).id) if one.refund_id]
        assert causes[-2:] == ["refund_contradicted", "refund_reported"]
        assert rules(service) == []

    def test_the_result_of_an_open_refund_is_still_to_come(self, service: Service, tmp_path: Path) -> None:
        _, refund = refunded(service)
        with service.runtime.database.begin() as session:
            session.execute(update(Refund).values(status="unknown"))
        record = apply_rows(service, tmp_path, [line(refund.receipt, "-60.00")])
        assert (service.refunds()[0].status, record.progress["reviewed"]) == ("unknown", 0)

    def test_a_payout_goes_to_review(self, service: Service, tmp_path: Path) -> None:
        row = paid_out(service, ROW)
        record = apply_rows(service, tmp_path, [line(row.receipt, "-99.00")])
        [row] = payouts(service)
        assert (row.status, "99.00 paid out" in str(row.failure_reason)) == ("review", True)
        assert findings(service)[0].endswith("(payouts: 1)")
        body = {"action": "settle", "reason": "the phone shows 100"}
        answer = service.call("POST", f"/payouts/rows/{row.id}/resolve", body, by="otieno", admin=True)
        assert answer.status_code == 200
        assert applied(service, record).progress["reviewed"] == 0
        assert trail(service, row.id)[-2:] == ["payout_contradicted", "payout_settled_by_operator"]
        assert (findings(service), rules(service)) == ([], [])

    def test_a_reversal_of_ours_is_contradicted_and_not_its_payment(
        self, service: Service, tmp_path: Path
    ) -> None:
        checkout = service.paid()
        body = {"method": "reversal"}
        service.call("POST", f"/{checkout}/refund", body, by="boss", admin=True)
        [refund] = service.refunds()
        [command] = service.simulator.get("/simulator/ledger")["reversals"]
        service.simulator.post(f"/simulator/commands/{command['conversationId']}/complete", {})
        [refund] = service.refunds()
        payment = service.row(checkout)
        words = {"type": "Pay Utility Reversal", "details": r"Pay Utility Reversal by SHOP\boss"}
        apply_rows(service, tmp_path, [line(refund.receipt, "-90.00", linked=payment.receipt, **words)])
        assert (service.refunds()[0].status, service.row(checkout).status) == ("review", payment.status)


class TestAbsent:
    def test_a_refund_that_a_proven_day_does_not_show_goes_to_review(
        self, service: Service, tmp_path: Path
    ) -> None:
        checkout, refund = refunded(service)
        record = proven(service, tmp_path, str(service.row(checkout).receipt))
        [refund] = service.refunds()
        why = f"M-Pesa's statement covers its time, and does not show its receipt {refund.receipt}"
        assert (refund.status, refund.failure_reason) == ("review", f"Needs manual review: {why}.")
        assert (record.report["absent"]["rows"], record.progress["reviewed"]) == ([], 1)
        assert findings(service)[0].endswith("(refunds: 1)")
        assert resolve(service, checkout, "settle").status_code == 200
        assert applied(service, record).progress["reviewed"] == 0
        assert (service.refunds()[0].status, findings(service)) == ("succeeded", [])
        assert rules(service) == []

    def test_a_payout_too(self, service: Service, tmp_path: Path) -> None:
        row = paid_out(service, ROW)
        proven(service, tmp_path)
        assert [one.status for one in payouts(service)] == ["review"]
        body = {"action": "settle", "reason": "the phone shows it"}
        service.call("POST", f"/payouts/rows/{row.id}/resolve", body, by="otieno", admin=True)
        assert (findings(service), rules(service)) == ([], [])

    @pytest.mark.parametrize("account", ["Merchant Account", ""])
    def test_an_account_that_pays_no_refunds_proves_nothing(
        self, service: Service, tmp_path: Path, account: str
    ) -> None:
        checkout, _ = refunded(service)
        record = proven(service, tmp_path, str(service.row(checkout).receipt), **{"Account:": account})
        assert (service.refunds()[0].status, record.report["absent"]["count"]) == ("succeeded", 0)

    def test_a_payment_to_a_business_leaves_from_another_account(
        self, service: Service, tmp_path: Path
    ) -> None:
        paid_out(service, PAYBILL, {**PAYBILL, "amount": 501})
        first, second = payouts(service)
        record = proven(service, tmp_path)
        assert record.report["absent"]["count"] == 0
        rows = own([line(first.receipt, "-500.00", type="Business Pay Bill")])
        applied(service, import_rows(service, tmp_path, rows, "t.csv"))
        # The account has paid such a payout, so it shows all of them.
        assert applied(service, record).progress["reviewed"] == 1
        assert [one.status for one in payouts(service)] == ["succeeded", "review"]
        assert str(second.receipt) in str(payouts(service)[1].failure_reason)


def a_phone(service: Service) -> dict[str, Any]:
    """Return the column that a refund to a phone has."""
    return {"phone_encrypted": service.runtime.encryption.encrypt("254712345678")}


class TestDecidedMeanwhile:
    """A person or M-Pesa decides about a refund while the statement is compared: that counts."""

    def two(self, service: Service) -> None:
        for name, payment_id in zip(("r1", "r2"), paid(service, 2, refunded_amount=100), strict=True):
            refund_of(service, payment_id, name, method="b2c", **a_phone(service))

    def change(self, service: Service, refund: str, **values: Any) -> Callable[[str, int], None]:
        def advance(_: str, __: int) -> None:
            with service.runtime.database.begin() as session:
                session.execute(update(Refund).where(Refund.id == refund).values(**values))

        return advance

    def statuses(self, service: Service) -> list[str]:
        with service.runtime.database.read() as session:
            return [row.status for row in session.query(Refund).order_by(Refund.id)]

    def test_a_line_that_agrees_by_now(self, service: Service, tmp_path: Path) -> None:
        self.two(service)
        rows = [line("REFUNDR1", "-60.00"), line("REFUNDR2", "-60.00")]
        record = import_rows(service, tmp_path, own(rows))
        review_differing(service.runtime, record, self.change(service, "r2", amount=60))
        assert self.statuses(service) == ["review", "succeeded"]

    def test_a_refund_that_failed_by_now_is_not_missing(self, service: Service, tmp_path: Path) -> None:
        self.two(service)
        service.clock.advance(10 * 24 * 3600)
        rows = running(("UK1EXAMPL9", AFTER, {"paid_in": "100.00"}))
        record = import_rows(service, tmp_path, own(rows))
        review_absent(service.runtime, record, self.change(service, "r2", status="failed"))
        assert self.statuses(service) == ["review", "failed"]
