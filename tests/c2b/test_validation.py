"""Validation requests of M-Pesa: the answer follows the rules, and always comes in time."""

import json
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from sqlalchemy import text

from mpesa_service.c2b import validation
from mpesa_service.core.encryption import token_hash
from mpesa_service.domain.c2b_secrets import C2bSecretRecord
from mpesa_service.models import ExpectedOrder
from tests.c2b.support import c2b_addresses, c2b_body, post_c2b
from tests.c2b.test_matching import repeat_by_callback
from tests.orders.support import add_order
from tests.support import Listening, Service, TestClock, start_service

ACCEPTED = {"ResultCode": "0", "ResultDesc": "Accepted"}


def rejected(code: str) -> dict[str, str]:
    return {"ResultCode": code, "ResultDesc": "Rejected"}


def validate(service: Service, **changes: Any) -> dict[str, str]:
    """Send a validation request as M-Pesa does; return the answer's body without the order."""
    answer = post_c2b(service, c2b_body(service, OrgAccountBalance="", **changes), "validation")
    assert answer.status_code == 200
    found = dict(answer.json())
    found.pop("ThirdPartyTransID", None)
    return found


def set_rules(service: Service, reference: str = "open", amount: str = "any", unsure: str = "accept") -> None:
    body = {"referenceRule": reference, "amountRule": amount, "whenUnsure": unsure}
    assert service.call("PUT", "/c2b/rules", body, by="amina", admin=True).status_code == 200


class TestAnswers:
    def test_the_usual_rules_let_everything_through(self, service: Service) -> None:
        assert validate(service, BillRefNumber="RENT 4B") == ACCEPTED

    def test_the_answer_names_the_expected_order(self, service: Service) -> None:
        add_order(service, "ORDER-1001")
        body = c2b_body(service, BillRefNumber=" order 1001")
        assert post_c2b(service, body, "validation").json() == {**ACCEPTED, "ThirdPartyTransID": "ORDER-1001"}

    def test_an_account_that_nobody_knows(self, service: Service) -> None:
        set_rules(service, reference="known")
        assert validate(service, BillRefNumber="RENT 4B") == rejected("C2B00012")
        assert validate(service, BillRefNumber="") == rejected("C2B00012")

    @pytest.mark.parametrize("typed", ["ORDER-1001", "order1001", "71C270BR1001", "71c270br1001"])
    def test_an_account_as_people_type_it(self, service: Service, typed: str) -> None:
        set_rules(service, reference="known")
        add_order(service, "ORDER-1001")
        assert validate(service, BillRefNumber=typed) == ACCEPTED

    @pytest.mark.parametrize(
        ("amount_rule", "amount", "answer"),
        [
            ("exact", "60.00", ACCEPTED),
            ("exact", "100.00", rejected("C2B00013")),
            ("minimum", "59", rejected("C2B00013")),
            ("minimum", "61", ACCEPTED),
            ("any", "1.00", ACCEPTED),
            ("any", "1.50", rejected("C2B00013")),
        ],
    )
    def test_the_amount_that_is_still_due(
        self, service: Service, amount_rule: str, amount: str, answer: dict[str, str]
    ) -> None:
        set_rules(service, amount=amount_rule)
        add_order(service, amount=100, received_amount=40, status="partially_paid")
        assert validate(service, TransAmount=amount) == answer

    def test_an_orders_own_rule_comes_first(self, service: Service) -> None:
        add_order(service, amount_rule="exact")
        assert validate(service, TransAmount="90.00") == rejected("C2B00013")

    @pytest.mark.parametrize("status", ["paid", "overpaid", "expired", "canceled"])
    def test_an_order_that_takes_no_more(self, service: Service, status: str) -> None:
        add_order(service, status=status)
        assert validate(service) == rejected("C2B00016")

    def test_an_order_whose_time_is_over(self, service: Service) -> None:
        add_order(service, expires_at=service.clock() + timedelta(minutes=5))
        assert validate(service) == ACCEPTED
        service.clock.advance(300)
        assert validate(service) == rejected("C2B00016")

    def test_another_shortcode(self, service: Service) -> None:
        assert validate(service, BusinessShortCode="600000") == rejected("C2B00015")

    @pytest.mark.parametrize(("unsure", "answer"), [("accept", ACCEPTED), ("reject", rejected("C2B00016"))])
    def test_two_orders_may_be_meant(self, service: Service, unsure: str, answer: dict[str, str]) -> None:
        set_rules(service, "known", "exact", unsure)
        add_order(service, "ORDER1")
        add_order(service, "ORDER2", account_key="order1")
        assert validate(service) == answer


