"""The document says what the answer of a refund is that waits for a second person: the approval alone."""

from typing import Any

import pytest

from tests.approvals.support import decide, waits
from tests.c2b.support import confirm
from tests.support import Service
from tests.support.openapi import Answers

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def test_a_refund_that_waits_and_one_of_unknown_outcome(service: Service) -> None:
    answers = Answers(service)
    checkout = service.paid(amount=600)
    waits(answers.call("POST", f"/{checkout}/refund", {"reason": "broken"}), "single")
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
    sent = answers.call("POST", f"/{checkout}/refund", {"amount": 100})
    assert (sent.status_code, sent.json["data"]["status"]) == (202, "unknown")


def test_a_return_and_what_is_carried_out_later(service: Service) -> None:
    answers = Answers(service)
    confirm(service, TransAmount="600.00", BillRefNumber="RENT")
    [payment] = service.payments()
    waiting = answers.call("POST", f"/unmatched/{payment.id}/return", {"reason": "not for us"})
    assert decide(service, waits(waiting, "single")).status_code == 200


def test_both_shapes_are_schemas_of_their_own(service: Service) -> None:
    document: dict[str, Any] = service.app.test_client().get("/api/openapi.json").json
    for path in ("/api/mpesa/{reference}/refund", "/api/mpesa/unmatched/{reference}/return"):
        content = document["paths"][path]["post"]["responses"]["202"]["content"]["application/json"]
        names = [one["$ref"].rpartition("/")[2] for one in content["schema"]["anyOf"]]
        assert names == ["RefundedEnvelope", "WaitingEnvelope"]
    refunded = document["components"]["schemas"]["Refunded"]["properties"]
    assert "approval" not in refunded
