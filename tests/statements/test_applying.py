"""A statement is applied: missing income is booked, what differs goes to review, evidence rises. All once."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.c2b.retry_matching import match_due
from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.models import Payment
from mpesa_service.statements import applying, booking, evidence
from mpesa_service.statements.applying import apply_due, apply_statement, request_apply
from mpesa_service.statements.records import StatementRecord, find_statement
from tests.c2b.support import c2b_body, confirm, expect_order, order_row, post_c2b
from tests.statements.files import as_csv, charge_row, portal_row
from tests.statements.support import BOSS, import_rows, lines, outcomes, own, running
from tests.support import Service

AT = "22-11-2026 10:00:00"
STARTED = datetime(2026, 11, 22, 7, 0, tzinfo=UTC)


def applied(service: Service, record: StatementRecord, accepted: str | None = None) -> StatementRecord:
    request_apply(service.runtime, BOSS, record.id, accepted)
    return apply_statement(service.runtime, record.id)


def income(receipt: str = "UK1EXAMPL1", amount: str = "100.00", **more: Any) -> list[Any]:
    more.setdefault("typed", "ORDER1")
    return portal_row(receipt, more.pop("at", AT), amount, **more)


def apply_rows(service: Service, tmp_path: Path, rows: list[list[Any]]) -> StatementRecord:
    return applied(service, import_rows(service, tmp_path, own(rows)))


def of_receipt(service: Service, receipt: str) -> Payment:
    [payment] = [one for one in service.payments() if one.receipt == receipt]
    return payment


def prompted(service: Service) -> Payment:
    service.paid()
    [payment] = service.payments()
    assert payment.receipt
    return payment


class TestMissingIncome:
    def test_pays_the_order_that_its_account_names(self, service: Service, tmp_path: Path) -> None:
        expect_order(service)
        rows = [income(), charge_row("UK1EXAMPL1", AT, "-5.00", "")]
        record = apply_rows(service, tmp_path, rows)
        payment = of_receipt(service, "UK1EXAMPL1")
        assert (payment.status, payment.order_id, payment.amount) == ("succeeded", "ORDER1", 100)
        assert (payment.evidence, payment.paid_at, payment.paid_at_source) == (
            "statement",
            STARTED,
            "statement",
        )
        assert order_row(service).status == "paid"
        assert (record.status, record.applied_by, outcomes(record)) == (
            "applied",
            "boss",
            {"agrees": 1, "own": 1},
        )
        assert record.progress == {"reviewed": 0, "booked": 1, "unmatched": 0, "raised": 0}
        assert [line.outcome for line in lines(service)] == ["booked", None]

    def test_without_an_order_is_unmatched(self, service: Service, tmp_path: Path) -> None:
        record = apply_rows(service, tmp_path, [income()])
        assert of_receipt(service, "UK1EXAMPL1").status == "review"
        assert record.progress["unmatched"] == 1

    def test_of_a_fractional_amount_is_listed(self, service: Service, tmp_path: Path) -> None:
        record = apply_rows(service, tmp_path, [income(amount="100.50")])
        assert (service.payments(), outcomes(record)) == ([], {"reported": 1})

    def test_is_the_money_of_a_prompt_whose_callback_was_lost(self, service: Service, tmp_path: Path) -> None:
        service.pending()
        service.clock.advance(60)
        at = (service.clock() + timedelta(hours=3, seconds=-30)).strftime("%d-%m-%Y %H:%M:%S")
        apply_rows(service, tmp_path, [income(at=at, party="254712345678 - J")])
        [payment] = service.payments()
        assert (payment.channel, payment.status, payment.receipt) == ("stk", "succeeded", "UK1EXAMPL1")

    def test_is_booked_once_when_the_confirmation_comes_later(self, service: Service, tmp_path: Path) -> None:
        expect_order(service)
        apply_rows(service, tmp_path, [income()])
        confirm(service, TransID="UK1EXAMPL1")
        [payment] = service.payments()
        assert (payment.evidence, order_row(service).received_amount) == ("statement", 100)

    @pytest.mark.parametrize("typed", ["850060", 850060, "850060.0"])
    def test_of_an_account_that_lost_its_zeros_pays_the_one_order(
        self, service: Service, tmp_path: Path, typed: Any
    ) -> None:
        expect_order(service, "0850060")
        apply_rows(service, tmp_path, [income(typed=typed)])
        assert of_receipt(service, "UK1EXAMPL1").order_id == "0850060"
        assert lines(service)[0].outcome == "booked_weaker"

    def test_of_an_account_that_is_a_number_pays_its_order(self, service: Service, tmp_path: Path) -> None:
        expect_order(service, "0850060")
        expect_order(service, "850060")
        apply_rows(service, tmp_path, [income(typed="850060")])
        assert of_receipt(service, "UK1EXAMPL1").order_id == "850060"

    def test_of_such_an_account_needs_the_exact_amount_and_one_order(
        self, service: Service, tmp_path: Path
    ) -> None:
        expect_order(service, "0850060")
        expect_order(service, "00700")
        expect_order(service, "0700")
        expect_order(service, "12")
        expect_order(service, "012")
        rows = [income("UK1EXAMPL1", "90.00", typed="850060"), income("UK1EXAMPL2", typed="700")]
        rows.append(income("UK1EXAMPL3", typed="12"))
        apply_rows(service, tmp_path, rows)
        orders = [of_receipt(service, f"UK1EXAMPL{n}").order_id for n in (1, 2, 3)]
        assert orders == [None, None, "12"]


class TestWhatDiffers:
    def test_goes_to_review_and_is_not_overwritten(self, service: Service, tmp_path: Path) -> None:
        receipt = str(prompted(service).receipt)
        record = apply_rows(service, tmp_path, [income(receipt, "90.00")])
        [payment] = service.payments()
        assert (payment.status, payment.amount) == ("review", 100)
        assert payment.failure_reason == (
            f"Needs manual review: M-Pesa's statement shows 90.00 for its receipt {receipt}, and the record"
            " 100.00 (succeeded)."
        )
        assert record.progress["reviewed"] == 1
        assert record.report["differing"] == []

    def test_is_decided_once(self, service: Service, tmp_path: Path) -> None:
        receipt = str(prompted(service).receipt)
        record = apply_rows(service, tmp_path, [income(receipt, "90.00")])
        body = {"action": "settle", "reason": "the portal shows 100"}
        answer = service.call("POST", f"/{service.payments()[0].id}/resolve", body, by="boss", admin=True)
        assert answer.status_code == 200, answer.json
        assert applied(service, record).progress["reviewed"] == 0
        assert service.payments()[0].status == "succeeded"

    def test_in_review_gets_a_note(self, service: Service, tmp_path: Path) -> None:
        confirm(service, TransID="UK1EXAMPL1")
        before = of_receipt(service, "UK1EXAMPL1")
        apply_rows(service, tmp_path, [income(amount="90.00")])
        payment = of_receipt(service, "UK1EXAMPL1")
        assert (payment.status, payment.event_count) == ("review", before.event_count + 1)

    def test_without_a_payment_is_only_listed(self, service: Service, tmp_path: Path) -> None:
        confirm(service, TransID="UK1EXAMPL1", TransAmount="100.50")
        record = apply_rows(service, tmp_path, [income(amount="90.00")])
        assert (service.payments(), len(record.report["differing"])) == ([], 1)


class TestEvidence:
    def test_rises_with_a_line_in_the_trail(self, service: Service, tmp_path: Path) -> None:
        before = prompted(service)
        paid_at = STARTED + timedelta(hours=2)  # the time of the prompt
        record = apply_rows(service, tmp_path, [income(str(before.receipt), at="22-11-2026 12:00:00")])
        [after] = service.payments()
        assert (after.evidence, after.version, after.paid_at) == ("statement", before.version + 1, paid_at)
        event = service.events(after.id)[-1]
        assert (event.cause, event.evidence, event.sequence) == (
            "confirmed_again",
            "statement",
            before.event_count + 1,
        )
        assert record.progress["raised"] == 1
        assert applied(service, record).progress["raised"] == 0
        assert service.payments()[0].version == after.version

    def test_does_not_rise_for_what_differs_or_is_not_paid(self, service: Service, tmp_path: Path) -> None:
        payment = prompted(service)
        apply_rows(service, tmp_path, [charge_row(str(payment.receipt), AT, "-100.00", "")])
        assert service.payments()[0].evidence == "callback"

    def test_rises_range_by_range(
        self, service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(evidence, "RANGE", 2)
        for number in range(5):
            confirm(service, TransID=f"UK1EXAMPL{number}")
        record = apply_rows(service, tmp_path, [income(f"UK1EXAMPL{number}") for number in range(5)])
        assert record.progress["raised"] == 5
        assert {one.evidence for one in service.payments()} == {"statement"}


class TestDecision:
    def broken(self, service: Service, tmp_path: Path) -> StatementRecord:
        rows = [income("UK1EXAMPL1", balance="100.00"), income("UK1EXAMPL2", balance="700.00")]
        return import_rows(service, tmp_path, own(rows))

    def test_a_broken_balance_needs_a_reason(self, service: Service, tmp_path: Path) -> None:
        record = self.broken(service, tmp_path)
        with pytest.raises(Conflict) as caught:
            request_apply(service.runtime, BOSS, record.id)
        assert (caught.value.code, len(caught.value.details["findings"])) == ("balance_broken", 1)  # type: ignore[arg-type]
        assert service.payments() == []
        with pytest.raises(InvalidRequest) as blank:
            request_apply(service.runtime, BOSS, record.id, " ")
        assert blank.value.code == "reason_needed"
        done = applied(service, record, "the portal is down")
        assert (done.broken_balance_reason, done.status) == ("the portal is down", "applied")
        assert applied(service, record).status == "applied"

    def test_a_statement_must_be_read_to_its_end(self, service: Service, tmp_path: Path) -> None:
        record = import_rows(service, tmp_path, own([income()]))
        applying._set(service.runtime, record.id, status="reading")
        with pytest.raises(Conflict) as caught:
            request_apply(service.runtime, BOSS, record.id)
        assert caught.value.code == "statement_unread"

    def test_a_job_applies_what_is_requested(self, service: Service, tmp_path: Path) -> None:
        record = import_rows(service, tmp_path, own([income()]))
        assert apply_due(service.runtime) == 0
        request_apply(service.runtime, BOSS, record.id)
        assert apply_due(service.runtime) == 1
        assert find_statement(service.runtime, id=record.id).status == "applied"  # type: ignore[union-attr]
        assert apply_due(service.runtime) == 0

    def test_another_worker_takes_over_after_the_lease(self, service: Service, tmp_path: Path) -> None:
        record = import_rows(service, tmp_path, own([income()]))
        request_apply(service.runtime, BOSS, record.id)
        assert applying._claim(service.runtime) == (record.id, 1)
        assert apply_due(service.runtime) == 0
        service.clock.advance(121)
        assert apply_due(service.runtime) == 1


def stopping_at(count: int) -> Callable[[str, int], None]:
    """Return a progress that stops the process after so many lines."""
    seen: list[str] = []

    def advance(step: str, number: int) -> None:
        seen.extend([step] * number)
        if len(seen) >= count:
            raise KeyboardInterrupt

    return advance


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_stopped_anywhere_it_goes_on_and_does_nothing_twice(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(booking, "PAGE", 2)
    monkeypatch.setattr(applying, "RENEW_EVERY", 1)
    for number in (1, 2, 3):
        expect_order(service, f"ORDER{number}")
    payment = prompted_other(service)
    confirm(service, TransID="UK1EXAMPL9", BillRefNumber="")
    rows = [income(f"UK1EXAMPL{number}", typed=f"ORDER{number}") for number in (1, 2, 3)]
    rows += [income(payment, "90.00"), income("UK1EXAMPL9", typed="")]
    record = import_rows(service, tmp_path, own(rows))
    request_apply(service.runtime, BOSS, record.id)
    with pytest.raises(KeyboardInterrupt):
        apply_statement(service.runtime, record.id, stopping_at(count))
    done = apply_statement(service.runtime, record.id)
    assert (done.status, len(service.payments())) == ("applied", 5)
    assert [order_row(service, f"ORDER{number}").received_amount for number in (1, 2, 3)] == [100, 100, 100]
    assert of_receipt(service, payment).status == "review"
    trail = service.events(of_receipt(service, payment).id)
    assert sum(event.cause == "contradicted" for event in trail) == 1


def prompted_other(service: Service) -> str:
    service.paid("OTHER")
    [payment] = service.payments()
    return str(payment.receipt)


def test_a_confirmation_that_waits_is_not_booked_twice(service: Service, tmp_path: Path) -> None:
    service.pending()
    post_c2b(service, c2b_body(service, TransID="UK1EXAMPL1", BillRefNumber="", MSISDN="2547 ***** 999"))
    apply_rows(service, tmp_path, [income(typed="")])
    service.clock.advance(700)
    match_due(service.runtime)
    assert [one.receipt for one in service.payments() if one.receipt] == ["UK1EXAMPL1"]


def test_the_command_line_applies(service: Service, tmp_path: Path) -> None:
    from tests.cli.test_unmatched import run, run_json

    expect_order(service)
    path = as_csv(
        tmp_path / "s.csv", own(running(("UK1EXAMPL1", AT, {"paid_in": "100.00", "typed": "ORDER1"})))
    )
    text = run(service, "statements", "import", str(path), "--by", "amina", "--apply")
    assert "Applied: 1 booked." in text
    [listed] = run_json(service, "statements", "list")
    assert (listed["appliedBy"], listed["status"]) == ("operator:amina", "applied")
    again = run(service, "statements", "apply", listed["_id"], "--by", "amina")
    assert "Applied: there was nothing to do." in again
