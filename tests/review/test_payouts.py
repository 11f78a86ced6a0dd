"""The way out of review for payouts."""

from typing import Any

import pytest

from tests.cli.test_payouts import run, run_json
from tests.payouts.support import POCHI, ROW, at_m_pesa, complete, counts, look, made, pay, payouts, trail
from tests.payouts.test_command import post_result
from tests.payouts.test_send import events
from tests.support import Service


@pytest.fixture
def batch(service: Service) -> str:
    """A batch of two rows, the first of which is in review."""
    batch = made(service, ROW, POCHI)
    pay(service)
    first = next(n for n, payout in enumerate(at_m_pesa(service)) if payout.kind == "b2c")
    post_result(service, first, ResultCode=424242)
    assert counts(service, batch) == {"review": 1, "pending": 1}
    return batch


def resolve(service: Service, payout: str, action: str, **more: Any) -> Any:
    body = {"action": action, "reason": " on the statement ", **more}
    return service.call("POST", f"/payouts/rows/{payout}/resolve", body, by="otieno", admin=True)


def waiting(service: Service, query: str = "") -> list[str]:
    answer = look(service, f"/review{query}")
    assert answer.status_code == 200
    return [row["_id"] for row in answer.json["data"]]


def test_what_waits_is_listed(service: Service, batch: str) -> None:
    [row, _] = payouts(service)
    assert waiting(service) == [row.id]
    assert waiting(service, f"?after={row.id}") == []
    shown = look(service, "/review").json["data"][0]
    assert (shown["batchId"], shown["failureReason"]) == (batch, row.failure_reason)


def test_settle(service: Service, batch: str) -> None:
    [row, _] = payouts(service)
    answer = resolve(service, row.id, "settle", receipt="UKN2ABCDEF")
    assert answer.status_code == 200
    data = answer.json["data"]
    assert (data["status"], data["mpesaReceiptNumber"], data["failureReason"]) == (
        "succeeded",
        "UKN2ABCDEF",
        None,
    )
    assert (data["evidence"], waiting(service)) == ("operator", [])
    assert trail(service, row.id)[-1] == "payout_settled_by_operator"
    assert events(service) == ["payout.review", "payout.succeeded"]


def test_fail(service: Service, batch: str) -> None:
    [row, _] = payouts(service)
    data = resolve(service, row.id, "fail").json["data"]
    assert (data["status"], data["failureReason"]) == ("failed", "Closed by an operator: on the statement")
    assert trail(service, row.id)[-1] == "payout_failed_by_operator"


def test_what_is_refused(service: Service, batch: str) -> None:
    review, pending = payouts(service)
    assert resolve(service, pending.id, "settle").json["code"] == "not_in_review"
    for unknown in ("nothing", "%00"):
        assert resolve(service, unknown, "settle").status_code == 404
    assert resolve(service, review.id, "settle", reason="  ").json["code"] == "reason_needed"
    complete(service)
    [_, paid] = payouts(service)
    answer = resolve(service, review.id, "settle", receipt=paid.receipt)
    assert (answer.status_code, answer.json["code"]) == (409, "receipt_taken")
    assert waiting(service) == [review.id]


def test_a_payout_takes_no_other_amount(service: Service, batch: str) -> None:
    """The service chose the amount, so a decision cannot change it: it is not dropped in silence."""
    [row, _] = payouts(service)
    answer = resolve(service, row.id, "settle", amount=row.amount)
    fields = answer.json["details"]["fields"]
    assert (answer.status_code, fields) == (400, {"amount": ["is not a known field."]})
    assert waiting(service) == [row.id]


def test_commands(service: Service, batch: str) -> None:
    [row, _] = payouts(service)
    listed = run(service, "list", group="review")
    assert row.id in listed
    assert "1 waiting" in listed
    assert f'"_id": "{row.id}"' in run(service, "list", "--json", group="review")
    why = ("--by", "otieno", "--reason", "on the statement")
    assert "no such payout" in run(service, "fail", "nothing", *why, code=1)
    text = run(service, "settle", row.id, "--receipt", "UKN2ABCDEF", *why)
    assert f"{row.id} is succeeded" in text
    post_result(service, 1 - [p.kind for p in at_m_pesa(service)].index("b2c"), ResultCode=424242)
    shown = run_json(service, "fail", payouts(service)[1].id, *why)
    assert (shown["_id"], shown["status"]) == (payouts(service)[1].id, "failed")
