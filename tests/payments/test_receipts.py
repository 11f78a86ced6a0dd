"""A receipt is one receipt in whatever letters it comes: M-Pesa writes capitals, and so are they kept."""

import pytest
import requests

from mpesa_service.domain.references import normal_receipt
from mpesa_service.review.decision import OperatorDecision, Resolution
from tests.c2b.support import RECEIPT, c2b_body, confirm, confirmations, post_c2b
from tests.callbacks.support import stk_body
from tests.support import Service

LOWER = RECEIPT.lower()


def test_blanks_and_small_letters_make_no_other_receipt() -> None:
    assert normal_receipt(f" {LOWER}\t") == RECEIPT


def test_a_confirmation_in_small_letters_is_the_same(service: Service) -> None:
    for receipt in (RECEIPT, LOWER, f" {LOWER} "):
        confirm(service, TransID=receipt)
    assert [payment.receipt for payment in service.payments()] == [RECEIPT]
    assert [row.receipt for row in confirmations(service)] == [RECEIPT]
    assert [row.verdict for row in service.inbox()] == ["unmatched", "duplicate", "duplicate"]


@pytest.mark.parametrize("callback_first", [True, False])
def test_a_callback_and_its_confirmation(service: Service, callback_first: bool) -> None:
    checkout = service.pending()
    url, body = service.callback_url(checkout), stk_body(service, checkout, receipt=LOWER)
    if not callback_first:
        confirm(service)
    assert requests.post(url, json=body, timeout=5).status_code == 200
    if callback_first:
        confirm(service, TransID=LOWER)
    [payment] = service.payments()
    assert (payment.status, payment.receipt) == ("succeeded", RECEIPT)
    assert service.inbox()[-1].verdict == "duplicate"


def test_capitals_may_be_longer_than_a_receipt(service: Service) -> None:
    answer = post_c2b(service, c2b_body(service, TransID="\u00df" * 100))
    assert (answer.status_code, service.inbox()[-1].verdict) == (200, "unread")
    assert confirmations(service) == []


def test_what_a_person_types(service: Service) -> None:
    assert OperatorDecision(Resolution.SETTLE, "why", LOWER).receipt == RECEIPT
    assert OperatorDecision(Resolution.FAIL, "why").receipt is None


def test_a_list_finds_it_however_it_is_typed(service: Service) -> None:
    confirm(service)
    answer = service.call("GET", f"/payments?receipt={LOWER}", by="boss", admin=True)
    assert [payment["mpesaReceiptNumber"] for payment in answer.json["data"]] == [RECEIPT]
    shown = service.app.test_cli_runner().invoke(
        args=["mpesa", "payments", "list", "--receipt", LOWER, "--json"]
    )
    assert shown.exit_code == 0
    assert RECEIPT in shown.output


def test_a_resolution_of_the_api(service: Service) -> None:
    confirm(service, TransID="RKL51ZDR4G", BillRefNumber="NOTHING")
    checkout = service.pending()
    body = stk_body(service, checkout, amount=1.0, receipt=None)
    requests.post(service.callback_url(checkout), json=body, timeout=5)
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    with service.runtime.database.begin() as session:
        payment = session.merge(service.row(checkout))
        payment.status, payment.receipt = "review", None
    settle = {"action": "settle", "reason": "on the statement", "receipt": "rkl51zdr4g"}
    answer = service.call("POST", f"/{checkout}/resolve", settle, by="boss", admin=True)
    assert (answer.status_code, answer.json["code"]) == (409, "receipt_taken")


@pytest.mark.parametrize("known", [True, False])
def test_in_place_of_an_id_the_error_names_the_query_for_it(service: Service, known: bool) -> None:
    if known:
        confirm(service)
    calls = (
        ("GET", f"/query/{LOWER}", None),
        ("GET", f"/payments/{RECEIPT}/events", None),
        ("POST", f"/{RECEIPT}/refund", {"amount": 1}),
        ("POST", f"/{RECEIPT}/move", {"orderId": None, "reason": "why"}),
    )
    for method, path, body in calls:
        answer = service.call(method, path, body, by="boss", admin=True)
        assert (answer.status_code, answer.json["code"]) == (404, "not_found"), path
        assert answer.json["message"] == (
            "There is no payment with this _id or CheckoutRequestID."
            f" For the _id of a receipt: GET /api/mpesa/payments?receipt={RECEIPT}"
        )
