"""The operators' commands for money that fits no order, and for the rules of validation."""

import json
from typing import Any

import pytest

from tests.c2b.support import MASKED, confirm, order_row
from tests.orders.support import add_order
from tests.refunds.reversals import complete
from tests.review.test_unmatched import waits
from tests.review.test_unmatched_returns import payment as unmatched_payment
from tests.support import Service

c2b_payment = unmatched_payment
WHO = ("--by", "amina", "--reason", "he called")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """What the commands do is tested on both databases elsewhere."""
    return sqlite_url


def run(service: Service, *words: str, code: int = 0) -> str:
    runner = service.app.test_cli_runner()
    result = runner.invoke(args=["mpesa", *words], env={"COLUMNS": "240"})
    assert result.exit_code == code, result.output
    return str(result.output)


def run_json(service: Service, *words: str, code: int = 0) -> Any:
    """Return what a command prints on standard output, as JSON."""
    result = service.app.test_cli_runner().invoke(args=["mpesa", *words, "--json"])
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


class TestUnmatched:
    def test_list(self, service: Service) -> None:
        payment = waits(service, typed="ORDER11")
        add_order(service)
        text = run(service, "unmatched", "list")
        assert payment in text
        assert "ORDER1 (65: reference one typo away, amount equal)" in text
        assert MASKED in text
        assert text.endswith("1 unmatched\n")
        [one] = run_json(service, "unmatched", "list", "--limit", "5")
        assert one["suggestions"][0]["orderId"] == "ORDER1"
        assert run_json(service, "unmatched", "list", "--after", payment) == []

    @pytest.mark.parametrize("in_json", [True, False])
    def test_match(self, service: Service, *, in_json: bool) -> None:
        payment = waits(service)
        add_order(service)
        words = ("unmatched", "match", payment, "ORDER1", *WHO)
        if in_json:
            assert run_json(service, *words)["orderId"] == "ORDER1"
        else:
            assert f"{payment} is succeeded, order ORDER1" in run(service, *words)
        assert order_row(service).status == "paid"
        assert service.events(payment)[2].actor == "operator:amina"
        assert "Error: This payment is not unmatched" in run(service, *words, code=1)

    @pytest.mark.parametrize(
        "words",
        [
            ("match", "PAYMENT", "no//order", *WHO),
            ("match", "PAYMENT", "ORDER1", "--by", "amina", "--reason", ""),
            ("return", "PAYMENT", "--by", "amina", "--reason", "a" * 501),
            ("list", "--after", "what"),
        ],
        ids=lambda words: " ".join(words)[:30],
    )
    def test_what_the_api_refuses_is_refused_here(self, service: Service, words: tuple[str, ...]) -> None:
        payment = waits(service)
        run(service, "unmatched", *(payment if word == "PAYMENT" else word for word in words), code=2)
        assert len(run_json(service, "unmatched", "list")) == 1

    def test_return(self, service: Service, c2b_payment: str) -> None:
        words = ("unmatched", "return", c2b_payment, *WHO)
        assert "of 100 shillings is pending" in run(service, *words)
        complete(service)
        assert service.row(c2b_payment).status == "refunded"
        assert "Error: This payment is not unmatched" in run(service, *words, code=1)

    def test_return_for_scripts(self, service: Service, c2b_payment: str) -> None:
        rules = run_json(service, "unmatched", "return", c2b_payment, *WHO)
        assert (rules["method"], rules["status"]) == ("reversal", "pending")

    @pytest.mark.parametrize("in_json", [True, False])
    def test_a_return_that_is_refused(self, service: Service, c2b_payment: str, *, in_json: bool) -> None:
        service.simulator.post("/simulator/options", {"shortcode": "600000"})
        words = ("unmatched", "return", c2b_payment, *WHO)
        if in_json:
            assert run_json(service, *words, code=1)["code"]
        else:
            assert "The payment was not reversed" in run(service, *words, code=1)
        assert "1 unmatched" in run(service, "unmatched", "list")


class TestCents:
    @pytest.fixture
    def money(self, service: Service) -> str:
        confirm(service, TransAmount="100.50", BillRefNumber="Rent")
        [one] = run_json(service, "unmatched", "list")
        return str(one["_id"])

    def test_list(self, service: Service, money: str) -> None:
        text = run(service, "unmatched", "list")
        assert money in text
        assert "100.50" in text
        assert "an order has no cents: return the money by hand, then: mpesa unmatched close ID" in text

    @pytest.mark.parametrize("in_json", [True, False])
    def test_close(self, service: Service, money: str, *, in_json: bool) -> None:
        words = ("unmatched", "close", money, *WHO)
        if in_json:
            assert run_json(service, *words)["closedBy"] == "operator:amina"
        else:
            assert f"{money} of 100.50 shillings is closed" in run(service, *words)
        assert run_json(service, "unmatched", "list") == []
        assert "Error: Somebody has closed it before." in run(service, *words, code=1)


class TestRules:
    def test_show_and_set(self, service: Service) -> None:
        assert "reference  open\namount     any\nunsure     accept\n" in run(service, "c2b-rules", "show")
        text = run(service, "c2b-rules", "set", "--reference", "known", "--amount", "exact", "--by", "amina")
        assert "shortcode  174379, set by operator:amina on 2026-11-22 12:00:00" in text
        rules = run_json(service, "c2b-rules", "set", "--unsure", "reject", "--by", "otieno")
        assert (rules["referenceRule"], rules["amountRule"], rules["whenUnsure"]) == (
            "known",
            "exact",
            "reject",
        )
        assert run_json(service, "c2b-rules", "show")["updatedBy"] == "operator:otieno"

    def test_something_must_be_named(self, service: Service) -> None:
        assert "Name a rule to change" in run(service, "c2b-rules", "set", "--by", "amina", code=2)
