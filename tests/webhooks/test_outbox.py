"""Each published transition has one event, and there are no other events."""

import json
from typing import Any

import pytest
from sqlalchemy import select

from mpesa_service.daraja import NotSent
from mpesa_service.domain.audit import SERVICE, Cause
from mpesa_service.domain.changes import payment_event_type
from mpesa_service.domain.event_types import EventType, refund_event_type
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.models import OutgoingEvent, WebhookDelivery
from mpesa_service.models.statements import lock_payment
from mpesa_service.payments.transitions import move_payment
from mpesa_service.webhooks import endpoints
from tests.callbacks.support import post, stk_body
from tests.refunds.support import complete
from tests.support import PHONE, Service


def outgoing(service: Service, payment_id: str | None = None) -> list[OutgoingEvent]:
    statement = select(OutgoingEvent).order_by(OutgoingEvent.id)
    if payment_id is not None:
        statement = statement.where(OutgoingEvent.payment_id == payment_id)
    with service.runtime.database.read() as session:
        return list(session.scalars(statement))


def deliveries(service: Service) -> list[WebhookDelivery]:
    with service.runtime.database.read() as session:
        return list(session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id)))


def data_of(event: OutgoingEvent) -> dict[str, Any]:
    return dict(json.loads(event.payload)["data"])


def expected_types(service: Service, payment_id: str) -> list[str]:
    """Return the events that the audit trail requires."""
    found = []
    for line in service.events(payment_id):
        if line.from_status is None or line.from_status == line.to_status != "partially_refunded":
            continue
        if line.refund_id is not None:
            found.append(refund_event_type(RefundStatus(line.to_status)))
        else:
            found.append(payment_event_type(line.cause, PaymentStatus(line.to_status)))
    return [str(event) for event in found if event is not None]


def assert_published_once(service: Service) -> None:
    for payment in service.payments():
        events = outgoing(service, payment.id)
        assert [event.type for event in events] == expected_types(service, payment.id)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert payment.outgoing_count == len(events)
        for event in events:
            body = json.loads(event.payload)
            assert body["type"] == event.type
            assert (body["data"]["sequence"], body["data"]["_id"]) == (event.sequence, payment.id)


class TestOneEachTransition:
    def test_a_payment_with_refunds(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        for amount in (30, 70):
            service.clock.advance(1)
            service.refund(checkout, amount)
            complete(service)
        assert_published_once(service)
        assert [event.type for event in outgoing(service)] == [
            "payment.succeeded",
            "refund.succeeded",
            "payment.partially_refunded",
            "refund.succeeded",
            "payment.refunded",
        ]
        refunded = data_of(outgoing(service)[1])
        assert refunded["refund"]["previousStatus"] == "pending"
        assert refunded["refund"]["refundAmount"] == 30
        assert refunded["refundedAmount"] == 30
        assert "previousStatus" not in refunded

    def test_a_failed_refund(self, service: Service) -> None:
        checkout = service.paid()
        service.refund(checkout, 30)
        complete(service, resultCode="11")
        assert [event.type for event in outgoing(service)] == ["payment.succeeded", "refund.failed"]
        assert data_of(outgoing(service)[1])["refund"]["failureReason"]
        assert_published_once(service)

    def test_a_repeated_callback_publishes_one_event(self, service: Service) -> None:
        checkout = service.pending()
        for _ in range(3):
            post(service.callback_url(checkout), stk_body(service, checkout))
        assert [event.type for event in outgoing(service)] == ["payment.succeeded"]
        assert_published_once(service)

    def test_a_canceled_one_that_is_paid_after_all(self, service: Service) -> None:
        checkout = service.pending()
        url = service.callback_url(checkout)
        service.simulator.post(f"/simulator/prompts/{checkout}/cancel")
        post(url, stk_body(service, checkout))
        assert [event.type for event in outgoing(service)] == ["payment.canceled"], "a claim, so far"
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, service.row(checkout).id)
            move_payment(session, payment, "late_payment", Cause(SERVICE, service.clock()))
        canceled, late = outgoing(service)
        assert data_of(canceled)["failureReason"]
        assert (late.type, data_of(late)["previousStatus"]) == ("payment.succeeded", "canceled")
        assert data_of(late)["failureReason"] is None
        assert_published_once(service)

    def test_a_push_that_never_left(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def unreachable(_push: object) -> None:
            raise NotSent("connection refused", operation="stk_push")

        monkeypatch.setattr(service.runtime.daraja, "stk_push", unreachable)
        service.initiate()
        [event] = outgoing(service)
        assert event.type == "payment.failed"
        assert data_of(event)["failureReason"]
        assert_published_once(service)

    def test_an_unclear_result_says_why(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, ResultCode=424242))
        [event] = outgoing(service)
        assert event.type == "payment.review"
        assert data_of(event)["failureReason"].startswith("Needs manual review")
        assert_published_once(service)

    def test_nothing_is_published_while_nothing_is_decided(self, service: Service) -> None:
        service.pending()
        assert outgoing(service) == []