class TestPrompts:
    """M-Pesa may validate a push to a shortcode with external validation, too."""

    def test_its_money_is_let_through(self, service: Service) -> None:
        set_rules(service, "known", "exact")
        service.pending()
        assert validate(service) == ACCEPTED
        assert validate(service, TransAmount="90.00") == rejected("C2B00013")

    def test_a_failed_payment_may_be_paid_by_c2b(self, service: Service) -> None:
        set_rules(service, "known", "exact")
        repeat_by_callback(service, service.pending(), ResultCode=1032)
        assert validate(service) == ACCEPTED
        assert validate(service, TransAmount="90.00") == rejected("C2B00013")

    def test_what_is_paid_is_not_paid_again(self, service: Service) -> None:
        service.paid()
        assert validate(service) == rejected("C2B00016")


class TestTills:
    @pytest.fixture
    def service(
        self,
        listening: Listening,
        simulator: Any,
        clock: TestClock,
        service_env: dict[str, str],
        sqlite_url: str,
    ) -> Any:
        env = {**service_env, "DATABASE_URL": sqlite_url}
        env |= {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "MPESA_TILL": "600111"}
        started = start_service(listening, simulator, clock, env)
        yield started
        started.runtime.database.dispose()

    @pytest.mark.parametrize(("unsure", "answer"), [("accept", ACCEPTED), ("reject", rejected("C2B00016"))])
    def test_a_payment_to_a_till_names_no_order(
        self, service: Service, unsure: str, answer: dict[str, str]
    ) -> None:
        set_rules(service, "known", "exact", unsure)
        assert validate(service, BillRefNumber="", BusinessShortCode="600111") == answer


