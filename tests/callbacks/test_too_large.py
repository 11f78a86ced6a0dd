"""A post that is too large is refused. On a secret address its beginning waits for a person."""

import hashlib
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from sqlalchemy.exc import OperationalError

from mpesa_service.callbacks import too_large
from mpesa_service.callbacks.unread import read_callback
from mpesa_service.commands.sending import tokens_of
from mpesa_service.operations import doctor
from mpesa_service.operations.check_results import Health
from mpesa_service.web.large_bodies import READ_BYTES
from tests.c2b.support import c2b_addresses, c2b_body, expect_order
from tests.callbacks.support import plain
from tests.callbacks.unread_support import WHY, admin, broken_rules, events, listed
from tests.cli.test_unmatched import run
from tests.support import Service

SIZE, STORED = 70_000, 65_536
BODY = b"PRIVATE" * (SIZE // 7)


def not_stored(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """Return what the log says about posts that are not stored."""
    lines = [line for line in caplog.records if line.name == too_large.__name__ and "ALERT" in line.msg]
    assert all(line.levelno == logging.ERROR and "PRIVATE" not in str(vars(line)) for line in lines)
    names = ("kind", "size", "payment_id", "refund_id", "address", "reason")
    return [{name: getattr(line, name) for name in names if hasattr(line, name)} for line in lines]


def send(url: str, data: Any = BODY) -> None:
    assert requests.post(url, data=data, timeout=5).status_code == 413


class TestIsUnread:
    def test_on_the_address_for_confirmations(
        self, service: Service, caplog: pytest.LogCaptureFixture
    ) -> None:
        send(c2b_addresses(service).confirmation)
        [entry] = listed(service)
        assert (entry["verdict"], entry["size"], entry["cut"]) == ("unread", SIZE, True)
        assert entry["sha256"] == hashlib.sha256(BODY).hexdigest()
        assert "only the first 65536 of its 70000 bytes are stored" in entry["reason"]
        record, body = read_callback(service.runtime, entry["_id"])
        assert (record.size, body) == (SIZE, BODY[:STORED])
        [event] = events(service)
        assert json.loads(event.payload)["data"]["size"] == SIZE
        assert "ALERT: a callback on a secret address cannot be read" in caplog.text
        assert broken_rules(service) == ["callbacks_are_read"]
        assert [one.health for one in doctor.waiting(service.runtime)] == [Health.WRONG]
        assert not_stored(caplog) == []

    def test_on_the_address_of_a_payment_which_is_queried_at_once(self, service: Service) -> None:
        checkout = service.pending()
        send(service.callback_url(checkout))
        [entry] = listed(service)
        assert (entry["kind"], entry["paymentId"]) == ("stk", service.row(checkout).id)
        assert service.row(checkout).next_check_at == service.clock()

    @pytest.mark.parametrize("kind", ["result", "timeout", "status/result", "status/timeout"])
    def test_on_the_addresses_of_a_command(self, service: Service, kind: str) -> None:
        service.refund(service.paid(amount=100), 40)
        [before] = service.refunds()
        tokens = tokens_of(service.runtime.encryption, "refund", before.id)
        send(f"{plain(service)}/command/{kind}/{getattr(tokens, kind.split('/')[0])}")
        [entry] = listed(service)
        assert (entry["kind"], entry["refundId"]) == (f"command_{kind.replace('/', '_')}", before.id)
        [refund] = service.refunds()
        queried = service.clock() if kind == "result" else before.next_check_at
        assert (refund.status, refund.next_check_at) == (before.status, queried)

    def test_in_chunks(self, service: Service) -> None:
        sent = [b"PRIVATE" * 1_000] * 12

        def chunks() -> Iterator[bytes]:
            yield from sent

        send(service.callback_url(service.pending()), chunks())
        [entry] = listed(service)
        assert (entry["size"], entry["sha256"]) == (84_000, hashlib.sha256(b"".join(sent)).hexdigest())

    def test_without_reading_all_of_an_endless_one(self, service: Service) -> None:
        send(service.callback_url(service.pending()), b"x" * (READ_BYTES + 1))
        [entry] = listed(service)
        assert (entry["size"], entry["sha256"], entry["cut"]) == (READ_BYTES + 1, None, True)


class TestTheDecision:
    def test_it_is_never_applied_even_if_its_beginning_can_be_read(self, service: Service) -> None:
        expect_order(service, amount=300)
        body = json.dumps(c2b_body(service, TransAmount="300.00")).encode() + b" " * SIZE
        send(c2b_addresses(service).confirmation, body)
        [entry] = listed(service)
        answer = admin(service, "POST", f"/{entry['_id']}/apply")
        assert (answer.status_code, answer.json["data"]["verdict"]) == (200, "unread")
        assert "mpesa receipts book RECEIPT --by NAME" in answer.json["message"]
        assert [one["verdict"] for one in admin(service, "POST", "/apply").json["data"]] == ["unread"]
        shown = run(service, "callbacks", "apply", "--all", "--by", "amina", code=1)
        assert "is still unread: too large: only the first 65536" in shown
        assert "the first 65536 bytes" in run(service, "callbacks", "show", entry["_id"])
        assert service.payments() == []

    def test_a_person_dismisses_it(self, service: Service) -> None:
        send(c2b_addresses(service).confirmation)
        [entry] = listed(service)
        assert admin(service, "POST", f"/{entry['_id']}/dismiss", WHY).status_code == 200
        assert (listed(service), broken_rules(service)) == ([], [])


class TestTheLimit:
    def test_of_one_address_in_an_hour(
        self, service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(too_large, "STORED_PER_HOUR", 2)
        confirmation = c2b_addresses(service).confirmation
        for number in range(3):
            send(confirmation, BODY + b"%d" % number)
        assert len(listed(service)) == 2
        [line] = not_stored(caplog)
        assert line["reason"] == "its address has stored 2 such posts in the last hour"
        send(service.callback_url(service.pending()))
        assert len(listed(service)) == 3
        service.clock.advance(3_601)
        send(confirmation)
        assert len(listed(service)) == 4

    def test_a_repetition_is_stored_once(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        for _ in range(2):
            send(c2b_addresses(service).confirmation)
        [entry] = listed(service)
        [line] = not_stored(caplog)
        assert line["reason"] == f"the same post is unread: {entry['_id']}"

    def test_strangers_store_nothing(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        service.pending()
        for path in ("", "/invented", "/command/result/invented", "/command/status/timeout/invented"):
            send(plain(service) + path)
        send(f"{service.url}/c2b/invented/confirmation")
        assert (service.inbox(), not_stored(caplog)) == ([], [])

    def test_a_validation_moves_no_money(self, service: Service, caplog: pytest.LogCaptureFixture) -> None:
        send(c2b_addresses(service).validation)
        assert service.inbox() == []
        [line] = not_stored(caplog)
        assert (line["kind"], line["reason"]) == ("c2b_validation", "a validation moves no money")


def test_that_cannot_be_stored_leaves_a_line_in_the_log(
    service: Service, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("INSERT", {}, Exception("no room"))

    monkeypatch.setattr(too_large, "_keep", broken)
    send(c2b_addresses(service).confirmation)
    [line] = not_stored(caplog)
    assert line["reason"] == "storing it raised OperationalError"
