"""The parts of the demo, with responses that a correct service never gives."""

import io
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import requests
import requests_mock

from devtools import payment_scenario
from devtools.comparison import Movements, disagreement, ledger_movements, record_movements
from devtools.console_output import ConsoleOutput
from devtools.demo import DemoRun, run_scenarios, running_stack
from devtools.demo_client import DemoClient
from devtools.errors import ProcessExited, StepFailed
from devtools.paths import LocalPaths
from devtools.running_stack import RunningStack
from devtools.stop_request import StopRequest

READY = RunningStack("http://service", "http://simulator", "user", "admin", 1)
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


class TestComparison:
    def test_agree(self):
        ledger, record = ledger_movements(LEDGER, PHONE), record_movements(PAYMENT)
        assert ledger == record == Movements({"PAID": 100}, {"BACK": 40})
        assert (ledger.debited, ledger.credited, ledger.net) == (100, 40, 60)
        assert disagreement(ledger, record, PAYMENT) is None

    def test_a_payment_that_is_not_done_counts_nothing(self):
        assert record_movements({**PAYMENT, "status": "pending", "refunds": []}) == Movements({}, {})

    @pytest.mark.parametrize(
        ("ledger", "payment", "shown"),
        [
            (
                Movements({"PAID": 101}, {"BACK": 40}),
                PAYMENT,
                "debits differ: M-Pesa PAID KES 101, service PAID KES 100",
            ),
            (Movements({"PAID": 100}, {}), PAYMENT, "credits differ: M-Pesa none"),
            (Movements({"PAID": 100}, {"BACK": 40}), {**PAYMENT, "refundedAmount": 50}, "refundedAmount 50"),
        ],
    )
    def test_disagree(self, ledger: Movements, payment: dict, shown: str):
        assert shown in (disagreement(ledger, record_movements(payment), payment) or "")


@pytest.fixture
def scenario(
    output: ConsoleOutput, wire: requests_mock.Mocker, monkeypatch
) -> Iterator[payment_scenario.PaymentScenario]:
    monkeypatch.setattr(payment_scenario, "_STATUS_TIMEOUT", 0.05)
    monkeypatch.setattr(payment_scenario, "_WEBHOOK_TIMEOUT", 0.05)
    monkeypatch.setattr(payment_scenario, "_POLL_INTERVAL", 0.01)
    wire.get("http://service/api/mpesa/query/ws_CO_1", json={"data": PAYMENT})
    wire.post("http://simulator/simulator/script", json={})
    with StopRequest() as stop, closing(DemoClient(READY, ORDERS)) as client:
        scenario = payment_scenario.PaymentScenario(client, output, stop)
        scenario._reference = "ws_CO_1"
        scenario._msisdn = PHONE
        yield scenario


class TestPaymentScenario:
    def test_a_status_that_never_comes(self, scenario: payment_scenario.PaymentScenario):
        with pytest.raises(
            StepFailed, match="expected the payment to be refunded, but it is partially_refunded"
        ):
            scenario._await_status("refunded")

    def test_a_refund_that_reaches_nobody(
        self, scenario: payment_scenario.PaymentScenario, wire: requests_mock.Mocker
    ):
        refund = {"_id": "r2", "refundId": "AG_1", "refundAmount": 10, "status": "pending"}
        wire.post("http://service/api/mpesa/ws_CO_1/refund", json={"data": refund})
        wire.get("http://simulator/simulator/b2c", json={"payouts": [{"conversationId": "AG_2"}]})
        with pytest.raises(StepFailed, match="did not reach M-Pesa"):
            scenario._refund(10, "refunded")

    @pytest.mark.parametrize(
        ("known", "shown"),
        [
            ([], "expected the order to be fulfilled, but it is missing"),
            ([("ORDER", "unpaid", 1)], "expected the order to be fulfilled, but it is unpaid"),
            ([("ORDER", "fulfilled", 2)], "expected the number of events to be 1, but it is 2"),
            ([("OTHER", "fulfilled", 1)], "but it is missing"),
        ],
    )
    def test_an_order_that_is_not_fulfilled(self, scenario, wire, known, shown):
        scenario._order = "ORDER"
        rows = [{"id": order, "status": status, "events": events} for order, status, events in known]
        wire.get("http://orders/orders", json=rows)
        with pytest.raises(StepFailed, match=shown):
            scenario._check_fulfilled()

    @pytest.mark.parametrize(("refunded", "shown"), [(41, "record differ"), (40, "KES 60 are missing")])
    def test_a_ledger_and_a_record_that_differ(self, scenario, wire, printed, refunded, shown):
        payment = {**PAYMENT, "status": "refunded", "refundedAmount": refunded}
        wire.get("http://service/api/mpesa/query/ws_CO_1", json={"data": payment})
        wire.get("http://simulator/simulator/ledger", json=LEDGER)
        with pytest.raises(StepFailed, match=shown):
            scenario._compare()
        assert "record agree" not in printed.getvalue()


class TestDemoClient:
    def test_an_unexpected_status_is_shown_with_its_message(self, wire: requests_mock.Mocker):
        wire.post(
            "http://service/api/mpesa/initiate", status_code=429, json={"message": "Too many requests."}
        )
        with (
            closing(DemoClient(READY, ORDERS)) as http,
            pytest.raises(StepFailed, match="429, not 201: Too many"),
        ):
            http.initiate("ORDER", 1, PHONE)

    @pytest.mark.parametrize("answer", [{"exc": requests.ConnectTimeout}, {"text": "<html>"}])
    def test_a_missing_response_is_shown(self, wire: requests_mock.Mocker, answer: dict):
        wire.get("http://simulator/simulator/ledger", **answer)
        with (
            closing(DemoClient(READY, ORDERS)) as http,
            pytest.raises(StepFailed, match="gave no usable response"),
        ):
            http.simulator("GET", "ledger")


def test_an_exited_program_explains_a_failed_step(
    output: ConsoleOutput, wire: requests_mock.Mocker, tmp_path: Path
):
    class Dying:
        def check(self) -> None:
            raise ProcessExited("The service exited", [])

    wire.register_uri(requests_mock.ANY, requests_mock.ANY, exc=requests.ConnectionError)
    with StopRequest() as stop, pytest.raises(ProcessExited):
        run_scenarios(DemoRun(READY, Dying(), tmp_path, output, stop), None)


def test_a_stack_that_does_not_answer_is_not_used(tmp_path, wire: requests_mock.Mocker):
    paths = LocalPaths(tmp_path, 5105, 5106)
    wire.get(f"{paths.url}/readyz", json={})
    wire.get(f"{paths.simulator_url}/simulator/health", status_code=503)
    assert running_stack(paths) is None
    RunningStack(paths.url, paths.simulator_url, "user", "admin", 1).save(paths.record)
    assert running_stack(paths) is None
    assert running_stack(LocalPaths(tmp_path, 5107, 5106)) is None
    wire.get(f"{paths.simulator_url}/simulator/health", json={})
    assert running_stack(paths) is not None


def test_console_output(output: ConsoleOutput, printed: io.StringIO):
    output.step("First")
    output.value("id", "x" * 90)
    output.phone_screen(PHONE, "Enter M-PESA PIN:")
    output.movements_by_receipt(Movements({"A": 1}, {}), Movements({}, {"B": 2}))
    shown = printed.getvalue()
    assert " 1   First" in shown
    assert "x" * 90 in shown
    assert f" {PHONE} " in shown
    assert "debit A" in shown
    assert "credit B" in shown
