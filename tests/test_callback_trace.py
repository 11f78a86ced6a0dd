"""How much of the package one settling callback passes through: what a reader must follow, too."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from types import FrameType
from typing import Any

import mpesa_service
from daraja_simulator.server import SimulatorServer
from mpesa_service.core.log_context import about, current
from tests.callbacks.support import stk_body
from tests.support import PHONE, Listening, Service, TestClock, start_service

ROOT = Path(mpesa_service.__file__).parent
FILES, CHANGES = 20, 45
"""At most: files that are entered, and changes from one file to another."""


@contextmanager
def traced() -> Iterator[list[tuple[str, str]]]:
    """Give the functions of the package that this thread enters in the block: file and name, in order."""
    found: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = frame.f_code.co_filename
        if event == "call" and path.startswith(str(ROOT)) and not resumed(frame):
            found.append((str(Path(path).relative_to(ROOT)), frame.f_code.co_qualname))

    sys.setprofile(note)
    try:
        yield found
    finally:
        sys.setprofile(None)


def resumed(frame: FrameType) -> bool:
    """Return whether a generator goes on, which is no new call."""
    return frame.f_lasti > 10


def settle(service: Service, phone: str = PHONE) -> list[str]:
    """Settle two payments by their callbacks; return the files entered for the second one, in order.

    The first one fills the caches.
    """
    client = service.app.test_client()
    for payer, receipt in ((f"25471111111{phone[-1]}", "QWE1234566"), (phone, "QWE1234567")):
        checkout = service.pending(f"ORDER-{receipt}", phone=payer)
        data = json.dumps(stk_body(service, checkout, receipt=receipt, phone=int(payer)))
        path = service.callback_url(checkout).removeprefix(service.url)
        with traced() as found:
            answer = client.post(path, data=data, content_type="application/json")
        assert answer.status_code == 200
        assert service.payment(checkout)["status"] == "succeeded"
    return [file for file, _ in groupby(file for file, _ in found)]


def test_it_enters_few_files_and_seldom_comes_back(service: Service) -> None:
    entered = settle(service)
    assert len(set(entered)) <= FILES, sorted(set(entered))
    assert len(entered) - 1 <= CHANGES, entered


def test_it_is_the_same_code_on_both_databases(
    listening: Listening,
    simulator: SimulatorServer,
    clock: TestClock,
    service_env: dict[str, str],
    sqlite_url: str,
    postgres_url: str,
) -> None:
    """What `make run` shows is what serves in production."""
    entered = []
    for url, phone in ((sqlite_url, "254722000001"), (postgres_url, "254722000002")):
        service = start_service(listening, simulator, clock, {**service_env, "DATABASE_URL": url})
        entered.append(set(settle(service, phone)))
        service.runtime.database.dispose()
    assert entered[0] == entered[1]


def test_calls_are_counted_and_resumptions_are_not() -> None:
    with traced() as found, about(payment_id="x"):
        current()
    names = [name for _, name in found]
    assert names == ["about", "current", "current"]
