"""What arrives on a secret address and cannot be read waits for a person, and raises an alarm until then."""

import json
import logging

import pytest
import requests
from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.callbacks import handlers, receive
from mpesa_service.callbacks.receive import apply_failed_again
from mpesa_service.commands.due import check_due as check_commands
from mpesa_service.commands.sending import tokens_of
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import Health
from mpesa_service.payments.reconcile import check_due
from tests.c2b.support import confirmations, post_c2b
from tests.callbacks.support import plain, post, stk_body, verdicts
from tests.callbacks.unread_support import BROKEN, admin, broken_rules, events, listed, repaired, waiting
from tests.payments.support import lose_callbacks, pay
from tests.refunds.test_results import result, result_token
from tests.support import Service

__all__ = ["waiting"]


class TestTheAlarm:
    def test_is_raised_everywhere(
        self, service: Service, waiting: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert verdicts(service) == ["unread"]
        [entry] = listed(service)
        assert (entry["_id"], entry["kind"], entry["verdict"]) == (waiting, "c2b_confirmation", "unread")
        assert (entry["sourceAddress"], entry["size"]) == ("127.0.0.1", len(BROKEN))
        assert entry["reason"] == "c2b_callback: TransAmount is missing or cannot be read"
        assert entry["decidedBy"] is None
        [event] = events(service)
        assert event.subject_id == waiting
        data = json.loads(event.payload)["data"]
        assert (data["_id"], data["kind"], data["size"]) == (waiting, "c2b_confirmation", len(BROKEN))
        alerts = [line for line in caplog.get_records("setup") if "ALERT" in line.getMessage()]
        assert [line.levelno for line in alerts] == [logging.ERROR]
        assert broken_rules(service) == ["callbacks_are_read"]
        [found] = doctor.waiting(service.runtime)
        assert (found.health, found.found[:18]) == (Health.WRONG, "1 cannot be read, ")

    def test_contains_nothing_of_the_body(self, service: Service, waiting: str) -> None:
        [entry] = listed(service)
        assert entry["outline"].startswith('{"TransID": "xxxxxxxxxx", "TransAmount": "xxx.xx", "MSISDN": ')
        for text in (json.dumps(entry), events(service)[0].payload.decode()):
            for secret in ("JANE", "254712345678", "RKL51ZDR4F", "3OO"):
                assert secret not in text

    def test_is_not_raised_by_strangers(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        service.pending()
        post(plain(service), b"{")
        post(f"{plain(service)}/{'x' * 43}", b"{")
        assert requests.post(f"{service.url}/c2b/wrong/confirmation", data=b"{", timeout=5).status_code == 404
        post_c2b(service, b"{", "validation")
        assert verdicts(service) == ["unreadable", "unreadable", "unreadable"]
        assert (listed(service), events(service), broken_rules(service)) == ([], [], [])
        assert list(doctor.waiting(service.runtime)) == []
        assert "ALERT" not in caplog.text

    def test_doctor_without_a_database(self, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail() -> None:
            raise SQLAlchemyError

        monkeypatch.setattr(service.runtime.database, "read", fail)
        assert list(doctor.waiting(service.runtime)) == []

    def test_pages(self, service: Service) -> None:
        for _ in range(3):
            post_c2b(service, BROKEN)
            service.clock.advance(1)
        first = listed(service, "?limit=2")
        rest = listed(service, f"?limit=2&after={first[-1]['_id']}")
        assert [entry["_id"] for entry in first + rest] == [row.post_id for row in service.inbox()]
        assert admin(service, "GET", "?after=X").status_code == 400

    def test_a_retry_of_a_failed_callback_raises_it_too(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(receive, "handler_of", lambda _: fail)
        post_c2b(service, BROKEN)
        monkeypatch.undo()
        assert (verdicts(service), events(service)) == (["failed"], [])
        apply_failed_again(service.runtime)
        assert (verdicts(service), len(events(service))) == (["unread"], 1)


class TestWhatItIsAbout:
    def test_a_payment_is_queried_at_once(self, service: Service) -> None:
        lose_callbacks(service)
        checkout = service.pending()
        pay(service, checkout)
        body = stk_body(service, checkout, amount="1OO")
        post(service.callback_url(checkout), body)
        payment = service.row(checkout)
        assert (payment.status, payment.next_check_at) == ("pending", service.clock())
        assert [entry["paymentId"] for entry in listed(service)] == [payment.id]
        assert check_due(service.runtime) == 1
        assert service.row(checkout).status == "succeeded"

    def test_a_payment_that_failed_is_queried_too(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout, ResultCode=1032))
        post(service.callback_url(checkout), b"not JSON")
        assert service.row(checkout).next_check_at == service.clock()

    def test_a_paid_payment_is_not(self, service: Service) -> None:
        checkout = service.pending()
        post(service.callback_url(checkout), stk_body(service, checkout))
        post(service.callback_url(checkout), b"not JSON")
        assert (verdicts(service), service.row(checkout).next_check_at) == (["applied", "unread"], None)

    def test_one_without_an_id_at_daraja_keeps_its_schedule(self, service: Service) -> None:
        service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "answer_lost"})
        service.initiate()
        [payment] = service.payments()
        url = next(iter(service.simulator.state.prompts.values())).push.callback_url
        post(url, b"not JSON")
        assert service.payments()[0].next_check_at == payment.next_check_at

    def test_a_refund_is_queried_at_once(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        result(service, result_token(service), ResultCode=[])
        [refund] = service.refunds()
        assert (refund.status, refund.next_check_at) == ("pending", service.clock())
        assert listed(service)[0]["refundId"] == refund.id
        assert check_commands(service.runtime, handlers.KINDS) == 1
        assert service.ledger()["requests"]["transaction_status"] == 1

    def test_a_refund_that_m_pesa_has_not_accepted_is_not_sent_again_sooner(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.simulator.post("/simulator/script", {"for": "b2c", "fault": "answer_lost"})
        service.refund(checkout, 60)
        [before] = service.refunds()
        result(service, result_token(service), ResultCode=[])
        assert service.refunds()[0].next_check_at == before.next_check_at

    def test_an_unread_answer_to_a_query_causes_no_further_query(self, service: Service) -> None:
        checkout = service.paid(amount=100)
        service.refund(checkout, 60)
        [before] = service.refunds()
        token = tokens_of(service.runtime.encryption, "refund", before.id).status
        result(service, f"status/result/{token}", ResultCode=[])
        assert (service.refunds()[0].next_check_at, verdicts(service)[-1]) == (before.next_check_at, "unread")


def test_an_old_confirmation_keeps_the_time_of_its_arrival(
    service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = service.clock()
    service.clock.advance(86_400)
    repaired(monkeypatch)
    admin(service, "POST", f"/{waiting}/apply")
    assert [row.received_at for row in confirmations(service)] == [arrived]
