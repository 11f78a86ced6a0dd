"""What M-Pesa posts to a secret address counts, whatever is odd in the fields that move no money."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import requests

from mpesa_service.payments.reconcile import check_due
from tests.c2b.support import (
    RECEIPT,
    assert_books_are_right,
    c2b_addresses,
    c2b_body,
    expect_order,
    post_c2b,
)
from tests.callbacks.support import plain, post, stk_body, verdicts
from tests.support import Service

LATIN1 = "latin-1"


def bodies(body: dict[str, Any]) -> dict[str, bytes]:
    """Return a confirmation in the ways in which it may come."""
    text = json.dumps(body)
    plain_text = json.dumps(body, ensure_ascii=False)
    name = '"FirstName": "NICHOLAS"'
    return {
        "cp1252": plain_text.replace(name, '"FirstName": "ZO\u00cb"').encode(LATIN1),
        "a control character": plain_text.replace("NICHOLAS", "NICHO\tLAS\x02").encode(),
        "half a pair": text.replace("NICHOLAS", "NICHOLAS\\udb40").encode(),
        "a wrong escape": text.replace("NICHOLAS", "NICH\\OLAS").encode(),
        "more after it": text.encode() + b"\r\n\x00}",
        "a key twice": text.replace(name, f'{name}, "TransAmount": "{body["TransAmount"]}"').encode(),
        "wrapped": json.dumps({"Body": body}).encode(),
        "in a list": json.dumps([body]).encode(),
        "as text": json.dumps(text).encode(),
        "as form": urlencode({key: str(value) for key, value in body.items()}).encode(),
        "as the key of a form": urlencode({text: ""}).encode(),
        "only the money": json.dumps(
            {key: body[key] for key in ("TransID", "TransAmount", "BillRefNumber")}
        ).encode(),
        "odd everywhere else": json.dumps(
            {**{k: [] for k in body}, **{k: body[k] for k in ("TransID", "TransAmount", "BillRefNumber")}}
        ).encode(),
    }


WAYS = sorted(bodies({"TransAmount": "1.00", "TransID": "R", "BillRefNumber": "B", "FirstName": "NICHOLAS"}))


class TestMoneyThatArrived:
    @pytest.mark.parametrize("way", WAYS)
    def test_is_booked(self, service: Service, way: str) -> None:
        expect_order(service)
        answer = post_c2b(service, bodies(c2b_body(service))[way])
        assert (answer.status_code, verdicts(service)) == (200, ["applied"])
        [payment] = service.payments()
        assert (payment.status, payment.receipt, payment.order_id) == ("succeeded", RECEIPT, "ORDER1")
        assert_books_are_right(service)

    @pytest.mark.parametrize(
        ("written", "shillings"),
        [("1,300.00", 1300), ("1300", 1300), (1300.0, 1300), (" 1300 ", 1300), ("2,001,300", 2_001_300)],
    )
    def test_of_any_spelling_of_its_amount(self, service: Service, written: Any, shillings: int) -> None:
        post_c2b(service, c2b_body(service, TransAmount=written))
        assert [payment.amount for payment in service.payments()] == [shillings]

    def test_without_a_shortcode_is_ours(self, service: Service) -> None:
        expect_order(service)
        body = c2b_body(service, BusinessShortCode=None)
        assert post_c2b(service, body, "validation").json()["ResultCode"] == "0"
        post_c2b(service, body)
        assert [payment.status for payment in service.payments()] == ["succeeded"]

    @pytest.mark.parametrize("written", [174379.0, "174379.0", "0174379", 1.5, 0, "abc"], ids=repr)
    def test_with_an_odd_shortcode_is_ours(self, service: Service, written: Any) -> None:
        expect_order(service)
        post_c2b(service, c2b_body(service, BusinessShortCode=written))
        assert [payment.status for payment in service.payments()] == ["succeeded"]

    def test_of_another_shortcode_is_not(self, service: Service) -> None:
        expect_order(service)
        post_c2b(service, c2b_body(service, BusinessShortCode="600966"))
        assert verdicts(service) == ["unmatched"]

    @pytest.mark.parametrize("prompted", [False, True])
    def test_under_two_accounts_waits_for_a_person(self, service: Service, prompted: bool) -> None:
        expect_order(service)
        if prompted:
            service.pending("ORDER9")
        text = json.dumps(c2b_body(service)).encode()
        post_c2b(service, text[:-1] + b', "BillRefNumber": "ORDER2", "BillRefNumber": "ORDER1"}')
        [row] = service.inbox()
        assert "several accounts" in row.reason
        if prompted:
            assert row.verdict == "noted"
            return
        [payment] = service.payments()
        assert (payment.status, payment.order_id, row.verdict) == ("review", None, "unmatched")
        assert "several accounts" in (payment.failure_reason or "")
        assert_books_are_right(service)

    def test_of_more_than_m_pesa_moves_is_not_booked(self, service: Service) -> None:
        post_c2b(service, c2b_body(service, TransAmount="999999999999"))
        assert (verdicts(service), service.payments()) == (["unread"], [])

    def test_under_an_account_in_cp1252(self, service: Service) -> None:
        body = json.dumps(c2b_body(service, BillRefNumber="LOY\u00c9R 3"), ensure_ascii=False).encode(
            "cp1252"
        )
        post_c2b(service, body)
        assert verdicts(service) == ["unmatched"]
        found = service.call("GET", "/unmatched", by="boss", admin=True).json["data"]
        assert found[0]["payment"]["billReference"] == "LOY\u00c9R 3"


class TestTheCallbackOfAPrompt:
    def test_needs_no_merchant_request_id(self, service: Service) -> None:
        checkout = service.pending()
        body = stk_body(service, checkout)
        del body["Body"]["stkCallback"]["MerchantRequestID"]
        post(service.callback_url(checkout), body)
        payment = service.row(checkout)
        assert (payment.status, payment.receipt, verdicts(service)) == (
            "succeeded",
            "NLJ7RT61SV",
            ["applied"],
        )

    def test_elsewhere_it_stays_a_claim(self, service: Service) -> None:
        checkout = service.pending()
        body = stk_body(service, checkout)
        del body["Body"]["stkCallback"]["MerchantRequestID"]
        post(plain(service), body)
        assert (service.row(checkout).status, verdicts(service)) == ("pending", ["disputed"])

    def test_in_other_clothes(self, service: Service) -> None:
        checkout = service.pending()
        text = json.dumps(stk_body(service, checkout, ResultDesc="Ok \u00e9"), ensure_ascii=False)
        post(service.callback_url(checkout), b"[" + text.encode("cp1252") + b"]")
        assert service.row(checkout).status == "succeeded"

    @pytest.mark.parametrize("metadata", [None, {"Item": []}, {"Item": [{"Name": "Amount"}]}], ids=str)
    def test_without_metadata_daraja_decides(self, service: Service, metadata: Any) -> None:
        service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, CallbackMetadata=metadata))
        payment = service.row(checkout)
        assert (payment.status, payment.mismatch) == ("pending", "incomplete")
        assert verdicts(service) == ["disputed"]
        assert payment.next_check_at <= service.clock()
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        assert check_due(service.runtime) == 1
        payment = service.row(checkout)
        assert (payment.status, payment.mismatch) == ("succeeded", None)

    def test_without_metadata_and_then_a_failure_needs_a_person(self, service: Service) -> None:
        """M-Pesa says paid, and then not: the money may have moved, so it is no plain failure."""
        service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, CallbackMetadata=None))
        post(service.callback_url(checkout), stk_body(service, checkout, ResultCode=1037))
        assert (service.row(checkout).status, verdicts(service)) == ("pending", ["disputed", "disputed"])
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        for _ in range(3):
            check_due(service.runtime)
            service.clock.advance(61)
        payment = service.row(checkout)
        assert payment.status == "review"
        first = "M-Pesa first reported success without an amount or a receipt"
        assert payment.failure_reason == (
            f"Needs manual review: {first}, and Daraja reports it as not paid, twice."
        )
        trail = [(line.cause, (line.detail or {}).get("resultCode")) for line in service.events(payment.id)]
        assert trail[-3:] == [
            ("incomplete_success", "0"),
            ("failure_after_success", "1037"),
            ("contradicted", "1032"),
        ]

    def test_a_receipt_without_an_amount_is_kept_for_the_query(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, amount=None))
        assert service.row(checkout).claimed_receipt == "NLJ7RT61SV"

    def test_a_fractional_amount_differs(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, amount=99.5))
        assert service.row(checkout).mismatch == "amount"


@pytest.mark.parametrize("slashes", ["/", "//", "/////"])
class TestSlashesAtTheEnd:
    def test_of_a_payments_own_address(self, service: Service, slashes: str) -> None:
        checkout = service.pending()
        post(f"{service.callback_url(checkout)}{slashes}", stk_body(service, checkout))
        assert service.row(checkout).status == "succeeded"

    def test_of_the_public_address(self, service: Service, slashes: str) -> None:
        checkout = service.pending()
        post(f"{plain(service)}{slashes}", stk_body(service, checkout))
        assert verdicts(service) == ["disputed"]

    @pytest.mark.parametrize("what", ["confirmation", "validation"])
    def test_of_the_addresses_for_c2b(self, service: Service, slashes: str, what: str) -> None:
        url = f"{getattr(c2b_addresses(service), what)}{slashes}"
        answer = requests.post(url, json=c2b_body(service), timeout=5, allow_redirects=False)
        assert (answer.status_code, len(verdicts(service))) == (200, 1)

    @pytest.mark.parametrize("use", ["result", "timeout", "status/result", "status/timeout"])
    def test_of_the_addresses_for_commands(self, service: Service, slashes: str, use: str) -> None:
        url = f"{service.url}/api/mpesa/callback/command/{use}/no-such-token{slashes}"
        answer = requests.post(url, json={}, timeout=5, allow_redirects=False)
        assert (answer.status_code, verdicts(service)) == (200, ["unmatched"])
