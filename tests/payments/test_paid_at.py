"""M-Pesa's own time of a payment, from what M-Pesa posts to what clients see."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

from mpesa_service.payments.reconcile import check
from tests.c2b.support import RECEIPT, confirm
from tests.callbacks.support import stk_body
from tests.cli.test_unmatched import run, run_json
from tests.orders.test_expected import expect_order
from tests.support import Service
from tests.webhooks.test_outbox import outgoing

OTHER_RECEIPT = "RKL51ZDR4G"


def post(service: Service, checkout: str, transacted: Any, **changes: Any) -> None:
    body = stk_body(service, checkout, **changes)
    for item in body["Body"]["stkCallback"]["CallbackMetadata"]["Item"]:
        if item["Name"] == "TransactionDate":
            item["Value"] = transacted
    assert requests.post(service.callback_url(checkout), json=body, timeout=5).status_code == 200


def times(service: Service, payment_id: str) -> tuple[str | None, str | None]:
    shown = service.payment(payment_id)
    return shown["paidAt"], shown["paidAtSource"]


def test_a_payment_of_the_28th_that_is_confirmed_on_the_30th_is_paid_on_the_28th(service: Service) -> None:
    service.clock.now = datetime(2026, 11, 30, 6, 0, tzinfo=UTC)
    expect_order(service)
    confirm(service, TransTime="20261128235958")
    [payment] = service.payments()
    assert payment.paid_at == datetime(2026, 11, 28, 20, 59, 58, tzinfo=UTC)
    assert payment.completed_at == service.clock.now
    assert times(service, payment.id) == ("2026-11-28T23:59:58.000+03:00", "confirmation")
    assert json.loads(outgoing(service)[0].payload)["data"]["paidAt"] == "2026-11-28T23:59:58.000+03:00"


def test_unmatched_money_has_its_time(service: Service) -> None:
    confirm(service, TransTime="20261120080000")
    [payment] = service.payments()
    assert payment.status == "review"
    assert times(service, payment.id) == ("2026-11-20T08:00:00.000+03:00", "confirmation")


def test_the_simulators_callback_states_the_time(service: Service) -> None:
    service.clock.now = datetime.now(UTC)
    checkout = service.pending()
    # Tests before this one may have advanced the simulator's clock. The id has its time, in Nairobi time.
    sent = datetime.strptime(f"{checkout[6:20]} +0300", "%d%m%Y%H%M%S %z")
    service.clock.now = sent.astimezone(UTC) + timedelta(minutes=1)
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    row = service.row(checkout)
    assert row.paid_at is not None
    assert row.paid_at_source == "callback"
    assert abs(row.paid_at - sent) < timedelta(minutes=5)


def test_a_masked_or_missing_time_leaves_it_empty_until_the_confirmation(service: Service) -> None:
    for number, transacted in enumerate((None, "2026****", 0, 20261322120000)):
        checkout = service.pending(f"ORDER{number}", phone=f"25471234567{number}")
        post(service, checkout, transacted, receipt=f"NLJ7RT61S{number}", phone=int(f"25471234567{number}"))
        row = service.row(checkout)
        assert (row.status, row.paid_at, row.paid_at_source) == ("succeeded", None, None)
        sentence = f"M-Pesa stated {transacted}, which cannot be true"
        for command in ("show", "events"):
            shown = run(service, "payments", command, row.id)
            assert (sentence in " ".join(shown.split())) is (transacted is not None)
    confirm(service, TransID="NLJ7RT61S0", BillRefNumber="ORDER0", MSISDN="2547 ***** 670")
    [first] = [payment for payment in service.payments() if payment.order_id == "ORDER0"]
    assert (first.paid_at, first.paid_at_source) == (service.clock.now, "confirmation")
    trail = service.call("GET", f"/payments/{first.id}/events").json["data"]
    assert trail[-1]["sentence"] == "A report stated M-Pesa's own time of the payment."


def test_a_query_states_no_time_and_the_late_callback_does(service: Service) -> None:
    service.simulator.post("/simulator/script", {"for": "stk_push", "callback": "lost"})
    checkout = service.pending()
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
    service.clock.advance(60)
    check(service.runtime, service.row(checkout).id)
    row = service.row(checkout)
    assert (row.status, row.evidence, row.paid_at) == ("succeeded", "query", None)
    post(service, checkout, 20261122120003)
    row = service.row(checkout)
    assert (row.receipt, row.paid_at_source) == ("NLJ7RT61SV", "callback")
    assert row.paid_at == datetime(2026, 11, 22, 9, 0, 3, tzinfo=UTC)


def test_a_time_that_cannot_be_true_does_not_date_a_c2b_payment(service: Service) -> None:
    expect_order(service, expiresAt="2026-11-29T00:00:00+03:00")
    confirm(service, TransTime="19700101030000")
    [payment] = service.payments()
    assert (payment.status, payment.paid_at, payment.receipt) == ("succeeded", None, RECEIPT)
    assert service.events(payment.id)[0].detail["ignoredPaidAt"] == "19700101030000"
    assert "The time of payment is empty: M-Pesa stated 19700101030000, which cannot be true." in run(
        service, "payments", "show", payment.id
    )
    assert run_json(service, "payments", "events", payment.id)[0]["ignoredPaidAt"] == "19700101030000"


def test_a_time_that_cannot_be_read_is_kept_as_text(service: Service) -> None:
    expect_order(service)
    confirm(service, TransTime="30.02.2026")
    [payment] = service.payments()
    assert (payment.paid_at, service.events(payment.id)[0].detail["ignoredPaidAt"]) == (None, "30.02.2026")


def test_money_paid_besides_a_prompt_has_the_callbacks_time(service: Service) -> None:
    checkout = service.pending()
    confirm(service)
    post(service, checkout, 20261122115900, receipt=OTHER_RECEIPT)
    [other] = [payment for payment in service.payments() if payment.receipt == OTHER_RECEIPT]
    assert other.paid_at == datetime(2026, 11, 22, 8, 59, tzinfo=UTC)
    assert other.paid_at_source == "callback"
