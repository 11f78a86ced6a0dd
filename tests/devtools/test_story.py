"""The demo's parts: the books, what it prints, and how it meets a service that answers otherwise."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
import requests_mock

from devtools import story
from devtools.books import Book, disagreement, ledger_book, service_book
from devtools.client import Counterparts
from devtools.demo import _Stage, _tell_or_blame, running_pair
from devtools.narration import Narrator
from devtools.place import Place, Ready
from devtools.problems import ChildDied, StepFailed
from devtools.stopping import StopRequest

READY = Ready("http://service", "http://simulator", "user", "admin", 1)
ORDERS = "http://orders"
PHONE = "254712345678"
PAYMENT = {
    "status": "partially_refunded",
    "amount": 100,
    "mpesaReceiptNumber": "PAID",
    "refundedAmount": 40,
    "refunds": [
        {"_id": "r1", "status": "succeeded", "refundAmount": 40, "mpesaReceiptNumber": "BACK"},
        {"_id": "r2", "status": "pending", "refundAmount": 10, "mpesaReceiptNumber": None},
    ],
}
LEDGER = {
    "debits": [
        {"receipt": "PAID", "amount": 100, "msisdn": PHONE},
        {"receipt": "OTHER", "amount": 5, "msisdn": "254700000000"},
    ],
    "credits": [{"receipt": "BACK", "amount": 40, "msisdn": PHONE}],
}


class TestBooks:
    def test_agree(self):
        ledger, record = ledger_book(LEDGER, PHONE), service_book(PAYMENT)
        assert ledger == record == Book({"PAID": 100}, {"BACK": 40})
        assert (ledger.debited, ledger.credited, ledger.net) == (100, 40, 60)
        assert disagreement(ledger, record, PAYMENT) is None

    def test_a_payment_that_is_not_done_counts_nothing(self):
        assert service_book({**PAYMENT, "status": "pending", "refunds": []}) == Book({}, {})

    @pytest.mark.parametrize(
        ("ledger", "payment", "said"),
        [
            (
                Book({"PAID": 101}, {"BACK": 40}),
                PAYMENT,
                "debits differ: M-Pesa PAID KES 101, service PAID KES 100",
            ),
            (Book({"PAID": 100}, {}), PAYMENT, "credits differ: M-Pesa none"),
            (Book({"PAID": 100}, {"BACK": 40}), {**PAYMENT, "refundedAmount": 50}, "refundedAmount 50"),
        ],
    )
    def test_disagree(self, ledger: Book, payment: dict, said: str):
        assert said in (disagreement(ledger, service_book(payment), payment) or "")


@pytest.fixture
def telling(narrator: Narrator, wire: requests_mock.Mocker, monkeypatch) -> Iterator[story.Story]:
    monkeypatch.setattr(story, "_PATIENCE", 0.05)
    monkeypatch.setattr(story, "_TOLD_PATIENCE", 0.05)
    monkeypatch.setattr(story, "_LOOK", 0.01)
    wire.get("http://service/api/mpesa/query/ws_CO_1", json={"data": PAYMENT})
    wire.post("http://simulator/simulator/script", json={})
    with StopRequest() as stop, closing(Counterparts(READY, ORDERS)) as counterparts:
        told = story.Story(counterparts, narrator, stop)
        told._reference = "ws_CO_1"
        told._msisdn = PHONE
        yield told


class TestStory:
    def test_a_status_that_never_comes(self, telling: story.Story):
        with pytest.raises(StepFailed, match="the payment should be refunded, and is partially_refunded"):
            telling._await_status("refunded")

    def test_a_refund_that_reaches_nobody(self, telling: story.Story, wire: requests_mock.Mocker):
        refund = {"_id": "r2", "refundId": "AG_1", "refundAmount": 10, "status": "pending"}
        wire.post("http://service/api/mpesa/ws_CO_1/refund", json={"data": refund})
        wire.get("http://simulator/simulator/b2c", json={"payouts": [{"conversationId": "AG_2"}]})
        with pytest.raises(StepFailed, match="did not reach M-Pesa"):
            telling._refund(10, "refunded")

    @pytest.mark.parametrize(
        ("known", "said"),
        [
            ([], "the order should be fulfilled, and is not told of"),
            ([("ORDER", "unpaid", 1)], "the order should be fulfilled, and is unpaid"),
            ([("ORDER", "fulfilled", 2)], "the number of events should be 1, and is 2"),
            ([("OTHER", "fulfilled", 1)], "and is not told of"),
        ],
    )
    def test_an_order_that_is_not_fulfilled(self, telling, wire, known, said):
        telling._order = "ORDER"
        rows = [{"id": order, "status": status, "events": events} for order, status, events in known]
        wire.get("http://orders/orders", json=rows)
        with pytest.raises(StepFailed, match=said):
            telling._order_is_fulfilled()

    @pytest.mark.parametrize(("refunded", "said"), [(41, "do not agree"), (40, "KES 60 are missing")])
    def test_books_that_do_not_agree(self, telling, wire, paper, refunded, said):
        payment = {**PAYMENT, "status": "refunded", "refundedAmount": refunded}
        wire.get("http://service/api/mpesa/query/ws_CO_1", json={"data": payment})
        wire.get("http://simulator/simulator/ledger", json=LEDGER)
        with pytest.raises(StepFailed, match=said):
            telling._books_agree()
        assert "Both agree" not in paper.getvalue()


class TestCounterparts:
    def test_another_answer_is_told_with_its_message(self, wire: requests_mock.Mocker):
        wire.post(
            "http://service/api/mpesa/initiate", status_code=429, json={"message": "Too many requests."}
        )
        with (
            closing(Counterparts(READY, ORDERS)) as http,
            pytest.raises(StepFailed, match="429, not 201: Too many"),
        ):
            http.initiate("ORDER", 1, PHONE)

    @pytest.mark.parametrize("answer", [{"exc": requests.ConnectTimeout}, {"text": "<html>"}])
    def test_no_answer_is_told(self, wire: requests_mock.Mocker, answer: dict):
        wire.get("http://simulator/simulator/ledger", **answer)
        with (
            closing(Counterparts(READY, ORDERS)) as http,
            pytest.raises(StepFailed, match="was not answered"),
        ):
            http.simulator("GET", "ledger")


def test_a_dead_program_explains_a_failed_step(
    narrator: Narrator, wire: requests_mock.Mocker, tmp_path: Path
):
    class Dying:
        def check(self) -> None:
            raise ChildDied("The service ended by itself", [])

    wire.register_uri(requests_mock.ANY, requests_mock.ANY, exc=requests.ConnectionError)
    with StopRequest() as stop, pytest.raises(ChildDied):
        _tell_or_blame(_Stage(READY, Dying(), tmp_path, narrator, stop), None)


def test_a_pair_that_does_not_answer_is_not_used(tmp_path, wire: requests_mock.Mocker):
    place = Place(tmp_path, 5105, 5106)
    wire.get(f"{place.url}/readyz", json={})
    wire.get(f"{place.simulator_url}/simulator/health", status_code=503)
    assert running_pair(place) is None
    Ready(place.url, place.simulator_url, "user", "admin", 1).save(place.record)
    assert running_pair(place) is None
    assert running_pair(Place(tmp_path, 5107, 5106)) is None
    wire.get(f"{place.simulator_url}/simulator/health", json={})
    assert running_pair(place) is not None


def test_narration(narrator: Narrator, paper: io.StringIO):
    narrator.step("First")
    narrator.fact("id", "x" * 90)
    narrator.handset(PHONE, "Enter M-PESA PIN:")
    narrator.books(Book({"A": 1}, {}), Book({}, {"B": 2}))
    said = paper.getvalue()
    assert " 1   First" in said
    assert "x" * 90 in said
    assert f" {PHONE} " in said
    assert "debit A" in said
    assert "credit B" in said
