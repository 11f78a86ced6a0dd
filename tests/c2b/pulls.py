"""What tests of pulls share: a service that pulls, lost confirmations, and answers of Daraja."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from mpesa_service.c2b.pull import pull
from mpesa_service.c2b.pull_records import PullRecord
from mpesa_service.c2b.pull_registration import register_pull
from mpesa_service.daraja import PullPage
from mpesa_service.daraja.pull import read_pull_page
from mpesa_service.daraja.verdicts import DarajaAnswer
from tests.c2b.support import SHORTCODE
from tests.support import PHONE, Service

PULLS_ON = {"MPESA_PULL": "true", "MPESA_PULL_PHONE": PHONE}


def register(service: Service) -> Service:
    """Register the shortcode for pulls, and go to the simulator's time."""
    [registered] = register_pull(service.runtime, "amina")
    assert not registered.already
    at_the_simulators_time(service)
    return service


def at_the_simulators_time(service: Service) -> None:
    now = service.simulator.get("/simulator/clock")["now"]
    service.clock.now = datetime.fromisoformat(now) + timedelta(seconds=1)


def pay(service: Service, reference: str = "ORDER1", amount: str = "100.00", phone: str = PHONE) -> None:
    """Pay from the phone; the confirmation is lost, because no address is registered or by a fault."""
    body = {"msisdn": phone, "amount": amount, "billRefNumber": reference, "shortcode": SHORTCODE}
    service.simulator.post("/simulator/c2b", body)
    at_the_simulators_time(service)


def run(service: Service, **options: Any) -> PullRecord:
    [record] = pull(service.runtime, "amina", sleep=service.clock.advance, **options)
    return record


def serve(service: Service, monkeypatch: pytest.MonkeyPatch, *answers: Any) -> list[int]:
    """Let Daraja return these answers; return the offsets that are queried."""
    offsets: list[int] = []
    left = list(answers)

    def query(one: Any) -> PullPage:
        offsets.append(one.offset)
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return read_pull_page("pull_query", DarajaAnswer(200, answer))

    monkeypatch.setattr(service.runtime.daraja, "pull_query", query)
    return offsets


def row(number: int, **changes: Any) -> dict[str, Any]:
    return {"transactionId": f"PULL{number:06}", "amount": "100.00", "billreference": "SHOP1", **changes}
