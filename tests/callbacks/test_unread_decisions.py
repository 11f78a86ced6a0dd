"""People apply or dismiss unread callbacks."""

import json
from typing import Any

import pytest

from mpesa_service.callbacks import receive, unread
from mpesa_service.errors import Conflict
from tests.c2b.support import c2b_body, expect_order, post_c2b
from tests.callbacks.support import post, verdicts
from tests.callbacks.unread_support import WHY, admin, broken_rules, events, listed, repaired, waiting
from tests.support import Service

__all__ = ["waiting"]


class TestTheDecision:
    def test_apply_books_the_money(
        self, service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expect_order(service, amount=300)
        body = json.dumps(c2b_body(service, TransAmount="3OO.00")).encode()
        post_c2b(service, body)
        newest = str(service.inbox()[-1].post_id)
        service.clock.advance(60)
        repaired(monkeypatch)
        answer = admin(service, "POST", f"/{newest}/apply")
        assert (answer.status_code, answer.json["data"]["verdict"]) == (200, "applied")
        assert answer.json["data"]["decidedBy"] == "amina"
        row = service.inbox()[-1]
        assert (row.decided_by, row.decided_at, row.attempts) == ("amina", service.clock(), 2)
        [payment] = service.payments()
        assert (payment.status, payment.amount, answer.json["data"]["paymentId"]) == (
            "succeeded",
            300,
            payment.id,
        )
        again = admin(service, "POST", f"/{newest}/apply")
        assert (again.status_code, again.json["code"]) == (409, "not_unread")
        assert [entry["_id"] for entry in listed(service)] == [waiting]

    def test_apply_leaves_it_unread_without_a_second_alarm(self, service: Service, waiting: str) -> None:
        answer = admin(service, "POST", f"/{waiting}/apply")
        assert (answer.status_code, answer.json["data"]["verdict"]) == (200, "unread")
        assert (len(events(service)), service.inbox()[0].decided_by) == (1, None)
        assert answer.json["data"]["attempts"] == 2

    def test_all_at_once(self, service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
        service.clock.advance(1)
        checkout = service.pending()
        post(service.callback_url(checkout), b"not JSON")
        repaired(monkeypatch)
        done = admin(service, "POST", "/apply").json["data"]
        assert [entry["verdict"] for entry in done] == ["unmatched", "unread"]
        assert len(listed(service)) == 1

    def test_a_fault_of_ours_is_tried_again_by_the_job(
        self, service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: object) -> None:
            raise RuntimeError("a fault of ours")

        monkeypatch.setattr(receive, "handler_of", lambda _: fail)
        assert admin(service, "POST", f"/{waiting}/apply").json["data"]["verdict"] == "failed"

    def test_dismiss(self, service: Service, waiting: str) -> None:
        answer = admin(service, "POST", f"/{waiting}/dismiss", WHY)
        assert (answer.status_code, answer.json["data"]["verdict"]) == (200, "dismissed")
        assert answer.json["data"]["decidedWhy"] == WHY["reason"]
        assert (listed(service), broken_rules(service)) == ([], [])
        assert admin(service, "POST", f"/{waiting}/dismiss", WHY).status_code == 409
        assert admin(service, "POST", f"/{waiting}/apply").status_code == 409

    def test_an_apply_that_has_begun_does_not_overwrite_it(
        self, service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def after_a_dismissal(*arguments: Any) -> None:
            unread.dismiss_unread(service.runtime, "joseph", waiting, "junk")
            receive.apply_again(*arguments)

        monkeypatch.setattr(unread, "apply_again", after_a_dismissal)
        answer = admin(service, "POST", f"/{waiting}/apply")
        assert (answer.status_code, answer.json["code"]) == (409, "not_unread")
        assert (verdicts(service), service.inbox()[0].decided_by) == (["dismissed"], "joseph")

    def test_needs_a_reason(self, service: Service, waiting: str) -> None:
        for body in ({}, {"reason": ""}, {"reason": " "}, {"reason": "x" * 501}):
            assert admin(service, "POST", f"/{waiting}/dismiss", body).status_code == 400
        assert verdicts(service) == ["unread"]

    @pytest.mark.parametrize("callback", ["0" * 24, "1234567", "9" * 30, "%00"])
    def test_of_no_callback(self, service: Service, callback: str) -> None:
        for what, body in (("apply", None), ("dismiss", WHY)):
            answer = admin(service, "POST", f"/{callback}/{what}", body)
            assert (answer.status_code, answer.json["code"]) == (404, "callback_not_found")

    def test_by_an_admin_only(self, service: Service, waiting: str) -> None:
        for method, path in (("GET", ""), ("POST", "/apply"), ("POST", f"/{waiting}/dismiss")):
            assert service.call(method, f"/callbacks/unread{path}", WHY).status_code == 403

    def test_by_two_at_once(self, service: Service, waiting: str, monkeypatch: pytest.MonkeyPatch) -> None:
        real, calls = unread.apply_again, []

        def slow(runtime: Any, row: Any, decision: Any) -> Any:
            if not calls:
                calls.append(1)
                unread.apply_unread(runtime, "juma", waiting)
            return real(runtime, row, decision)

        monkeypatch.setattr(unread, "apply_again", slow)
        with pytest.raises(Conflict):
            unread.apply_unread(service.runtime, "amina", waiting)
        calls.clear()
        assert list(unread.apply_every_unread(service.runtime, "amina")) == []
        assert len(service.inbox()) == 1
