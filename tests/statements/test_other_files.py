"""Files of one account that contradict each other, balances that do not follow, and withdrawn files."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.errors import Conflict
from mpesa_service.operations.waiting import what_waits
from mpesa_service.statements.applying import request_apply
from mpesa_service.statements.coverage import coverage
from mpesa_service.statements.records import StatementRecord
from mpesa_service.statements.report import compare
from mpesa_service.statements.withdrawing import withdraw_statement
from mpesa_service.verification.statements import statements_do_not_contradict
from tests.cli.test_unmatched import run, run_json
from tests.statements.files import as_csv, charge_row, portal_row
from tests.statements.support import BOSS, import_rows, own, running
from tests.statements.test_applying import applied
from tests.support import Service

ONE, TWO, THREE = ((f"UK1EXAMPL{n}", f"0{n}-11-2026 10:00:00", {"paid_in": f"{n}00.00"}) for n in (1, 2, 3))
MORE = (TWO[0], TWO[1], {"paid_in": "250.00"})


@pytest.fixture(autouse=True)
def later(service: Service) -> None:
    service.clock.now = datetime(2026, 12, 1, tzinfo=UTC)


def of(service: Service, tmp_path: Path, name: str, *changes: Any, **labels: str) -> StatementRecord:
    service.clock.advance(1)  # statements of one millisecond have no order
    return import_rows(service, tmp_path, own(running(*changes), **labels), name)


def against(service: Service, record: StatementRecord) -> list[tuple[str, Any]]:
    """Return what a statement says against others, and the receipts, as of now."""
    found = compare(service.runtime, record).report["otherFiles"]
    return [
        (
            one["what"],
            [(each["receipt"], each["cents"], each["otherCents"]) for each in one["receipts"]],
        )
        for one in found
    ]


def violations(service: Service) -> list[str]:
    return [one.sentence for one in statements_do_not_contradict(service.runtime)]


def doctor(service: Service) -> list[str]:
    return [found for what, found, _ in what_waits(service.runtime) if what == "statements"]


def test_a_line_that_only_one_file_has_is_shown_everywhere(service: Service, tmp_path: Path) -> None:
    false = applied(service, of(service, tmp_path, "false.csv", ONE, TWO, THREE))
    assert (violations(service), doctor(service)) == ([], [])
    true = of(service, tmp_path, "true.csv", ONE, THREE)
    assert against(service, true) == [("mismatch", [("UK1EXAMPL2", None, 20_000)])]
    assert against(service, false) == [("mismatch", [("UK1EXAMPL2", 20_000, None)])]
    [sentence] = violations(service)
    assert f"contradicts statement {true.id} (true.csv) of the same account: 1 receipt is" in sentence
    assert "UK1EXAMPL2 (200.00 here, not there)" in sentence
    assert sentence in doctor(service)[0]
    text = run(service, "statements", "show", true.id)
    assert "MISMATCH: It contradicts" in text
    assert "UK1EXAMPL2 (not here, 200.00 there)" in text


def test_another_amount_is_shown_once(service: Service, tmp_path: Path) -> None:
    applied(service, of(service, tmp_path, "first.csv", ONE, TWO))
    other = of(service, tmp_path, "other.csv", ONE, MORE)
    assert against(service, other) == [("mismatch", [("UK1EXAMPL2", 25_000, 20_000)])]


def test_another_charge_is_shown(service: Service, tmp_path: Path) -> None:
    payment = portal_row(ONE[0], ONE[1], "100.00", "", "100.00")
    for name, charge, balance in (("a.csv", "-5.00", "95.00"), ("b.csv", "-6.00", "94.00")):
        rows = own([payment, charge_row(ONE[0], ONE[1], charge, balance)])
        record = import_rows(service, tmp_path, rows, name)
    assert against(service, record) == [("mismatch", [("UK1EXAMPL1", -600, -500)])]


def test_many_receipts_are_counted_and_some_are_named(service: Service, tmp_path: Path) -> None:
    applied(service, of(service, tmp_path, "one.csv", ONE))
    rows = [(f"UK2EXAM{n:03}", TWO[1], {"paid_in": "1.00"}) for n in range(120)]
    other = of(service, tmp_path, "many.csv", ONE, *rows)
    [found] = other.report["otherFiles"]
    assert (found["count"], len(found["receipts"])) == (100, 100)
    assert "100 receipts or more are not the same" in found["sentence"]
    assert found["sentence"].count("UK2EXAM") == 5


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ((ONE, TWO, THREE), {}),  # the same lines
        ((ONE,), {"Account:": "Merchant Account"}),
        ((ONE,), {"Short Code:": "600999"}),
        ((ONE,), {"To": "01-11-2026 23:59:59"}),  # another time
        ((ONE, THREE), {"Closing Balance:": "1.00"}),  # a broken balance
        ((TWO,), {"From": "", "To": ""}),  # other money of the same second may be left out
        ((("UK1EXAMPL1", ONE[1], {}),), {}),  # not understood
    ],
)
def test_files_that_need_not_have_the_same_lines(
    service: Service, tmp_path: Path, changes: Any, labels: dict[str, str]
) -> None:
    applied(service, of(service, tmp_path, "first.csv", ONE, TWO, THREE, To="10-11-2026 23:59:59"))
    other = of(service, tmp_path, "other.csv", *changes, **labels)
    assert against(service, other) == []
    assert violations(service) == []


def test_files_that_are_not_applied_are_no_violation(service: Service, tmp_path: Path) -> None:
    of(service, tmp_path, "first.csv", ONE, TWO)
    other = of(service, tmp_path, "other.csv", ONE)
    assert [what for what, _ in against(service, other)] == ["mismatch"]
    assert (violations(service), doctor(service)) == ([], [])


def test_an_opening_balance_that_is_not_the_closing_balance_before_is_shown(
    service: Service, tmp_path: Path
) -> None:
    first = of(service, tmp_path, "first.csv", ONE, To="01-11-2026 23:59:59")
    rows = [portal_row(TWO[0], TWO[1], "200.00", "", "305.00")]
    second = import_rows(service, tmp_path, own(rows, From="02-11-2026 00:00:00"), "second.csv")
    [found] = second.report["otherFiles"]
    assert (found["what"], found["statementId"]) == ("balance", first.id)
    assert "opening balance of Utility Account is 105.00" in found["sentence"]
    assert "closes with 100.00" in found["sentence"]
    [found] = compare(service.runtime, first).report["otherFiles"]
    assert "closing balance of Utility Account is 100.00" in found["sentence"]
    assert "opens with 105.00" in found["sentence"]
    applied(service, second)
    assert violations(service) == []
    assert "Balance: Its opening balance" in run(service, "statements", "show", second.id)


def test_balances_that_follow_are_no_finding(service: Service, tmp_path: Path) -> None:
    of(service, tmp_path, "first.csv", ONE, To="01-11-2026 23:59:59")
    rows = [portal_row(TWO[0], TWO[1], "200.00", "", "300.00")]
    day = {"From": "02-11-2026 00:00:00", "To": "02-11-2026 23:59:59"}
    second = import_rows(service, tmp_path, own(rows, **day), "second.csv")
    rows = [portal_row(THREE[0], "05-11-2026 10:00:00", "300.00", "", "900.00")]
    third = import_rows(service, tmp_path, own(rows, From="04-11-2026 00:00:00"), "third.csv")
    assert (second.report["otherFiles"], third.report["otherFiles"]) == ([], [])  # the third begins later


def test_a_file_that_is_withdrawn_proves_and_contradicts_nothing(service: Service, tmp_path: Path) -> None:
    false = applied(service, of(service, tmp_path, "false.csv", ONE, TWO, THREE))
    true = of(service, tmp_path, "true.csv", ONE, THREE)
    text = run(service, "statements", "withdraw", false.id, "--by", "amina", "--reason", "not in the portal")
    assert "applied, withdrawn by operator:amina: not in the portal" in text
    assert "not checked, because it was withdrawn" in text
    assert (violations(service), doctor(service), coverage(service.runtime)) == ([], [], [])
    assert against(service, true) == []
    assert compare(service.runtime, true).report["absent"]["count"] == 1
    record = request_apply(service.runtime, BOSS, false.id)
    assert (record.withdrawn_at, record.withdrawal_reason) == (None, None)
    with pytest.raises(Conflict) as caught:
        withdraw_statement(service.runtime, BOSS, false.id, "again")
    assert caught.value.code == "statement_in_progress"


def test_a_withdrawal_in_the_api(service: Service, tmp_path: Path) -> None:
    made = run_json(
        service, "statements", "import", str(as_csv(tmp_path / "a", own(running(ONE)))), "--by", "amina"
    )
    path = f"/statements/{made['_id']}/withdraw"
    answer = service.call("POST", path, {"reason": " wrong file "}, by="boss", admin=True)
    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["withdrawnBy"], data["withdrawalReason"]) == ("boss", "wrong file")
    assert service.call("POST", path, {}, by="boss", admin=True).json["code"] == "invalid_request"
    missing = service.call("POST", "/statements/nothing/withdraw", {"reason": "x"}, by="boss", admin=True)
    assert missing.status_code == 404
