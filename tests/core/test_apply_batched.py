"""Callbacks that arrive at the same moment each have their own outcome, inbox row and log lines."""

import io
import json
import logging
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from mpesa_service.callbacks import handlers
from mpesa_service.callbacks.receive import receive
from mpesa_service.core import apply
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.inbox import Posted
from mpesa_service.core.log_context import about
from mpesa_service.core.log_format import LineHandler, RedactingFormatter
from mpesa_service.domain.callbacks import CallbackKind, InboxVerdict
from mpesa_service.models.load import About
from mpesa_service.verification.payments import verify
from tests.support import PHONE, Service
from tests.support.rows import add, audit_row, dump, payment_row

PATIENCE = 10.0


def add_prompted(service: Service, count: int) -> None:
    """Add payments p0, p1 … whose prompts wait."""
    encryption = service.runtime.encryption
    columns = {
        "phone_encrypted": encryption.encrypt(PHONE),
        "phone_hash": encryption.blind_index("phone", PHONE),
    }
    columns |= {"event_count": 2, "next_check_at": service.clock(), "created_at": service.clock()}
    for number in range(count):
        name = f"p{number}"
        ids = {
            "order_id": f"ORDER{number}",
            "order_lock": f"ORDER{number}",
            "callback_token_hash": token_hash(f"token-{name}"),
            "checkout_id_hash": encryption.blind_index("checkout", f"ws_{name}"),
            "checkout_id_encrypted": encryption.encrypt(f"ws_{name}"),
        }
        trail = (
            audit_row(name, 1, to_status="submitting"),
            audit_row(name, 2, from_status="submitting", to_status="pending", cause="push_accepted"),
        )
        add(service.runtime.database, payment_row(name, **columns, **ids), *trail)


def callback(name: str, code: int = 0, receipt: str | None = None) -> Posted:
    """Return what M-Pesa posts about one of these payments."""
    result: dict[str, Any] = {"MerchantRequestID": "m", "CheckoutRequestID": f"ws_{name}"}
    result |= {"ResultCode": code, "ResultDesc": "Processed."}
    if code == 0:
        values = {
            "Amount": 100,
            "MpesaReceiptNumber": receipt or f"R{name.upper()}",
            "PhoneNumber": int(PHONE),
        }
        result["CallbackMetadata"] = {"Item": [{"Name": n, "Value": v} for n, v in values.items()]}
    body = json.dumps({"Body": {"stkCallback": result}}).encode()
    return Posted(CallbackKind.STK, f"token-{name}", body, {}, None)


def moves(service: Service) -> Counter[str]:
    """Return how many transitions each payment had since it was added."""
    lines = dump(service.runtime.database)["payment_events"]
    later = [row for row in lines if row["sequence"] > 2 and row["from_status"] != row["to_status"]]
    return Counter(row["payment_id"] for row in later)


@pytest.mark.parametrize("seed", [1, 2])
def test_many_callbacks_at_once_move_each_payment_once(service: Service, seed: int) -> None:
    """Two successes and two cancellations of each of 60 payments, in 16 threads."""
    add_prompted(service, 60)
    calls = [callback(f"p{n}", code) for n in range(60) for code in (0, 0, 1032, 1032)]
    random.Random(seed).shuffle(calls)
    with ThreadPoolExecutor(16) as pool:
        verdicts = Counter(pool.map(lambda call: receive(service.runtime, call), calls))
    assert (verdicts["applied"], verdicts["failed"], verdicts.total()) == (60, 0, 240)
    rows = dump(service.runtime.database)
    assert Counter(row["verdict"] for row in rows["callback_inbox"]) == verdicts
    assert set(moves(service).values()) == {1}
    assert len(moves(service)) == len(rows["outgoing_events"]) == 60
    assert {row["status"] for row in rows["payments"]} == {"succeeded", "canceled"}
    assert list(verify(service.runtime)) == []


