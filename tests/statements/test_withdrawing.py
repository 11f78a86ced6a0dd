"""A withdrawn statement: what nothing else shows goes to review, until a statement shows it again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.report import compare
from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.verification.payments import verify
from tests.c2b.support import confirm, expect_order, order_row
from tests.cli.test_unmatched import run
from tests.statements.support import BOSS, import_rows, own, running
from tests.statements.test_applying import applied, of_receipt
from tests.support import Service

ONE = ("UK1EXAMPL1", "22-11-2026 10:00:00", {"paid_in": "100.00", "typed": "ORDER1"})
TWO = ("UK1EXAMPL2", "22-11-2026 11:00:00", {"paid_in": "200.00"})
WHY = "the portal has no such money"
REASON = "Needs manual review: only a statement that was withdrawn shows its receipt UK1EXAMPL1"


@pytest.fixture(autouse=True)
def later(service: Service) -> None:
    service.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def of(service: Service, tmp_path: Path, *rows: Any, name: str = "s.csv") -> StatementRecord:
    service.clock.advance(1)
    return import_rows(service, tmp_path, own(running(*rows)), name)


def booked(service: Service, tmp_path: Path, *rows: Any, name: str = "s.csv") -> StatementRecord:
    expect_order(service)
    return applied(service, of(service, tmp_path, *rows, name=name))


def withdraw(service: Service, record: StatementRecord) -> StatementRecord:
    return compare(service.runtime, withdraw_statement(service.runtime, BOSS, record.id, WHY))


def test_what_only_it_shows_goes_to_review(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, ONE)
    assert order_row(service).status == "paid"
    withdrawn = withdraw(service, record)
    payment = of_receipt(service, "UK1EXAMPL1")
    assert payment.status == "review"
    assert str(payment.failure_reason).startswith(REASON)
    assert (order_row(service).status, order_row(service).received_amount) == ("open", 0)
    events = service.events(payment.id)
    [event] = [one for one in events if one.cause == "contradicted"]
    assert (event.cause, event.actor, event.detail["statementId"]) == ("contradicted", "boss", record.id)
    assert withdrawn.report["onlyWithdrawn"] == {
        "count": 1,
        "cents": 10_000,
        "rows": [{"ourId": payment.id, "receipt": "UK1EXAMPL1", "cents": 10_000, "ourStatus": "review"}],
    }
    assert list(verify(service.runtime)) == []
    withdraw(service, record)
    assert len(service.events(payment.id)) == len(events)


def test_to_apply_it_again_settles(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, ONE)
    withdraw(service, record)
    again = applied(service, record)
    payment = of_receipt(service, "UK1EXAMPL1")
    assert (payment.status, payment.failure_reason, payment.evidence) == ("succeeded", None, "statement")
    assert order_row(service).status == "paid"
    assert again.progress["settled"] == 1
    assert again.report["onlyWithdrawn"]["count"] == 0
    assert list(verify(service.runtime)) == []


def test_another_statement_settles_too(service: Service, tmp_path: Path) -> None:
    withdraw(service, booked(service, tmp_path, ONE))
    other = applied(service, of(service, tmp_path, ONE, TWO, name="other.csv"))
    assert other.progress["settled"] == 1
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"


def test_another_applied_statement_keeps_it_paid(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, ONE)
    other = of(service, tmp_path, ONE, TWO, name="other.csv")
    request_apply(service.runtime, BOSS, other.id, None, "both are right")
    apply_statement(service.runtime, other.id)
    assert withdraw(service, record).report["onlyWithdrawn"]["count"] == 0
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"
    withdraw(service, other)
    assert of_receipt(service, "UK1EXAMPL1").status == "review"


def test_what_mpesa_posted_keeps_it_paid(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, ONE)
    confirm(service, TransID="UK1EXAMPL1", BillRefNumber="ORDER1")
    assert withdraw(service, record).report["onlyWithdrawn"]["count"] == 0
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"


def test_what_was_known_before_stays(service: Service, tmp_path: Path) -> None:
    expect_order(service)
    confirm(service, TransID="UK1EXAMPL1", BillRefNumber="ORDER1")
    record = applied(service, of(service, tmp_path, ONE))
    assert withdraw(service, record).report["onlyWithdrawn"]["count"] == 0
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"


def test_unmatched_money_says_why_and_may_fail(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, TWO)
    payment = of_receipt(service, "UK1EXAMPL2")
    earlier = payment.failure_reason
    withdraw(service, record)
    reason = str(of_receipt(service, "UK1EXAMPL2").failure_reason)
    assert "only a statement that was withdrawn shows its receipt UK1EXAMPL2" in reason
    applied(service, record)
    assert of_receipt(service, "UK1EXAMPL2").failure_reason == earlier
    withdraw(service, record)
    text = run(service, "review", "fail", payment.id, "--by", "amina", "--reason", WHY)
    assert "failed" in text
    assert list(verify(service.runtime)) == []
    assert compare(service.runtime, record).report["onlyWithdrawn"]["count"] == 0


def test_what_a_person_settled_stays_settled(service: Service, tmp_path: Path) -> None:
    record = booked(service, tmp_path, ONE)
    withdraw(service, record)
    payment = of_receipt(service, "UK1EXAMPL1")
    run(service, "review", "settle", payment.id, "--by", "amina", "--reason", "the portal has it")
    assert withdraw(service, record).report["onlyWithdrawn"]["count"] == 0
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"
    assert list(verify(service.runtime)) == []


def test_the_command_names_the_money_and_the_next_step(service: Service, tmp_path: Path) -> None:
    fractional = ("UK1EXAMPL3", "22-11-2026 12:00:00", {"paid_in": "7.50"})
    record = booked(service, tmp_path, ONE, TWO, fractional)
    text = run(service, "statements", "withdraw", record.id, "--by", "amina", "--reason", WHY)
    assert "3 receipts are shown by nothing but withdrawn statements (307.50 in all):" in text
    assert all(word in text for word in ("UK1EXAMPL1", "UK1EXAMPL2", "UK1EXAMPL3", "not a payment"))
    assert "mpesa review settle ID --by NAME --reason …. If not: mpesa review fail ID" in text
    assert "WARNING" not in text


def test_verify_finds_what_is_not_in_review(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = booked(service, tmp_path, ONE)
    with monkeypatch.context() as patch:  # the process is stopped after the withdrawal
        patch.setattr("mpesa_service.statements.withdrawing.review_only_withdrawn", lambda *_: None)
        withdraw_statement(service.runtime, BOSS, record.id, WHY)
    [found] = verify(service.runtime)
    assert (found.invariant, found.subject) == (
        "withdrawn_money_is_in_review",
        of_receipt(service, "UK1EXAMPL1").id,
    )
    withdraw(service, record)
    assert list(verify(service.runtime)) == []


def test_a_file_that_contradicts_an_applied_one_is_applied_only_with_a_reason(
    service: Service, tmp_path: Path
) -> None:
    first = booked(service, tmp_path, ONE)
    other = of(service, tmp_path, ONE, TWO, name="other.csv")
    with pytest.raises(Conflict) as caught:
        request_apply(service.runtime, BOSS, other.id)
    assert caught.value.code == "statement_contradicts"
    assert f"It contradicts statement {first.id} (s.csv)" in caught.value.message
    assert "`--accept-mismatch`" in caught.value.message
    assert [one.receipt for one in service.payments()] == ["UK1EXAMPL1"]
    with pytest.raises(InvalidRequest):
        request_apply(service.runtime, BOSS, other.id, None, " ")
    text = run(
        service, "statements", "apply", other.id, "--by", "amina", "--accept-mismatch", "both are right"
    )
    assert "It was applied although it contradicts an applied statement, by operator:amina: both" in text
    assert of_receipt(service, "UK1EXAMPL2").status == "review"


def test_a_file_is_applied_after_the_wrong_one_is_withdrawn(service: Service, tmp_path: Path) -> None:
    wrong = booked(service, tmp_path, ONE, TWO, name="wrong.csv")
    right = of(service, tmp_path, ONE, name="right.csv")
    withdraw(service, wrong)
    applied(service, right)
    assert of_receipt(service, "UK1EXAMPL1").status == "succeeded"
    assert of_receipt(service, "UK1EXAMPL2").status == "review"
    with pytest.raises(Conflict, match="contradicts statement"):
        request_apply(service.runtime, BOSS, wrong.id)


def test_the_api_takes_the_reason(service: Service, tmp_path: Path) -> None:
    booked(service, tmp_path, ONE)
    other = of(service, tmp_path, ONE, TWO, name="other.csv")
    path = f"/statements/{other.id}/apply"
    answer = service.call("POST", path, {}, by="boss", admin=True)
    assert (answer.status_code, answer.json["code"]) == (409, "statement_contradicts")
    answer = service.call("POST", path, {"acceptMismatch": "both are right"}, by="boss", admin=True)
    assert answer.status_code == 202
