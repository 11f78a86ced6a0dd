"""Nothing personal or secret reaches a log line or stands in clear in the database."""

import io
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from mpesa_service.logs import RedactingFormatter
from mpesa_service.models import Base
from mpesa_service.services.commands.due import look_into_due
from mpesa_service.services.reconcile import ask_due
from mpesa_service.simulator.options import SANDBOX_INITIATOR_PASSWORD, SANDBOX_PASSKEY
from tests.payouts import POCHI, ROW, at_m_pesa, look, made, pay, post
from tests.services.test_inbox import stk_body
from tests.services.test_refunds import complete, last_payout
from tests.support import SECRET, Service

PHONE = "254798765432"
NUMBER = PHONE[3:]


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
    ask_due(service.runtime)
    look_into_due(service.runtime)
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
        *service.simulator.world.tokens._tokens,
    ]


def test_no_canary_in_the_log(service: Service, log: io.StringIO) -> None:
    canaries = a_busy_day(service)
    written = log.getvalue()
    assert written.count("state change") >= 8, "the log was really written"
    assert [canary for canary in canaries if canary in written] == []


def test_no_canary_in_the_database_file(service: Service, tmp_path: Path) -> None:
    canaries = a_busy_day(service)
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
    service.runtime.database.dispose()
    raw = b"".join(path.read_bytes() for path in tmp_path.glob("service.db*"))
    assert b"succeeded" in raw
    assert [canary for canary in canaries if canary.encode() in raw] == []
