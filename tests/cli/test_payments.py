"""The operators' commands for payments."""

import csv
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.payments import listing
from mpesa_service.payments.json_rows import EXPORTED
from tests.c2b.support import confirm
from tests.orders.support import add_order
from tests.support import Service
from tests.support.many import add_payments, ids, phone_of


def invoke(service: Service, *words: str) -> Any:
    runner = service.app.test_cli_runner()
    return runner.invoke(args=["mpesa", "payments", *words], env={"COLUMNS": "250"})


def run(service: Service, *words: str, code: int = 0) -> str:
    result = invoke(service, *words)
    assert result.exit_code == code, result.output
    return str(result.output)


class TestList:
    def test_everybodys_payments_page_by_page(self, service: Service) -> None:
        made = add_payments(service.runtime, 5, lambda n: {"owner": f"shop{n}"})
        first = json.loads(run(service, "list", "--limit", "3", "--json"))
        assert ids(first["data"]) == made[:1:-1]
        rest = json.loads(run(service, "list", "--after", first["next"], "--json"))
        assert (ids(rest["data"]), rest["next"]) == (made[1::-1], None)
        table = run(service, "list", "--limit", "3")
        assert "254700***004" in table
        assert "2026-11-01 09:04:00" in table
        assert f"More: --after {first['next']}" in table
        assert "More" not in run(service, "list")

    def test_the_apis_filters(self, service: Service) -> None:
        states = {1: "failed", 2: "review"}
        made = add_payments(service.runtime, 5, lambda n: {"status": states.get(n, "succeeded")})

        def found(*words: str) -> list[int]:
            data = json.loads(run(service, "list", "--json", *words))["data"]
            return [made.index(payment["_id"]) for payment in data]

        assert (
            found("--status", "failed", "--status", "review") == found("--status", "failed,review") == [2, 1]
        )
        assert found("--order", "ORDER3", "--provider", "mpesa") == [3]
        assert found("--receipt", "RECEIPT3") == [3]
        assert found("--phone", f"+{phone_of(3)}") == [3]
        assert found("--min-amount", "101", "--max-amount", "102") == [2, 1]
        assert found("--from", "2026-11-01T09:01", "--to", "2026-11-01T09:03") == [2, 1]

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (["--status", "paid"], "status: must be one of"),
            (["--from", "monday"], "from: Not a date"),
            (["--phone", "123"], "Invalid phone number format"),
            (["--after", "x"], "after: Not a `next` value"),
            (["--order", ""], "orderId must be 1 to 64"),
            (["--receipt", ""], "receipt: "),
            (["--min-amount", "-1"], "minAmount: must be a whole number."),
            (["--limit", "101"], "101 is not in the range"),
        ],
        ids=str,
    )
    def test_a_wrong_option_is_reported(self, service: Service, words: list[str], message: str) -> None:
        assert message in run(service, "list", *words, code=2)

    def test_ranges_go_forward(self, service: Service, tmp_path: Path) -> None:
        backwards = ("--from", "2026-11-02", "--to", "2026-11-01")
        assert "`from` must be before `to`." in run(service, "list", *backwards, code=1)
        file = tmp_path / "x.csv"
        assert "`from` must be before `to`." in run(service, "export", str(file), *backwards, code=1)
        assert list(tmp_path.glob("x.csv*")) == []
        assert "`from` must be before `to`." in run(service, "export", "-", *backwards, code=1)


