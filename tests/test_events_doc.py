"""What docs/events.md says is what the service does: samples, headers and the three verifiers."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import inspect
from standardwebhooks import Webhook

from mpesa_service.c2b.pull_records import pull_record
from mpesa_service.c2b.pull_runs import suspect_event
from mpesa_service.core import suspensions
from mpesa_service.core.inbox import CallbackOutcome, Received, unread_event
from mpesa_service.domain import moves
from mpesa_service.domain.audit import Cause
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.discrepancies import opened_event
from mpesa_service.domain.event_types import EventType
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.plans import Event
from mpesa_service.domain.states import PaymentStatus, RefundStatus
from mpesa_service.inquiries import balances
from mpesa_service.models import Approval, Payment, Payout, PayoutBatch, Pull, Refund
from mpesa_service.models.commit import payload
from mpesa_service.outflow.decisions import approval_event
from mpesa_service.payments.transitions import refund_data
from mpesa_service.payouts import transitions
from mpesa_service.payouts.views import Share
from mpesa_service.webhooks.signing import new_secret, signed_headers

TEXT = (Path(__file__).resolve().parents[1] / "docs" / "events.md").read_text()
BODY = '{"type":"payment.succeeded","data":{"note":"asante \u00e9"}}'.encode()


def code(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found is not None
    return found[1]


def test_every_event_has_a_sample() -> None:
    samples = {}
    for heading, text in re.findall(r"### `([a-z._]+)`\n.*?```json\n(.*?)```", TEXT, re.DOTALL):
        samples[heading] = json.loads(text)
        assert samples[heading]["type"] == heading
    assert set(samples) == {kind.value for kind in EventType}


SHOWN = ("waiting", "pending", "unknown", "succeeded", "failed", "canceled", "review")


def payment_events(now: datetime) -> dict[str, Event]:
    """Return the events of a payment that pays a part of its order, and one of its refund."""
    columns = dict.fromkeys(inspect(Payment).columns.keys(), None)
    columns |= {"id": "p", "status": "pending", "amount": 40, "refunded_amount": 0, "details": {}}
    columns |= {"event_count": 0, "outgoing_count": 0}
    order = OrderFacts("o", 1, "shop", "ORDER1", 100, None, 0, 0, "open", None, {})
    change = PaymentChange(PaymentFacts(columns, "p", PaymentStatus.PENDING, 40, order=order))
    change.move("paid", Cause("mpesa", now))
    refund = Refund(status="succeeded", amount=40)
    change.publish(EventType.REFUND_SUCCEEDED, {"refund": refund_data(refund, RefundStatus.PENDING)}, now)
    payment, ordered, refunded = change.events
    of_order = PaymentFacts(
        {**change.now, "channel": "c2b", "order_id": "ORDER1", "version": 1}, "p", change.status, 40
    )
    moved = moves.move(of_order, order, Cause("operator:amina", now)).events[0]
    return {"payment": payment, "order": ordered, "refund": refunded, "payment.moved": moved}


def made_today(heading: str) -> dict[str, Any]:
    """Return an event of this type as the service writes it."""
    now, kind = datetime.now(UTC), EventType(heading)
    payout, batch = Payout(id="p", status="failed", outgoing_count=1), PayoutBatch(id="b", outgoing_count=1)
    suspension = suspensions.SuspensionRecord("payouts", "why", now)
    approval = Approval(id="a", status="waiting", limits="single", outgoing_count=1)
    kinds = {
        **payment_events(now),
        "payout": transitions.payout_event(kind, payout, "PAY-1", "pending", now),
        "payout_batch": transitions.batch_event(kind, batch, {status: Share() for status in SHOWN}, now),
        "balance": balances.low_balance_event("Utility Account", 99_999, 1000, 1, now),
        "approval": approval_event(approval, now),
        "callback": unread_event(
            Received(CallbackKind.C2B_CONFIRMATION, None, "c", now, 1),
            CallbackOutcome(InboxVerdict.UNREAD, "why"),
            now,
        ),
        "discrepancy": opened_event(
            {"id": "d", "kind": "absent", "receipt": "", "amount_cents": 1, "created_at": now}
        ),
        "pull": suspect_event(
            pull_record(Pull(status="suspect", window_from=now, window_to=now, started_at=now))
        ),
        "commands": suspensions.suspended_event(suspension),
    }
    made = kinds.get(heading) or kinds[heading.partition(".")[0]]
    return dict(json.loads(payload(made)))


def test_the_samples_have_the_fields_of_today() -> None:
    for heading, text in re.findall(r"### `([a-z._]+)`\n.*?```json\n(.*?)```", TEXT, re.DOTALL):
        made, sample = made_today(heading), json.loads(text)
        assert list(sample) == list(made)
        assert list(sample["data"]) == list(made["data"])
        for name, part in made["data"].items():
            if isinstance(part, dict) and name != "metadata":
                assert list(sample["data"][name]) == list(part)


def verdicts(run: Any) -> None:
    """Two good secrets verify; another secret, another body and an old timestamp do not."""
    new, old, stranger = new_secret(), new_secret(), new_secret()
    now = datetime.now(UTC)
    headers = signed_headers([new, old], "evt_1", now, BODY)
    stale = signed_headers([new], "evt_1", datetime.fromtimestamp(now.timestamp() - 3_600, UTC), BODY)
    assert run(new, headers, BODY) is True
    assert run(old, headers, BODY) is True
    assert run(stranger, headers, BODY) is False
    assert run(new, headers, BODY.replace(b"asante", b"Asante")) is False
    assert run(new, stale, BODY) is False
    assert run(new, {}, BODY) is False


def test_the_python_verifier() -> None:
    scope: dict[str, Any] = {}
    exec(code("python"), scope)
    verdicts(lambda secret, headers, body: scope["verified"](secret, headers, body) is not None)


def program(command: list[str], source: str) -> Any:
    def run(secret: str, headers: dict[str, str], body: bytes) -> bool:
        given = json.dumps({"secret": secret, "headers": headers, "body": body.decode()})
        result = subprocess.run(
            [*command, source], input=given, capture_output=True, text=True, timeout=30, check=True
        )
        return result.stdout.strip() == "payment.succeeded"

    return run


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_the_node_verifier() -> None:
    source = code("js") + (
        'const given = JSON.parse(require("node:fs").readFileSync(0));'
        "const event = verified(given.secret, given.headers, Buffer.from(given.body));"
        "console.log(event?.type);"
    )
    verdicts(program(["node", "-e"], source))


@pytest.mark.skipif(shutil.which("php") is None, reason="needs PHP")
def test_the_php_verifier() -> None:
    source = code("php").removeprefix("<?php\n") + (
        "$given = json_decode(file_get_contents('php://stdin'), true);"
        "echo verified($given['secret'], $given['headers'], $given['body'])['type'] ?? '';"
    )
    verdicts(program(["php", "-r"], source))


def test_the_sample_of_a_post_verifies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret that it was signed with is the endpoint's of the day it was made."""
    block = re.search(r"POST /webhooks HTTP/1.1\n(.*?)\n\n(.*?)\n```", TEXT, re.DOTALL)
    assert block is not None
    headers = dict(line.split(": ", 1) for line in block[1].splitlines())
    secret = "whsec_hcA1ePoKODib1s8foKHA9HENYpU4UgL32SJh4KMMNj4="
    monkeypatch.setattr(
        Webhook,
        "_Webhook__verify_timestamp",
        lambda _self, stamp: datetime.fromtimestamp(float(stamp), UTC),
    )
    assert Webhook(secret).verify(block[2], headers)["type"] == "payment.succeeded"
