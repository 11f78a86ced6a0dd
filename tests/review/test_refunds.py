"""Refunds in review: a person decides, by the API."""

import pytest

from tests.refunds.support import complete
from tests.refunds.test_results import result, result_token
from tests.review.support import resolve, waiting
from tests.support import Service


class TestRefundsInReview:
    def contradicted(self, service: Service, first: int, second: int) -> str:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        token = result_token(service)
        for code in (first, second):
            more = {"ResultParameters": None} if code else {}
            result(service, token, ResultCode=code, **more)
        assert service.payment(checkout)["refunds"][0]["status"] == "review"
        assert waiting(service) == [service.row(checkout).id]
        return checkout

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_it_was_paid(self, service: Service, first: int, second: int) -> None:
        checkout = self.contradicted(service, first, second)
        data = resolve(service, checkout, "settle").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 60)
        assert data["refunds"][0]["status"] == "succeeded"
        assert service.row(checkout).refunding_amount == 0

    @pytest.mark.parametrize(("first", "second"), [(0, 1), (1, 0)])
    def test_it_was_not_paid(self, service: Service, first: int, second: int) -> None:
        checkout = self.contradicted(service, first, second)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("succeeded", 0)
        assert data["refunds"][0]["status"] == "failed"
        assert service.refund(checkout, 100).status_code == 200

    def test_a_whole_refund_reversed_in_part(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 40)
        complete(service)
        service.clock.advance(1)
        service.refund(checkout, 60)
        token = result_token(service)
        result(service, token)
        assert service.payment(checkout)["status"] == "refunded"
        result(service, token, ResultCode=1, ResultParameters=None)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 40)

    def test_a_part_undone_of_two(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 20)
        complete(service)
        service.clock.advance(1)
        service.refund(checkout, 60)
        token = result_token(service)
        result(service, token)
        result(service, token, ResultCode=1, ResultParameters=None)
        data = resolve(service, checkout, "fail").json["data"]
        assert (data["status"], data["refundedAmount"]) == ("partially_refunded", 20)

    def test_more_than_was_paid_is_never_booked(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        first = result_token(service)
        ids = {
            "OriginatorConversationID": service.refunds()[0].originator_conversation_id,
            "ConversationID": service.refunds()[0].conversation_id,
        }
        result(service, first, ResultCode=1, ResultParameters=None)
        service.clock.advance(1)
        service.refund(checkout, 100)
        complete(service)
        result(service, first, **ids)
        assert service.payment(checkout)["refundedAmount"] == 100
        answer = resolve(service, checkout, "settle")
        assert (answer.status_code, answer.json["code"]) == (409, "refunds_exceed_payment")