class TestInTime:
    def test_a_stranger_receives_nothing(self, service: Service) -> None:
        body = c2b_body(service)
        answer = service.app.test_client().post(f"/c2b/{'0' * 64}/validation", json=body)
        assert answer.status_code == 404
        assert service.inbox() == []

    def test_the_request_is_stored(self, service: Service) -> None:
        add_order(service, status="paid")
        body = json.dumps(c2b_body(service)).encode()
        post_c2b(service, body, "validation")
        [row] = service.inbox()
        assert (row.kind, row.verdict, row.reason) == (
            "c2b_validation",
            "noted",
            "rejected C2B00016 order",
        )
        assert row.processed_at == service.clock()
        assert service.runtime.encryption.decrypt_bytes(row.body_encrypted) == body
        assert service.payments() == []

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"TransID":"X"}'])
    def test_what_cannot_be_read(self, service: Service, body: bytes) -> None:
        assert post_c2b(service, body, "validation").json() == ACCEPTED
        [row] = service.inbox()
        assert row.verdict == "unreadable"

    @pytest.mark.parametrize(
        "body", [b"", b"[]", *({"TransAmount": text} for text in ("-5", "NaN", "1e3", "9" * 20))], ids=str
    )
    def test_what_cannot_be_read_goes_by_the_stored_rule(self, service: Service, body: Any) -> None:
        sent = body if isinstance(body, bytes) else c2b_body(service, **body)
        for unsure, answer in (("reject", rejected("C2B00016")), ("accept", ACCEPTED)):
            set_rules(service, unsure=unsure)
            assert post_c2b(service, sent, "validation").json() == answer

    def test_a_database_that_is_busy(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Somebody has locked what must be read, and what must be written: the answer comes all the same."""
        monkeypatch.setattr(validation, "JUDGE_SECONDS", 0.4)
        monkeypatch.setattr(validation, "KEEP_SECONDS", 0.2)
        monkeypatch.setattr(validation, "STATEMENT_SECONDS", 0.2)
        threads = ThreadPoolExecutor(2)
        monkeypatch.setattr(validation, "_threads", threads)
        set_rules(service, "known", "exact")
        c2b_addresses(service)
        sqlite = service.runtime.database.is_sqlite
        lock = "LOCK TABLE expected_orders, callback_inbox IN ACCESS EXCLUSIVE MODE"
        with service.runtime.database.begin() as session:
            session.execute(text("SELECT 1" if sqlite else lock))
            began = time.monotonic()
            answer = validate(service, BillRefNumber="RENT 4B")
            took = time.monotonic() - began
        # SQLite's readers wait for nobody, so there the rules are followed; only the inbox is late.
        assert answer == (rejected("C2B00012") if sqlite else ACCEPTED)
        assert took < 5
        assert "a part of a validation failed, or took too long" in caplog.text
        threads.shutdown()
        assert len(service.inbox()) == 1, "the request is stored when the database is free"

    @pytest.mark.parametrize(("unsure", "answer"), [("accept", ACCEPTED), ("reject", rejected("C2B00016"))])
    def test_a_database_that_is_away(
        self,
        listening: Listening,
        simulator: Any,
        clock: TestClock,
        service_env: dict[str, str],
        tmp_path: Any,
        unsure: str,
        answer: dict[str, str],
    ) -> None:
        address = f"sqlite:///{tmp_path}/nowhere/service.db"
        env = {**service_env, "DATABASE_URL": address, "C2B_WHEN_UNSURE": unsure}
        service = start_service(listening, simulator, clock, env)
        url = f"{service.url}/c2b/{'0a' * 32}/validation"
        assert requests.post(url, json=c2b_body(service), timeout=30).status_code == 503
        known = C2bSecretRecord(1, "174379", "amina", clock(), None, None, None, None, None)
        service.runtime.c2b_secrets.reload(lambda: {token_hash("0a" * 32): known}, clock())
        clock.advance(60)
        assert requests.post(url, json=c2b_body(service), timeout=30).json() == answer
        service.runtime.database.dispose()

    def test_what_is_logged_names_nobody(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "mpesa_service"):
            validate(service, BillRefNumber="NICHOLAS 0712345678")
        [record] = [record for record in caplog.records if record.getMessage() == "validation"]
        assert (record.__dict__["verdict"], record.__dict__["reason"]) == ("0", "")
        assert "NICHOLAS" not in caplog.text


class TestRules:
    def show(self, service: Service) -> dict[str, Any]:
        answer = service.call("GET", "/c2b/rules", by="amina", admin=True)
        assert answer.status_code == 200
        return dict(answer.json["data"])

    def test_the_usual_ones(self, service: Service) -> None:
        assert self.show(service) == {
            "shortcode": "174379",
            "referenceRule": "open",
            "amountRule": "any",
            "whenUnsure": "accept",
            "updatedBy": None,
            "updatedAt": None,
        }

    def test_are_set_and_set_again(self, service: Service) -> None:
        set_rules(service, "known", "minimum", "reject")
        set_rules(service, "known", "exact", "reject")
        assert self.show(service) == {
            "shortcode": "174379",
            "referenceRule": "known",
            "amountRule": "exact",
            "whenUnsure": "reject",
            "updatedBy": "amina",
            "updatedAt": "2026-11-22T12:00:00.000+03:00",
        }

    @pytest.mark.parametrize(
        "body",
        [{}, {"referenceRule": "known"}, {"referenceRule": "x", "amountRule": "any", "whenUnsure": "accept"}],
    )
    def test_must_be_whole_and_known(self, service: Service, body: dict[str, str]) -> None:
        answer = service.call("PUT", "/c2b/rules", body, by="amina", admin=True)
        assert (answer.status_code, answer.json["code"]) == (400, "invalid_request")
        assert self.show(service)["updatedBy"] is None

    def test_a_change_is_in_the_log(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.INFO, "mpesa_service.audit"):
            set_rules(service, "known")
        [record] = [one for one in caplog.records if one.getMessage() == "c2b rules changed"]
        assert (record.__dict__["actor"], record.__dict__["reference"]) == ("amina", "known")


def test_the_order_of_a_validation_is_left_as_it_was(service: Service) -> None:
    order_id = add_order(service)
    validate(service)
    with service.runtime.database.read() as session:
        order = session.get_one(ExpectedOrder, order_id)
        assert (order.status, order.received_amount) == ("open", 0)
