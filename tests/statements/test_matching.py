"""A statement beside the record: what agrees, what is missing on either side, what differs."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from mpesa_service.models import Payment, Refund
from mpesa_service.statements.absent import absent_from, proof_of
from mpesa_service.statements.report import compare
from tests.c2b.support import confirm
from tests.statements.files import charge_row, portal_row
from tests.statements.support import import_rows, imported, outcomes, own, running
from tests.support import Service
from tests.support.many import add_payments
from tests.support.rows import add, confirmation_row

AT = "01-11-2026 10:00:00"
PAID_AT = datetime(2026, 11, 1, 7, tzinfo=UTC)


def paid(service: Service, count: int = 1, **columns: Any) -> list[str]:
    """Store paid payments with the receipts RECEIPT0, RECEIPT1 … of 100, 101 … shillings."""
    return add_payments(service.runtime, count, lambda _: dict(columns))


def row(receipt: str, paid_in: str = "100.00", **more: Any) -> list[Any]:
    return portal_row(receipt, more.pop("at", AT), paid_in, **more)


def test_lines_agree_with_payments(service: Service, tmp_path: Path) -> None:
    paid(service, 2)
    rows = own([row("RECEIPT0"), row("RECEIPT1", "101.00"), charge_row("RECEIPT1", AT, "-5.00", "")])
    record = import_rows(service, tmp_path, rows)
    assert outcomes(record) == {"agrees": 2, "own": 1}
    assert record.report["alsoPosted"] == 2
    assert record.report["kinds"][1] == {
        "kind": "payment",
        "outcome": "agrees",
        "lines": 2,
        "paidInCents": 20_100,
        "withdrawnCents": 0,
    }


def test_income_that_is_not_known_is_missing_here(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, own([row("UK1EXAMPL1"), row("UK1EXAMPL2", kind="x")]))
    assert outcomes(record) == {"missing": 2}
    assert [one["receipt"] for one in record.report["missing"]] == ["UK1EXAMPL1", "UK1EXAMPL2"]
    assert record.report["missing"][0]["cents"] == 10_000


@pytest.mark.parametrize(
    ("line", "columns"),
    [
        (row("RECEIPT0", "90.00"), {}),
        (row("RECEIPT0"), {"status": "failed"}),
        (portal_row("RECEIPT0", AT, "", "-100.00", type="Business Payment to Customer"), {}),
    ],
)
def test_another_amount_status_or_direction_differs(
    service: Service, tmp_path: Path, line: list[Any], columns: dict[str, Any]
) -> None:
    [payment_id] = paid(service, **columns)
    record = import_rows(service, tmp_path, own([line]))
    assert outcomes(record) == {"differs": 1}
    [one] = record.report["differing"]
    assert (one["ourId"], one["ourCents"]) == (payment_id, 10_000)


def test_money_that_was_reported_and_is_not_booked_is_known(service: Service, tmp_path: Path) -> None:
    confirm(service, TransID="UK1EXAMPL1", TransAmount="100.50")
    add(service.runtime.database, confirmation_row("UK1EXAMPL2"))
    rows = [row("UK1EXAMPL1", "100.50"), row("UK1EXAMPL2"), row("UK1EXAMPL2", "99.00")]
    record = import_rows(service, tmp_path, own(rows))
    assert outcomes(record) == {"reported": 2, "differs": 1}


def test_a_payer_whose_name_contains_charge_is_income(service: Service, tmp_path: Path) -> None:
    rows = [
        row("UK1EXAMPL1", type="", details="Pay Bill by FAST RECHARGE LTD Acc. 7"),
        portal_row("UK1EXAMPL2", AT, "", "-5.00", type="", details="Pay Bill Charge", party="CHARGE NJERI"),
        row("UK1EXAMPL3", type="Pay Bill", details="Pay Bill from CHARGE NJERI"),
    ]
    assert outcomes(import_rows(service, tmp_path, own(rows))) == {"missing": 2, "own": 1}


def test_sweeps_are_never_income(service: Service, tmp_path: Path) -> None:
    odd = {"type": "", "details": "Pay Bill moved", "party": ""}
    rows = [
        portal_row(
            "UK1EXAMPL1",
            AT,
            "900.00",
            "",
            type="",
            details="Utility Account to Organization Settlement Account",
        ),
        portal_row("UK1EXAMPL2", AT, "50.00", "", **odd),
        portal_row("UK1EXAMPL2", AT, "", "-50.00", **odd),
        portal_row("UK1EXAMPL3", AT, "", "-9.00", type="Withdrawal", details="Withdrawal to bank"),
    ]
    record = import_rows(service, tmp_path, own(rows))
    assert outcomes(record) == {"elsewhere": 1, "own": 3}


def test_lines_that_failed_or_are_unknown_are_not_income(service: Service, tmp_path: Path) -> None:
    unknown = {"type": "Something new", "details": "new"}
    rows = [row("UK1EXAMPL1", status="Failed"), row("UK1EXAMPL2", **unknown), row("RECEIPT0", **unknown)]
    paid(service)
    record = import_rows(service, tmp_path, own(rows))
    assert outcomes(record) == {"agrees": 1, "unclear": 1, "not_completed": 1}
    assert record.not_completed_count == 1
    assert [one["receipt"] for one in record.report["unclear"]] == ["UK1EXAMPL2"]


def refund_of(service: Service, payment_id: str, name: str, **columns: Any) -> None:
    """Store a refund of 100 shillings that succeeded."""
    hashes = {f"{part}_token_hash": f"{part}-{name}" for part in ("result", "timeout", "status")}
    row = {
        "id": name,
        "payment_id": payment_id,
        "originator_conversation_id": f"originator-{name}",
        "conversation_id": f"conversation-{name}",
        "method": "reversal",
        "amount": 100,
        "reserved_amount": 0,
        "status": "succeeded",
        "receipt": f"REFUND{name}".upper(),
        "requested_by": "boss",
        "created_at": PAID_AT,
        "updated_at": PAID_AT,
        "completed_at": PAID_AT + timedelta(seconds=5),
        **hashes,
        **columns,
    }
    with service.runtime.database.begin() as session:
        session.add(Refund(**row))


REVERSAL = {"type": "", "details": r"Pay Utility Reversal by Example\api", "party": ""}


def test_refunds_agree_by_the_receipt_of_their_own_result(service: Service, tmp_path: Path) -> None:
    [payment_id] = paid(service)
    refund_of(service, payment_id, "r1")
    rows = [portal_row("REFUNDR1", AT, "", "-100.00", **REVERSAL)]
    assert outcomes(import_rows(service, tmp_path, own(rows))) == {"agrees": 1}
    rows = [portal_row("REFUNDR1", AT, "", "-90.00", **REVERSAL)]
    record = import_rows(service, tmp_path, own(rows), "t.csv")
    assert outcomes(record) == {"differs": 1}


def test_a_reversal_without_our_receipt_gets_a_suggestion(service: Service, tmp_path: Path) -> None:
    first, second = paid(service, 2)
    refund_of(service, first, "r1", receipt=None, status="unknown")
    refund_of(service, second, "r2", receipt=None, status="review", created_at=PAID_AT - timedelta(days=2))
    rows = [
        portal_row("UK1EXAMPL1", AT, "", "-100.00", **REVERSAL),
        portal_row("UK1EXAMPL2", AT, "", "-100.00", linked="RECEIPT1", **REVERSAL),
        portal_row("UK1EXAMPL3", AT, "", "-100.50", **REVERSAL),
        portal_row("UK1EXAMPL4", AT, "", "-70.00", **REVERSAL),
        portal_row("UK1EXAMPL5", AT, "", "-70.00", type="Business Payment to Customer", details="x"),
    ]
    record = import_rows(service, tmp_path, own(rows))
    assert outcomes(record) == {"elsewhere": 5}
    found = {one["receipt"]: one["suggestedRefundId"] for one in record.report["elsewhere"]}
    assert list(found.values()) == ["r1", "r2", None, None, None]


class TestMissingThere:
    """Our paid payment that the statement does not show."""

    def rows(self) -> list[list[Any]]:
        return own(running(("RECEIPT0", AT, {"paid_in": "100.00"}), ("UK1EXAMPL2", AT, {"paid_in": "5.00"})))

    def test_is_listed_within_the_proven_period(self, service: Service, tmp_path: Path) -> None:
        ids = paid(service, 3)
        with service.runtime.database.begin() as session:
            after = datetime(2026, 12, 1, tzinfo=UTC)
            session.execute(update(Payment).where(Payment.id == ids[2]).values(paid_at=after))
        absent = import_rows(service, tmp_path, self.rows()).report["absent"]
        assert (absent["checked"], absent["count"], absent["cents"]) == (True, 1, 10_100)
        assert absent["rows"][0] == {
            "what": "payment",
            "id": ids[1],
            "receipt": "RECEIPT1",
            "cents": 10_100,
            "at": absent["rows"][0]["at"],
            "shownBy": None,
        }

    def test_refunds_are_listed_too(self, service: Service, tmp_path: Path) -> None:
        [payment_id] = paid(service)
        refund_of(service, payment_id, "r1")
        refund_of(service, payment_id, "r2", receipt=None, status="failed")
        service.clock.advance(10 * 24 * 3600)
        absent = import_rows(service, tmp_path, self.rows()).report["absent"]
        assert [(one["what"], one["id"]) for one in absent["rows"]] == [("refund", "r1")]

    def test_money_of_another_shortcode_is_not(self, service: Service, tmp_path: Path) -> None:
        paid(service, 2)
        add(service.runtime.database, confirmation_row("RECEIPT1", shortcode="600999"))
        assert import_rows(service, tmp_path, self.rows()).report["absent"]["count"] == 0

    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            (own([row("RECEIPT0")]), "it has no balances"),
            (
                own([row("RECEIPT0", balance="100.00"), row("UK1EXAMPL2", "", balance="100.00")]),
                "some of its rows were not understood",
            ),
            (
                own([row("RECEIPT0", balance="1.00"), row("UK1EXAMPL2", balance="5.00")]),
                "its running balance is broken",
            ),
            (
                own([row("RECEIPT0", balance="100.00")], **{"Account:": "Working Account"}),
                "customers do not pay into this account",
            ),
            (
                own([row("RECEIPT0", balance="100.00")], **{"Short Code:": "600999"}),
                "the shortcode is not the one of this service",
            ),
        ],
    )
    def test_is_not_listed_without_proof(
        self, service: Service, tmp_path: Path, rows: list[list[Any]], reason: str
    ) -> None:
        paid(service, 2)
        absent = import_rows(service, tmp_path, rows).report["absent"]
        assert (absent["checked"], absent["count"], absent["reason"]) == (False, 0, reason)

    def test_lines_prove_the_time_between_them(self, service: Service, tmp_path: Path) -> None:
        paid(service, 4, created_at=PAID_AT, completed_at=PAID_AT)
        first = portal_row("RECEIPT0", "01-11-2026 09:00:00", "100.00", "", "100.00")
        last = portal_row("RECEIPT1", "01-11-2026 11:00:00", "101.00", "", "201.00")
        record = import_rows(service, tmp_path, own([first, last], From="", To=""))
        assert record.period_from is None
        assert record.report["absent"]["count"] == 2


def test_an_empty_statement_has_nothing_to_compare(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, own([]))
    assert (outcomes(record), record.report["absent"]["reason"]) == ({}, "it has no lines")
    proof = proof_of(service.runtime, record)
    assert absent_from(service.runtime, record, proof, 10) == []


def test_a_comparison_sees_what_changed_meanwhile(service: Service, tmp_path: Path) -> None:
    record = import_rows(service, tmp_path, own([row("RECEIPT0")]))
    assert outcomes(record) == {"missing": 1}
    paid(service)
    assert outcomes(compare(service.runtime, record)) == {"agrees": 1}


def test_lines_of_an_earlier_file_belong_to_the_later_one_too(service: Service, tmp_path: Path) -> None:
    import_rows(service, tmp_path, own([row("UK1EXAMPL1"), row("UK1EXAMPL2", at="05-11-2026 10:00:00")]))
    later = import_rows(service, tmp_path, own([row("UK1EXAMPL1"), row("UK1EXAMPL3")]), "t.csv")
    assert (later.new_count, outcomes(later)) == (1, {"missing": 2})
    assert imported(service, tmp_path / "t.csv").id == later.id
