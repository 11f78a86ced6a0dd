"""Reports of M-Pesa that fit no payment, refund or payout: listed, counted, and closed by a person."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from mpesa_service.errors import Conflict
from mpesa_service.operations import doctor
from mpesa_service.review.discrepancies import DiscrepancyRecord, close_discrepancy
from mpesa_service.verification.payments import verify
from tests.c2b.support import RECEIPT as CONFIRMED
from tests.c2b.support import causes, confirm, expect_order, order_row
from tests.cli.test_payouts import run
from tests.payouts.support import ROW, made, pay, payouts
from tests.payouts.support import complete as complete_payouts
from tests.refunds.support import complete
from tests.review.support import resolve, waiting
from tests.statements.support import BOSS, lines
from tests.statements.test_applying import applied, apply_rows, of_receipt
from tests.statements.test_contradicted import line
from tests.statements.test_reversed_money import reversal
from tests.support import Service

RECEIPT = "UK1EXAMPL1"


def look(service: Service, query: str = "") -> list[dict[str, Any]]:
    answer = service.call("GET", f"/discrepancies{query}", by="amina", admin=True)
    assert answer.status_code == 200, answer.json
    return list(answer.json["data"])


def close(service: Service, which: str, **more: Any) -> Any:
    body = {"reason": "seen in the portal", **more}
    return service.call("POST", f"/discrepancies/{which}/close", body, by="amina", admin=True)


def found(service: Service) -> list[str]:
    return [one.found for one in doctor.waiting(service.runtime) if one.check == "discrepancies"]


class TestReversals:
    def test_one_that_names_no_receipt_is_listed_once(self, service: Service, tmp_path: Path) -> None:
        record = apply_rows(service, tmp_path, [reversal(linked="")])
        applied(service, record)
        [one] = look(service)
        assert (one["kind"], one["mpesaReceiptNumber"], one["amount"]) == (
            "reversal",
            "UK1REVERS1",
            "-100.00",
        )
        assert (one["statementId"], one["row"]) == (record.id, lines(service)[0].row_number)
        assert found(service)[0].startswith("1 wait for a person, the oldest of 2026-11-22")
        assert look(service, f"?after={one['_id']}") == []
        shown = run(service, "list", group="review")
        assert "Besides, discrepancies: 1. List them: mpesa discrepancies list" in shown

    def test_it_is_closed_with_a_reason(self, service: Service, tmp_path: Path) -> None:
        record = apply_rows(service, tmp_path, [reversal(linked="")])
        [one] = look(service)
        assert close(service, one["_id"], reason=" ").status_code == 400
        closed = close(service, one["_id"]).json["data"]
        assert (closed["closedBy"], closed["closedWhy"], closed["belongsTo"]) == (
            "amina",
            "seen in the portal",
            None,
        )
        assert (look(service), found(service)) == ([], [])
        assert close(service, one["_id"]).json["code"] == "already_closed"
        applied(service, record)
        assert look(service) == []

    def test_two_people_close_it_at_once(self, service: Service, tmp_path: Path) -> None:
        apply_rows(service, tmp_path, [reversal(linked="")])
        [one] = look(service)
        engine, reads = service.runtime.database.engine, list[bool]()
        closed: list[DiscrepancyRecord] = []

        def meanwhile(*_: object) -> None:
            """Close it when the first person has read it, and has written nothing yet."""
            reads.append(True)
            if len(reads) == 1:
                closed.append(close_discrepancy(service.runtime, BOSS, one["_id"], "mine"))

        event.listen(engine, "checkin", meanwhile)
        with pytest.raises(Conflict, match="Somebody has closed it before"):
            close_discrepancy(service.runtime, BOSS, one["_id"], "the second reason")
        event.remove(engine, "checkin", meanwhile)
        assert [record.closed_why for record in closed] == ["mine"]

    @pytest.mark.parametrize("by_id", [True, False])
    def test_a_person_says_which_payment_it_returned(
        self, service: Service, tmp_path: Path, by_id: bool
    ) -> None:
        expect_order(service)
        confirm(service, TransID=RECEIPT)
        record = apply_rows(service, tmp_path, [reversal(linked="")])
        payment, [one] = of_receipt(service, RECEIPT), look(service)
        named = payment.id if by_id else RECEIPT.lower()
        assert close(service, one["_id"], belongsTo=named).json["data"]["belongsTo"] == payment.id
        payment = of_receipt(service, RECEIPT)
        assert (payment.status, "reversed in the portal" in str(payment.failure_reason)) == ("review", True)
        assert (waiting(service), order_row(service).received_amount) == ([payment.id], 0)
        decision = service.events(payment.id)[-1]
        assert (decision.cause, decision.actor) == ("order_open", "service")
        assert resolve(service, payment.id, "fail").json["data"]["status"] == "failed"
        applied(service, record)
        assert (look(service), of_receipt(service, RECEIPT).status) == ([], "failed")
        assert list(verify(service.runtime)) == []

    def test_what_is_refused(self, service: Service, tmp_path: Path) -> None:
        apply_rows(service, tmp_path, [reversal(linked="")])
        [one] = look(service)
        assert close(service, one["_id"], belongsTo="UNKNOWN1").status_code == 404
        assert close(service, one["_id"], belongsTo="no").status_code == 400
        for unknown in ("nothing", "%00"):
            assert close(service, unknown).json["code"] == "discrepancy_not_found"
        assert service.call("GET", "/discrepancies").status_code == 403
        assert len(look(service)) == 1

    def test_money_that_arrives_later_explains_it(self, service: Service, tmp_path: Path) -> None:
        apply_rows(service, tmp_path, [reversal(linked=RECEIPT)])
        assert len(look(service)) == 1
        confirm(service, TransID=RECEIPT)
        assert (look(service), found(service)) == ([], [])
        assert of_receipt(service, RECEIPT).status == "review"

    def test_our_own_reversal_is_none(self, service: Service, tmp_path: Path) -> None:
        service.paid()
        [payment] = service.payments()
        service.call("POST", f"/{payment.id}/refund", {"method": "reversal"}, by="boss", admin=True)
        apply_rows(service, tmp_path, [reversal(linked=str(payment.receipt))])
        assert look(service) == []


class TestPayouts:
    def test_one_that_fits_a_failed_refund(self, service: Service, tmp_path: Path) -> None:
        checkout = service.paid()
        service.refund(checkout, 60)
        complete(service, resultCode=1)
        [refund] = service.refunds()
        assert refund.status == "failed"
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00"), line("UK1PAIDOU2", "-61.00")])
        [one] = look(service)
        assert (one["kind"], one["resourceId"]) == ("payout", refund.id)
        assert close(service, one["_id"], belongsTo=refund.id).status_code == 200
        [refund] = service.refunds()
        assert (refund.status, refund.receipt, service.row(checkout).refunding_amount) == (
            "review",
            "UK1PAIDOUT",
            60,
        )
        assert resolve(service, checkout, "settle").json["data"]["status"] == "partially_refunded"
        assert (look(service), list(verify(service.runtime))) == ([], [])

    def test_one_that_fits_a_failed_payout(self, service: Service, tmp_path: Path) -> None:
        made(service, ROW)
        pay(service)
        complete_payouts(service, resultCode=1)
        [row] = payouts(service)
        assert row.status == "failed"
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
        [one] = look(service)
        assert close(service, one["_id"], belongsTo="UNKNOWN1").status_code == 404
        assert close(service, one["_id"], belongsTo=row.id).status_code == 200
        assert [(one.status, one.receipt) for one in payouts(service)] == [("review", "UK1PAIDOUT")]
        assert list(verify(service.runtime)) == []

    def test_two_that_failed_are_both_named(self, service: Service, tmp_path: Path) -> None:
        made(service, ROW, {**ROW, "phoneNumber": "0712345679"})
        pay(service)
        complete_payouts(service, resultCode=1)
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00"), line("UK1PAIDOU2", "-100.50")])
        [one], both = look(service), sorted(payouts(service), key=lambda row: row.id)
        assert (one["mpesaReceiptNumber"], one["resourceId"]) == ("UK1PAIDOUT", None)
        assert [(c["_id"], c["kind"], c["status"], c["parentId"]) for c in one["candidates"]] == [
            (row.id, "payout", "failed", row.batch_id) for row in both
        ]
        words = " or ".join(f"payout {row.id} (failed)" for row in both)
        assert one["sentence"].endswith(f"it may be {words}.")
        assert found(service)[0].startswith("1 wait for a person")
        assert "Besides, discrepancies: 1." in run(service, "list", group="review")
        shown = run(service, "list", group="discrepancies")
        assert all(row.id in shown for row in both)
        assert close(service, one["_id"], belongsTo=both[1].id).status_code == 200
        statuses = {row.id: row.status for row in payouts(service)}
        assert [statuses[row.id] for row in both] == ["failed", "review"]
        assert (look(service), list(verify(service.runtime))) == ([], [])

    def test_many_candidates_are_counted(self, service: Service, tmp_path: Path) -> None:
        made(service, *({**ROW, "phoneNumber": f"071234567{last}"} for last in range(6)))
        pay(service)
        complete_payouts(service, resultCode=1)
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-100.00")])
        [one] = look(service)
        assert len(one["candidates"]) == 6
        assert one["sentence"].endswith(" or 1 more.")

    def test_one_that_has_not_failed_takes_no_line(self, service: Service, tmp_path: Path) -> None:
        checkout = service.paid()
        service.refund(checkout, 60)
        complete(service, resultCode=1)
        service.clock.advance(1)
        service.refund(checkout, 60)
        complete(service)
        apply_rows(service, tmp_path, [line("UK1PAIDOUT", "-60.00")])
        [one] = look(service)
        assert close(service, one["_id"], belongsTo=service.refunds()[-1].id).json["code"] == "not_failed"
        assert len(look(service)) == 1


class TestAccounts:
    def test_a_repeated_confirmation_with_another_account(self, service: Service) -> None:
        expect_order(service)
        expect_order(service, "ORDER2")
        confirm(service)
        for account in ("ORDER2", "ORDER2", "order-2"):
            confirm(service, BillRefNumber=account)
        [payment] = service.payments()
        assert (payment.status, order_row(service).received_amount) == ("succeeded", 100)
        assert order_row(service, "ORDER2").received_amount == 0
        [one] = look(service)
        assert (one["kind"], one["account"], one["resourceId"]) == ("account", "ORDER2", payment.id)
        assert (one["mpesaReceiptNumber"], one["amount"]) == (CONFIRMED, "100.00")
        assert len(found(service)) == 1
        assert close(service, one["_id"], belongsTo=payment.id).json["code"] == "belongs_to_nothing"
        assert close(service, one["_id"]).status_code == 200
        confirm(service, BillRefNumber="ORDER2")
        assert (look(service), causes(service, service.payments()[0])[0]) == ([], "created")


def test_commands(service: Service, tmp_path: Path) -> None:
    apply_rows(service, tmp_path, [reversal(linked="")])
    shown = run(service, "list", group="discrepancies")
    assert "UK1REVERS1" in shown
    assert "1 waiting" in shown
    [one] = look(service)
    words = ("close", one["_id"], "--by", "amina", "--reason", "another shop")
    assert f"{one['_id']} is closed" in run(service, *words, group="discrepancies")
    assert "0 waiting" in run(service, "list", group="discrepancies")
