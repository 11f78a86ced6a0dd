"""Nothing personal or secret reaches a log line or stands in clear in the database."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from daraja_simulator.options import SANDBOX_INITIATOR_PASSWORD, SANDBOX_PASSKEY
from daraja_simulator.state import SimulatorState
from mpesa_service.callbacks.handlers import KINDS
from mpesa_service.commands import due
from mpesa_service.core.log_format import RedactingFormatter
from mpesa_service.models import Base
from mpesa_service.payments import reconcile
from tests.c2b.support import confirm, post_c2b
from tests.callbacks.support import stk_body
from tests.payouts.support import PAYBILL, POCHI, ROW, at_m_pesa, look, made, pay, post
from tests.refunds.support import complete
from tests.refunds.test_results import last_payout
from tests.support import SECRET, Service

PHONE = "254798765432"
NUMBER = PHONE[3:]
NAMES = ("ZAWADIFIRST", "ZAWADIMIDDLE", "ZAWADILAST")
RECEIVER = "ZAWADIRECEIVER"
TYPED = (f"0{NUMBER}", f"+254 {NUMBER[:3]} {NUMBER[3:6]} {NUMBER[6:]}", f"RENT {PHONE}")
"""What people type as account: their own number."""
SPELLINGS = (NUMBER, TYPED[1][5:])


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, at the most talkative level, as the service would write it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter())
    root, ours = logging.getLogger(), logging.getLogger("mpesa_service")
    levels = root.level, ours.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    ours.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(levels[0])
    ours.setLevel(levels[1])


def a_busy_day(service: Service) -> list[str]:
    """Take, fail, forge and pay back; return every secret that was used on the way."""
    checkout = service.paid(order="ORDER1", phone=PHONE)
    url = service.callback_url(checkout)
    service.refund(checkout, 40)
    complete(service)
    payout = last_payout(service)
    for body in (stk_body(service, checkout, amount=1.0, phone=int(PHONE)), {"PhoneNumber": PHONE}):
        requests.post(url, json=body, timeout=5)
        requests.post(f"{service.url}/api/mpesa/callback", json=body, timeout=5)
    service.simulator.post("/simulator/script", {"for": "stk_push", "fault": "error_5xx"})
    service.initiate(order="ORDER2", phone=PHONE)
    service.initiate(order="ORDER3", phone=f"+{PHONE}x")
    service.call("GET", f"/query/{checkout}", by="stranger")
    batch = made(service, {**ROW, "phoneNumber": PHONE}, {**POCHI, "phoneNumber": PHONE})
    assert (
        post(service, {"reference": "BAD", "rows": [{**ROW, "phoneNumber": f"+{PHONE}x"}]}).status_code == 400
    )
    pay(service)
    service.simulator.post("/simulator/clock/advance", {"seconds": 5})
    look(service, f"/{batch}/result.csv")
    paid_out = at_m_pesa(service)[-1]
    service.simulator.post("/simulator/script", {"for": "b2c", "fault": "token_refused", "times": 9})
    service.clock.advance(3_700)
    service.refund(checkout, 10)
    service.clock.advance(90_000)
    reconcile.check_due(service.runtime)
    due.check_due(service.runtime, KINDS)
    tokens = [url, payout.result_url, payout.timeout_url, paid_out.result_url, paid_out.timeout_url]
    return [
        NUMBER,
        checkout,
        SANDBOX_PASSKEY,
        SANDBOX_INITIATOR_PASSWORD,
        SECRET,
        service.token(),
        service.token("boss", "admin"),
        *(address.rsplit("/", 1)[1] for address in tokens),
        *service.simulator.state.tokens._tokens,
    ]


def a_day_of_c2b_and_payouts(service: Service, monkeypatch: pytest.MonkeyPatch) -> str:
    """Receive C2B payments and make payouts; return everything that is shown about them."""
    monkeypatch.setattr(SimulatorState, "display_name", lambda _state, party: f"{party} - {RECEIVER}")
    personal = dict(zip(("FirstName", "MiddleName", "LastName"), NAMES, strict=True)) | {"MSISDN": PHONE}
    for number, typed in enumerate(TYPED):
        confirm(service, TransID=f"RKL51ZDR{number}A", BillRefNumber=typed, **personal)
        confirm(service, TransID=f"RKL51ZDR{number}C", BillRefNumber=typed, TransAmount="9.50", **personal)
    confirm(service, TransID="RKL51ZDR0A", BillRefNumber="ELSE", **personal)
    post_c2b(service, {"MSISDN": PHONE, "BillRefNumber": TYPED[0], "FirstName": NAMES[0]})
    post_c2b(service, {"TransAmount": "1", **personal}, "validation")
    account = {**PAYBILL, "accountReference": TYPED[0]}
    batch = made(service, {**ROW, "phoneNumber": PHONE}, {**POCHI, "phoneNumber": PHONE}, account)
    assert post(service, {"reference": "BAD", "rows": [{**account, "amount": 0}]}).status_code == 400
    pay(service)
    service.simulator.post("/simulator/clock/advance", {"seconds": 5})
    return all_that_is_shown(service, batch)


def all_that_is_shown(service: Service, batch: str) -> str:
    """Return what an admin sees of unmatched money, payments and payouts, by the API and on a terminal."""

    def body_of(method: str, path: str, body: Any = None) -> str:
        answer = service.call(method, path, body, by="amina", admin=True)
        text = str(answer.text)
        answer.close()
        assert answer.status_code in {200, 201, 202}, text
        return text

    found = [body_of("GET", "/unmatched?limit=50")]
    listed = {one["reason"]: one["_id"] for one in json.loads(found[0])["data"]}
    matched, cents = listed["fits_no_order"], listed["fractional_amount"]
    found.append(body_of("POST", "/orders", {"orderId": "FOUND1", "amount": 100}))
    why = {"reason": "he called"}
    found.append(body_of("POST", f"/unmatched/{matched}/match", why | {"orderId": "FOUND1"}))
    found.append(body_of("POST", f"/unmatched/{cents}/close", why))
    exports = ("/payments/export?format=csv", "/payments/export?format=jsonl")
    paths = ("/review", "/payments", f"/payments/{matched}/events", f"/query/{matched}", "/orders/FOUND1")
    rows = (f"/payouts/{batch}", f"/payouts/{batch}/rows", f"/payouts/{batch}/result.csv")
    found += [body_of("GET", path) for path in (*exports, *paths, *rows, "/transactions/RKL51ZDR0A")]
    runner = service.app.test_cli_runner()
    found.append(runner.invoke(args=["mpesa", "unmatched", "list"], env={"COLUMNS": "240"}).stdout)
    return "".join(found)


def test_no_canary_in_the_log(service: Service, log: io.StringIO) -> None:
    canaries = a_busy_day(service)
    written = log.getvalue()
    assert written.count("state change") >= 8, "the log was really written"
    assert [canary for canary in canaries if canary in written] == []


def test_c2b_and_payouts_are_shown_masked(
    service: Service, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = a_day_of_c2b_and_payouts(service, monkeypatch)
    assert "254798***432" in shown
    assert "RENT 254798***432" in shown
    assert "succeeded" in shown
    assert " ".join(NAMES) in shown, "admins see the payer's name in the lists of what waits"
    assert [canary for canary in (*SPELLINGS, RECEIVER) if canary in shown] == []
    canaries = (*SPELLINGS, *NAMES, RECEIVER)
    written = log.getvalue()
    assert written.count("state change") >= 8, "the log was really written"
    assert [canary for canary in canaries if canary in written] == []


def test_no_canary_of_c2b_and_payouts_in_the_database(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_day_of_c2b_and_payouts(service, monkeypatch)
    assert_not_stored(service, [*SPELLINGS, *NAMES, RECEIVER])


def test_no_canary_in_the_database_file(service: Service) -> None:
    assert_not_stored(service, a_busy_day(service))


def assert_not_stored(service: Service, canaries: list[str]) -> None:
    if not service.runtime.database.is_sqlite:
        with service.runtime.database.read() as session:
            written = "".join(
                repr(row).lower()
                for table in Base.metadata.sorted_tables
                for row in session.execute(table.select())
            )
        assert "succeeded" in written
        assert [canary for canary in canaries if canary.lower() in written] == []
        return
    file = Path(str(service.runtime.database.engine.url.database))
    service.runtime.database.dispose()
    raw = b"".join(path.read_bytes() for path in file.parent.glob(f"{file.name}*"))
    assert b"succeeded" in raw
    assert [canary for canary in canaries if canary.encode() in raw] == []