class TestExport:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "BATCH", 3)

    def test_csv(self, service: Service, tmp_path: Path) -> None:
        made = add_payments(service.runtime, 10, lambda n: {"owner": f"shop{n}"})
        file = tmp_path / "payments.csv"
        assert f"Payments in {file}: 10." in run(service, "export", str(file))
        with file.open(newline="") as lines:
            rows = list(csv.DictReader(lines))
        assert list(rows[0]) == list(EXPORTED)
        assert ids(rows) == made[::-1]
        assert list(tmp_path.glob("*.part")) == []

    def test_jsonl_filters_and_a_summary_for_scripts(self, service: Service, tmp_path: Path) -> None:
        made = add_payments(service.runtime, 4)
        file = tmp_path / "payments.jsonl"
        words = ("--format", "jsonl", "--min-amount", "102", "--json")
        assert json.loads(run(service, "export", str(file), *words).splitlines()[-1]) == {
            "file": str(file),
            "payments": 2,
        }
        assert ids(json.loads(line) for line in file.read_text().splitlines()) == made[:1:-1]

    def test_to_standard_output(self, service: Service) -> None:
        made = add_payments(service.runtime, 4)
        lines = invoke(service, "export", "-", "--format", "jsonl").stdout.splitlines()
        assert ids(json.loads(line) for line in lines) == made[::-1]

    def test_a_file_that_is_there_stays_unless_forced(self, service: Service, tmp_path: Path) -> None:
        file = tmp_path / "payments.csv"
        file.write_text("mine")
        assert "already exists" in run(service, "export", str(file), code=1)
        assert file.read_text() == "mine"
        run(service, "export", str(file), "--force")
        assert file.read_text() == ",".join(EXPORTED) + "\n"

    def test_stopped_half_way_the_file_has_another_name(
        self, service: Service, tmp_path: Path, listen: Any
    ) -> None:
        add_payments(service.runtime, 10)
        file = tmp_path / "payments.jsonl"
        pages = []

        def press_ctrl_c(_c: Any, _cur: Any, statement: str, *_: Any) -> None:
            pages.append("LIMIT" in statement)
            if sum(pages) == 3:
                signal.raise_signal(signal.SIGINT)

        listen(service.runtime.database.engine, "before_cursor_execute", press_ctrl_c)
        result = invoke(service, "export", str(file), "--format", "jsonl")
        assert result.exit_code == 1
        part = tmp_path / "payments.jsonl.part"
        assert f"The export is not complete. The rows so far are in {part}." in result.stderr
        assert not file.exists()
        assert len(part.read_text().splitlines()) == 6


class TestEvents:
    def test_in_words(self, service: Service) -> None:
        checkout = service.paid()
        service.refund(checkout, 40)
        table = run(service, "events", service.row(checkout).id)
        assert "The money arrived." in table
        assert "A refund was requested, and its amount is reserved." in table
        [*_, last] = json.loads(run(service, "events", checkout, "--json"))
        assert (last["cause"], last["refund"]) == ("refund_accepted", service.refunds()[0].id)

    def test_moves_have_their_orders_and_reasons(self, service: Service) -> None:
        for order in ("ORDER1", "ORDER2"):
            add_order(service, order)
        confirm(service)
        payment = service.payments()[0].id
        for where in (("--order", "ORDER2"), ("--to-unmatched",)):
            run(service, "move", payment, *where, "--by", "amina", "--reason", f"reason for {where[-1]}")
        table = run(service, "events", payment)
        for cell in ("from ORDER1 to ORDER2", "reason for ORDER2", "from ORDER2 to unmatched"):
            assert f"│ {cell} " in table
        invoke_match = service.app.test_cli_runner().invoke
        words = ("match", payment, "ORDER1", "--by", "amina", "--reason", "he called")
        assert invoke_match(args=["mpesa", "unmatched", *words]).exit_code == 0
        found = json.loads(run(service, "events", payment, "--json"))
        moved = [one for one in found if one["cause"] in {"moved", "match_undone", "matched"}]
        assert [(one["previousOrderId"], one["orderId"], one["reason"]) for one in moved] == [
            ("ORDER1", "ORDER2", "reason for ORDER2"),
            ("ORDER2", None, "reason for --to-unmatched"),
            (None, "ORDER1", "he called"),
        ]
        shown = service.call("GET", f"/payments/{payment}/events", by="boss", admin=True).json["data"]
        assert {"reason", "orderId", "previousOrderId"}.isdisjoint(shown[-1])

    def test_of_nothing(self, service: Service) -> None:
        assert "There is no payment with the id, receipt or order id nothing." in run(
            service, "events", "nothing", code=1
        )
