"""The operators' commands for expected orders."""

import json
from typing import Any

import pytest

from tests.c2b.support import confirm
from tests.orders.support import add_order
from tests.support import Service


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the commands do is tested on both databases elsewhere."""
    return sqlite_url


def run(service: Service, *words: str, code: int = 0) -> str:
    runner = service.app.test_cli_runner()
    result = runner.invoke(args=["mpesa", "orders", *words], env={"COLUMNS": "240"})
    assert result.exit_code == code, result.output
    return str(result.output)


def run_json(service: Service, *words: str) -> Any:
    text = run(service, *words, "--json")
    return json.loads("\n".join(line for line in text.splitlines() if not line.startswith('{"level"')))


def cells(text: str) -> list[list[str]]:
    """Return a table's lines, without its head and frame."""
    lines = [line for line in text.splitlines() if line.startswith("│")]
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in lines]


class TestRegister:
    WORDS = ("register", "ORDER-1001", "2500", "--owner", "shop")

    def test_is_the_shops_and_the_same_again_changes_nothing(self, service: Service) -> None:
        more = ("--expires", "2026-11-30T18:00", "--amount-rule", "exact")
        text = run(service, *self.WORDS, *more)
        row = [
            "ORDER-1001",
            "71C270BR1001",
            "shop",
            "open",
            "2,500.00",
            "0.00",
            "2,500.00",
            "0.00",
            "2026-11-30 18:00:00",
        ]
        assert cells(text) == [row]
        assert text.endswith("The order is registered.\n")
        assert run(service, *self.WORDS, *more).endswith("The order was registered before.\n")
        seen = service.call("GET", "/orders/ORDER-1001").json["data"]
        assert (seen["amountDue"], seen["amountRule"]) == (2500, "exact")
        assert seen["expiresAt"] == "2026-11-30T18:00:00.000+03:00"

    def test_a_date_includes_its_day(self, service: Service) -> None:
        text = run(service, *self.WORDS, "--expires", "2026-11-22")
        assert cells(text)[0][-1] == "2026-11-23 00:00:00"
        assert "A date includes that day" in run(service, "register", "--help")
        service.clock.advance(12 * 3600 - 1)
        assert cells(run(service, "show", "ORDER-1001"))[0][3] == "open"
        service.clock.advance(1)
        assert cells(run(service, "show", "ORDER-1001"))[0][3] == "expired"

    def test_for_scripts(self, service: Service) -> None:
        row = run_json(service, *self.WORDS)
        assert (row["orderId"], row["status"], row["expiresAt"]) == ("ORDER-1001", "open", None)

    @pytest.mark.parametrize(
        ("words", "sentence", "code"),
        [
            (("register", "ORDER 1 ", "100", "--owner", "shop"), "orderId", 2),
            ((*WORDS, "--expires", "tomorrow"), "expiresAt", 2),
            ((*WORDS, "--expires", "2020-01-01"), "Error: expiresAt is in the past.", 1),
            (("register", "ORDER1", "0", "--owner", "shop"), "Error: ", 2),
            (("register", "ORDER1", "10000001", "--owner", "shop"), "Error: ", 2),
            (("register", "ORDER1", "100.50", "--owner", "shop"), "not a valid integer", 2),
            (("register", "ORDER1", "100"), "Missing option '--owner'", 2),
        ],
    )
    def test_says_what_is_wrong(
        self, service: Service, words: tuple[str, ...], sentence: str, code: int
    ) -> None:
        assert sentence in run(service, *words, code=code)

    def test_an_order_that_is_registered_with_other_terms(self, service: Service) -> None:
        run(service, *self.WORDS)
        other = ("register", "ORDER-1001", "2600", "--owner", "shop")
        assert "Error: This order is already registered" in run(service, *other, code=1)


class TestShow:
    def test_what_is_due_what_has_come_and_by_which_payments(self, service: Service) -> None:
        run(service, "register", "ORDER1", "250", "--owner", "shop")
        confirm(service)
        [order, payment] = cells(run(service, "show", "ORDER1"))
        assert order[3:8] == ["partially_paid", "250.00", "100.00", "150.00", "0.00"]
        assert payment[2:] == ["succeeded", "100.00", "0.00", "2547 ***** 678", "RKL51ZDR4F"]
        row = run_json(service, "show", "ORDER1")
        assert (row["missingAmount"], row["payments"][0]["mpesaReceiptNumber"]) == (150, "RKL51ZDR4F")

    def test_one_without_payments_has_no_second_table(self, service: Service) -> None:
        add_order(service)
        assert len(cells(run(service, "show", "ORDER1"))) == 1

    def test_none(self, service: Service) -> None:
        assert "Error: There is no such expected order." in run(service, "show", "ORDER1", code=1)


class TestList:
    def test_everybodys_newest_first_page_by_page(self, service: Service) -> None:
        for number in range(3):
            service.clock.advance(1)
            run(service, "register", f"ORDER{number}", "100", "--owner", f"shop{number}")
        first = run_json(service, "list", "--limit", "2")
        assert [order["orderId"] for order in first] == ["ORDER2", "ORDER1"]
        assert "payments" not in first[0]
        text = run(service, "list", "--limit", "2")
        assert [line[2] for line in cells(text)] == ["shop2", "shop1"]
        assert text.endswith(f"More: --before {first[-1]['_id']}\n")
        rest = run(service, "list", "--before", first[-1]["_id"])
        assert [line[0] for line in cells(rest)] == ["ORDER0"]
        assert "More" not in rest

    def test_of_one_status(self, service: Service) -> None:
        add_order(service, "ORDER1", status="partially_paid", received_amount=40)
        add_order(service, "ORDER2")
        [one] = run_json(service, "list", "--status", "partially_paid")
        assert (one["orderId"], one["receivedAmount"], one["missingAmount"]) == ("ORDER1", 40, 60)
        assert run_json(service, "list", "--status", "paid") == []
