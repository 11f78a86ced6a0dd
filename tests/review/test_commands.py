"""Payments and refunds in review: a person decides, on the command line."""

from typing import Any

import pytest

from tests.refunds.support import complete
from tests.refunds.test_results import result, result_token
from tests.review.support import to_review
from tests.support import Service


class TestCommands:
    def run(self, service: Service, *words: str) -> Any:
        return service.app.test_cli_runner().invoke(args=["mpesa", *words])

    def test_list(self, service: Service) -> None:
        checkout = to_review(service, service.pending())
        assert "1 waiting" in self.run(service, "review", "list").output
        assert service.row(checkout).id in self.run(service, "review", "list", "--json").output

    def test_settle_and_fail(self, service: Service) -> None:
        first = service.row(to_review(service, service.pending(order="A"))).id
        second = service.row(to_review(service, service.pending(order="B", phone="254722000001"))).id
        why = ("--by", "amina", "--reason", "statement")
        assert "succeeded" in self.run(service, "review", "settle", first, *why).output
        assert "failed" in self.run(service, "review", "fail", second, *why).output
        assert service.events(first)[-1].actor == "operator:amina"
        again = self.run(service, "review", "fail", second, *why)
        assert again.exit_code == 1
        assert "in review" in again.output

    def test_another_amount(self, service: Service) -> None:
        first = service.row(to_review(service, service.pending(order="A", amount=100))).id
        second = service.row(to_review(service, service.paid(order="B", phone="254722000001"))).id
        why = ("--by", "amina", "--reason", "statement", "--amount", "70")
        assert "succeeded" in self.run(service, "review", "settle", first, *why).output
        assert service.payment(first)["amount"] == 70
        assert "of 70 shillings is pending" in self.run(service, "review", "refund", second, *why).output
        assert self.run(service, "review", "settle", first, *why[:5], "0").exit_code == 2

    @pytest.mark.parametrize(
        "words",
        [
            ("settle", "--reason", ""),
            ("settle", "--reason", "a" * 501),
            ("settle", "--reason", "seen", "--receipt", "bad"),
            ("settle", "--reason", "seen", "--receipt", ""),
            ("fail", "--reason", ""),
            ("refund", "--reason", ""),
        ],
        ids=lambda words: " ".join(words)[:30],
    )
    def test_what_the_api_refuses_is_refused_here(self, service: Service, words: tuple[str, ...]) -> None:
        payment = service.row(to_review(service, service.pending())).id
        result = self.run(service, "review", words[0], payment, "--by", "amina", *words[1:])
        assert (result.exit_code, "Usage:" in result.output) == (2, True)
        assert service.payment(payment)["status"] == "review"

    def test_a_refund_in_review_is_explained(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        result(service, result_token(service), ResultCode=31337, ResultParameters=None)
        assert "1 waiting" in self.run(service, "review", "list").output

    def test_a_duplicate_payment_is_refunded_with_one_command(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        payment = service.row(to_review(service, checkout)).id
        ran = self.run(service, "review", "refund", payment, "--by", "amina", "--reason", "duplicate payment")
        assert ran.exit_code == 0
        assert "of 100 shillings is pending" in ran.output
        complete(service)
        assert service.payment(checkout)["status"] == "refunded"
        assert len(service.ledger()["credits"]) == 1

    def test_a_refund_that_is_refused_says_so(self, service: Service) -> None:
        payment = service.row(to_review(service, service.paid(amount=100))).id
        service.simulator.post("/simulator/options", {"shortcode": "600000"})
        why = ("--by", "amina", "--reason", "duplicate payment")
        refused = self.run(service, "review", "refund", payment, *why)
        assert refused.exit_code == 1
        assert service.payment(payment)["status"] == "succeeded"
        service.simulator.post("/simulator/reset", {"timers": "manual", "b2c_auto": "hold"})
        assert "review" in self.run(service, "review", "refund", payment, *why).output
