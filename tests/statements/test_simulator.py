"""The simulator's own statement, in every shape and container, finds the payments that nobody reported."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from mpesa_service.statements.applying import apply_statement, request_apply
from mpesa_service.verification.payments import verify
from tests.c2b.support import expect_order
from tests.statements.support import BOSS, line_count
from tests.support import Service


def fetched(service: Service, shape: str, container: str, **more: str) -> tuple[bytes, str]:
    """Return the simulator's statement, and its name."""
    wanted = {"shape": shape, "format": container, **more}
    answer = requests.get(f"{service.simulator.url}/simulator/statement", params=wanted, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer.content, answer.headers["Content-Disposition"].split('filename="')[1].split('"')[0]


def uploaded(service: Service, shape: str, container: str, **more: str) -> Any:
    content, name = fetched(service, shape, container, **more)
    headers = {"Authorization": f"Bearer {service.token('boss', 'admin')}"}
    data = {"file": (io.BytesIO(content), name)}
    answer = service.app.test_client().post("/api/mpesa/statements", data=data, headers=headers)
    assert answer.status_code == 200, answer.json
    return answer.json["data"]


@pytest.mark.parametrize("container", ["csv", "xls", "xlsx"])
@pytest.mark.parametrize("shape", ["A", "B", "C", "D", "F"])
def test_each_shape_finds_the_lost_confirmation(service: Service, shape: str, container: str) -> None:
    service.clock.now = datetime.now(UTC)  # the simulator writes its own time
    expect_order(service, "LOST1", 70)
    service.paid("PROMPTED", 30)
    for order, amount in (("LOST1", 70), ("NOBODY", 55)):
        body = {"amount": amount, "msisdn": "254712345678", "billRefNumber": order}
        service.simulator.post("/simulator/options", {"faults": {"c2b.confirmation_lost": 1}})
        service.simulator.post("/simulator/c2b", body)
    assert len(service.payments()) == 1
    data = uploaded(service, shape, container)
    assert (data["shape"], data["unreadCount"], data["balanced"]) == (shape, 0, True), data
    assert data["report"]["outcomes"]["agrees"]["lines"] == 1
    assert data["report"]["outcomes"]["missing"]["lines"] == 2
    request_apply(service.runtime, BOSS, data["_id"])
    record = apply_statement(service.runtime, data["_id"])
    booked = 0 if shape == "C" else 1  # shape C does not say what the payer typed
    assert record.progress == {"reviewed": 0, "booked": booked, "unmatched": 2 - booked, "raised": 1}
    assert {one.evidence for one in service.payments()} == {"statement"}
    assert list(verify(service.runtime)) == []
    again = uploaded(service, shape, container)
    request_apply(service.runtime, BOSS, again["_id"])
    apply_statement(service.runtime, again["_id"])
    assert (line_count(service), len(service.payments())) == (data["newLineCount"], 3)