class TestBatch:
    """Callbacks in one batch, which wait for an earlier callback that is blocked."""

    @pytest.fixture(autouse=True)
    def payments(self, service: Service) -> None:
        add_prompted(service, 5)

    def test_each_has_its_own_outcome(self, service: Service) -> None:
        calls = [callback("p1"), callback("p2", 1032), callback("p9"), callback("p3")]
        assert together(service, calls) == ["applied", "applied", "unmatched", "applied"]
        rows = dump(service.runtime.database)
        assert Counter(row["verdict"] for row in rows["callback_inbox"]) == {"applied": 4, "unmatched": 1}
        assert set(moves(service).values()) == {1}

    def test_copies_of_one_callback_settle_it_once(self, service: Service) -> None:
        assert sorted(together(service, [callback("p1")] * 3)) == ["applied", "duplicate", "duplicate"]
        assert moves(service)["p1"] == 1

    def test_of_two_that_claim_one_receipt_one_gets_it(self, service: Service) -> None:
        calls = [callback("p1", receipt="ONE"), callback("p2", receipt="ONE"), callback("p3")]
        first, second, other = together(service, calls)
        assert ({first, second}, other) == ({"applied", "disputed"}, "applied")
        rows = dump(service.runtime.database)
        assert [row["receipt"] for row in rows["payments"]].count("ONE") == 1
        assert len(rows["callback_inbox"]) == 4

    def test_one_that_cannot_be_decided_keeps_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = handlers.apply_report

        def fail_for_p2(change: Any, report: Any) -> Any:
            return 1 / 0 if change.facts.id == "p2" else real(change, report)

        monkeypatch.setattr(handlers, "apply_report", fail_for_p2)
        calls = [callback("p1"), callback("p2"), callback("p3")]
        assert together(service, calls) == ["applied", "failed", "applied"]
        assert set(moves(service)) == {"p0", "p1", "p3"}
        assert len(dump(service.runtime.database)["callback_inbox"]) == 4

    @pytest.mark.parametrize("spoilt", ["p1", "p2"])
    @pytest.mark.parametrize(
        "columns", [{"currency": None}, {"result_desc": "\ud800"}], ids=["by the database", "by its driver"]
    )
    def test_one_that_cannot_be_written_keeps_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch, spoilt: str, columns: dict[str, Any]
    ) -> None:
        """Whether the leader's or another's; and no callback is stored twice."""
        real = handlers.apply_report

        def spoil(change: Any, report: Any) -> Any:
            decision = real(change, report)
            if change.facts.id == spoilt:
                change.set(**columns)
            return decision

        monkeypatch.setattr(handlers, "apply_report", spoil)
        calls = {name: callback(name) for name in ("p1", "p2", "p3")}
        outcomes = dict(zip(calls, together(service, list(calls.values())), strict=True))
        assert outcomes == {name: "failed" if name == spoilt else "applied" for name in calls}
        rows = dump(service.runtime.database)["callback_inbox"]
        assert Counter(row["verdict"] for row in rows) == {"applied": 3, "failed": 1}

    def test_one_whose_payment_cannot_be_loaded_keeps_no_other(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def spoil(receipt: str | None, **names: Any) -> About:
            return About(receipt="\ud800" if receipt == "RP2" else receipt, **names)

        monkeypatch.setattr(handlers, "About", spoil)
        calls = [callback("p1"), callback("p2"), callback("p3")]
        assert together(service, calls) == ["applied", "failed", "applied"]
        rows = dump(service.runtime.database)["callback_inbox"]
        assert Counter(row["verdict"] for row in rows) == {"applied": 3, "failed": 1}

    def test_one_that_hangs_does_not_hold_up_others_for_long(
        self, service: Service, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go_on, began = threading.Event(), threading.Event()
        real = apply.apply

        def hang_once(*arguments: Any) -> Any:
            monkeypatch.setattr(apply, "apply", real)
            began.set()
            assert go_on.wait(PATIENCE)
            return real(*arguments)

        monkeypatch.setattr(apply, "apply", hang_once)
        monkeypatch.setattr(service.runtime.apply_callback._batching, "_patience", 0.05)
        with ThreadPoolExecutor(1) as pool:
            first = pool.submit(receive, service.runtime, callback("p0"))
            assert began.wait(PATIENCE)
            try:
                assert receive(service.runtime, callback("p1")) == "applied"
            finally:
                go_on.set()
            assert first.result(PATIENCE) == "applied"

    def test_lines_belong_to_the_request_that_they_are_about(self, service: Service) -> None:
        with written_lines() as lines:
            together(service, [callback("p1"), callback("p2")], within="parcel")
        changes = [line for line in lines() if line["message"] == "state change"]
        outcomes = [line for line in lines() if line["message"] == "callback"]
        for found in (changes, outcomes):
            assert {line["payment_id"]: line["parcel"] for line in found} == {
                "p0": "first",
                "p1": "number 0",
                "p2": "number 1",
            }

    @pytest.mark.parametrize("logger", ["mpesa_service.audit", "mpesa_service.core.inbox"])
    def test_a_line_that_cannot_be_written_neither_fails_nor_repeats_anything(
        self, service: Service, logger: str
    ) -> None:
        def fail_for_p1(record: logging.LogRecord) -> bool:
            return bool(1 / (vars(record)["payment_id"] != "p1"))

        found = logging.getLogger(logger)
        found.addFilter(fail_for_p1)
        try:
            outcomes = together(service, [callback("p1"), callback("p2")])
        finally:
            found.removeFilter(fail_for_p1)
        assert outcomes == ["applied", "applied"]
        rows = dump(service.runtime.database)["callback_inbox"]
        assert [row["verdict"] for row in rows] == ["applied"] * 3
        assert set(moves(service).values()) == {1}


def together(service: Service, calls: list[Posted], within: str = "") -> list[InboxVerdict]:
    """Receive callbacks in one batch, after a blocked one about p0; return their verdicts."""
    batched = service.runtime.apply_callback
    go_on, began = threading.Event(), threading.Event()

    def receive_within(call: Posted, value: str) -> InboxVerdict:
        with about(**({within: value} if within else {})):
            return receive(service.runtime, call)

    def held_up(*arguments: Any) -> Any:
        began.set()
        assert go_on.wait(PATIENCE)
        return real(*arguments)

    real: Callable[..., Any] = apply.apply
    apply.apply = held_up
    with patient(batched), ThreadPoolExecutor(len(calls) + 1) as pool:
        first = pool.submit(receive_within, callback("p0"), "first")
        assert began.wait(PATIENCE)
        apply.apply = real
        others: list[Future[InboxVerdict]] = []
        for number, call in enumerate(calls):
            others.append(pool.submit(receive_within, call, f"number {number}"))
            wait_for(lambda: len(batched._batching._queue) == len(others))
        go_on.set()
        assert first.result(PATIENCE) == "applied"
        return [other.result(PATIENCE) for other in others]


@contextmanager
def patient(batched: apply.BatchedApply) -> Iterator[None]:
    """Let callbacks wait for the blocked one for as long as a test may take."""
    batching = batched._batching
    usual, batching._patience = batching._patience, PATIENCE
    yield
    batching._patience = usual


def wait_for(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never came true")


@contextmanager
def written_lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Give the text that is logged in the block, in the service's format."""
    text = io.StringIO()
    handler = LineHandler(text)
    handler.setFormatter(RedactingFormatter())
    logger = logging.getLogger("mpesa_service")
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in text.getvalue().splitlines()]
    logger.removeHandler(handler)