class TestWithTheTransition:
    def test_rolled_back_with_it(self, service: Service) -> None:
        checkout = service.pending()
        payment_id = service.row(checkout).id

        def move_and_fail() -> None:
            with service.runtime.database.begin() as session:
                payment = lock_payment(session, payment_id)
                move_payment(session, payment, "paid", Cause(SERVICE, service.clock()))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            move_and_fail()
        assert outgoing(service) == []
        assert service.row(checkout).outgoing_count == 0

    def test_deliveries_are_fanned_out_to_those_who_want_it(self, service: Service) -> None:
        url = "http://127.0.0.1:9/hooks"
        everything = endpoints.add_endpoint(service.runtime, "boss", url)
        paid = endpoints.add_endpoint(
            service.runtime, "boss", url, [EventType.REFUND_FAILED, EventType.PAYMENT_SUCCEEDED]
        )
        endpoints.add_endpoint(service.runtime, "boss", url, [EventType.PAYMENT_REFUNDED])
        off = endpoints.add_endpoint(service.runtime, "boss", url)
        endpoints.disable_endpoint(service.runtime, "boss", off.id)
        service.paid()
        [event] = outgoing(service)
        rows = deliveries(service)
        assert {row.endpoint_id for row in rows} == {everything.id, paid.id}
        assert {(row.outgoing_event_id, row.status, row.resend) for row in rows} == {(event.id, "waiting", 0)}
        assert {row.due_at for row in rows} == {service.clock()}

    def test_an_underscore_is_no_wildcard(self, service: Service) -> None:
        endpoints.add_endpoint(
            service.runtime, "boss", "http://127.0.0.1:9/", [EventType.PAYMENT_PARTIALLY_REFUNDED]
        )
        service.refund(service.paid(), 10)
        complete(service)
        assert len(deliveries(service)) == 1


class TestPayload:
    def test_shape(self, service: Service) -> None:
        body = {"orderId": "ORDER1", "amount": 100, "phoneNumber": PHONE, "metadata": {"cart": "c-77"}}
        checkout = service.call("POST", "/initiate", body).json["data"]["checkoutRequestId"]
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        [event] = outgoing(service)
        row = service.row(checkout)
        assert json.loads(event.payload) == {
            "type": "payment.succeeded",
            "timestamp": "2026-11-22T12:00:00.000+03:00",
            "data": {
                "_id": row.id,
                "sequence": 1,
                "provider": "mpesa",
                "orderId": "ORDER1",
                "status": "succeeded",
                "amount": 100,
                "currency": "kes",
                "mpesaReceiptNumber": row.receipt,
                "refundedAmount": 0,
                "failureReason": None,
                "resultCode": "0",
                "evidence": "callback",
                "paidAt": None,
                "paidAtSource": None,
                "metadata": {"cart": "c-77"},
                "previousStatus": "pending",
            },
        }
        assert row.receipt
        assert event.event_id.startswith("evt_")

    def test_names_no_person_and_stays_small(self, service: Service) -> None:
        body = {"orderId": "O" * 64, "amount": 100, "phoneNumber": PHONE, "metadata": {"x": "\u00e9" * 670}}
        checkout = service.call("POST", "/initiate", body).json["data"]["checkoutRequestId"]
        service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})
        service.refund(checkout, 50)
        complete(service)
        assert len(outgoing(service)) == 3
        for event in outgoing(service):
            assert len(event.payload) < 20_000
            for personal in (PHONE[3:], "254712", "ws_CO", "phone"):
                assert personal.encode() not in event.payload

    def test_the_status_before_is_a_public_one(self, service: Service) -> None:
        checkout = service.pending()
        with service.runtime.database.begin() as session:
            payment = lock_payment(session, service.row(checkout).id)
            payment.status = PaymentStatus.SUBMITTING
            move_payment(session, payment, "paid", Cause(SERVICE, service.clock()))
        assert data_of(outgoing(service)[0])["previousStatus"] == "pending"
