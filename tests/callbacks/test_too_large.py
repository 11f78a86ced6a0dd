"""A post that is too large is refused; on a secret address it leaves a line in the log."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.c2b.support import c2b_addresses
from tests.callbacks.support import plain
from tests.refunds.test_results import result_token
from tests.support import Service

SIZE = 70_000


def errors_of(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    lines = [line for line in caplog.records if line.name == "mpesa_service.callbacks.too_large"]
    assert all(line.levelno == logging.ERROR and "PRIVATE" not in str(vars(line)) for line in lines)
    names = ("kind", "size", "payment_id", "refund_id", "address")
    return [{name: getattr(line, name) for name in names if hasattr(line, name)} for line in lines]


def send(url: str, data: Any = None) -> None:
    answer = requests.post(url, data=data or b"PRIVATE" * (SIZE // 7), timeout=5)
    assert answer.status_code == 413


def test_on_the_address_of_a_payment(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    checkout = service.pending()
    send(service.callback_url(checkout))
    assert errors_of(caplog) == [{"kind": "stk", "size": SIZE, "payment_id": service.row(checkout).id}]
    assert service.inbox() == []


def test_in_chunks(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    def chunks() -> Iterator[bytes]:
        yield from [b"PRIVATE" * 1_000] * 12

    checkout = service.pending()
    send(service.callback_url(checkout), chunks())
    assert [line["size"] for line in errors_of(caplog)] == [65_537]


@pytest.mark.parametrize("what", ["confirmation", "validation"])
def test_on_the_addresses_for_c2b(service: Service, caplog: pytest.LogCaptureFixture, what: str) -> None:
    send(getattr(c2b_addresses(service), what))
    assert errors_of(caplog) == [{"kind": f"c2b_{what}", "size": SIZE, "address": "c2b"}]


def test_on_the_address_of_a_command(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    checkout = service.paid(amount=100)
    service.refund(checkout, 40)
    [refund] = service.refunds()
    send(f"{plain(service)}/command/{result_token(service)}")
    [line] = errors_of(caplog)
    assert (line["kind"], line["size"], line["refund_id"]) == ("command_result", SIZE, refund.id)


def test_strangers_write_no_errors(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    service.pending()
    for path in ("", "/invented", "/command/result/invented", "/command/status/timeout/invented"):
        send(plain(service) + path)
    send(f"{service.url}/c2b/invented/confirmation")
    assert errors_of(caplog) == []
