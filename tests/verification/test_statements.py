"""The invariants of statements hold after an import, and each fault is found."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.verification.payments import verify
from mpesa_service.verification.statements import statement_agrees_with_commands
from tests.c2b.support import confirm, expect_order
from tests.statements.files import charge_row, portal_row
from tests.statements.support import BOSS, import_rows, own
from tests.statements.test_matching import REVERSAL, paid, refund_of
from tests.support import Service

AT = "22-11-2026 10:00:00"


def applied(service: Service, tmp_path: Path) -> None:
    """Apply a statement with an order's payment, a confirmed one, a fractional one, a sweep and a charge."""
    expect_order(service)
    confirm(service, TransID="UK1EXAMPL2")
    moved = {"type": "", "details": "Pay Bill moved", "party": ""}
    rows = [
        portal_row("UK1EXAMPL1", AT, "100.00", typed="ORDER1"),
        portal_row("UK1EXAMPL2", AT, "100.00"),
        portal_row("UK1EXAMPL3", AT, "7.50"),
        portal_row("UK1EXAMPL4", AT, "50.00", "", **moved),
        portal_row("UK1EXAMPL4", AT, "", "-50.00", **moved),
        charge_row("UK1EXAMPL1", AT, "-5.00", ""),
    ]
    record = import_rows(service, tmp_path, own(rows))
    request_apply(service.runtime, BOSS, record.id)
    apply_statement(service.runtime, record.id)


def test_every_rule_holds(service: Service, tmp_path: Path) -> None:
    applied(service, tmp_path)
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize(
    ("rule", "words", "change"),
    [
        (
            "statement_income_is_booked",
            "line 4 of",
            "UPDATE statement_lines SET receipt = 'UK9EXAMPL9' WHERE row_number = 4",
        ),
        (
            "statement_days_add_up",
            "207.50 of the same receipts. Compare these in the portal, and apply the statement again: UK1EX",
            "UPDATE statement_lines SET amount_cents = 10100 WHERE receipt = 'UK1EXAMPL2'",
        ),
        (
            "statement_evidence_has_its_line",
            "no statement shows UK1EXAMPL2",
            "DELETE FROM statement_lines WHERE receipt = 'UK1EXAMPL2'",
        ),
        (
            "lines_have_their_statement",
            "does not exist",
            "UPDATE statement_lines SET statement_id = 'nothing' WHERE amount_cents < 0",
        ),
    ],
)
def test_each_fault_is_found(service: Service, tmp_path: Path, rule: str, words: str, change: str) -> None:
    applied(service, tmp_path)
    with service.runtime.database.begin() as session:
        session.execute(text(change))
    found = [one for one in verify(service.runtime) if one.invariant == rule]
    assert found
    assert words in found[0].sentence


def test_what_was_sent_to_review_does_not_count(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1")
    record = import_rows(service, tmp_path, own([portal_row("UK1EXAMPL1", AT, "90.00")]))
    request_apply(service.runtime, BOSS, record.id)
    apply_statement(service.runtime, record.id)
    assert list(verify(service.runtime)) == []


@pytest.mark.parametrize(
    ("line", "columns", "words"),
    [
        ("-90.00", {}, "-90.00 for the refund REFUNDR1, and the record has -100.00 (succeeded)"),
        ("-100.00", {"status": "failed"}, "(failed)"),
        ("-100.00", {}, None),
        ("-90.00", {"status": "review"}, None),
    ],
)
def test_a_refund_that_differs_is_found_until_it_is_in_review(
    service: Service, tmp_path: Path, line: str, columns: dict[str, Any], words: str | None
) -> None:
    [payment_id] = paid(service)
    refund_of(service, payment_id, "r1", **columns)
    record = import_rows(service, tmp_path, own([portal_row("REFUNDR1", AT, "", line, **REVERSAL)]))
    with service.runtime.database.begin() as session:
        session.execute(text("UPDATE statements SET status = 'applied'"))
    found = list(statement_agrees_with_commands(service.runtime))
    assert [words in one.sentence for one in found] == ([] if words is None else [True])
    assert [record.id in one.sentence for one in found] == ([] if words is None else [True])
