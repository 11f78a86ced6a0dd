"""Payments whose callbacks are lost."""

from tests.support import Service


def lose_callbacks(service: Service) -> None:
    service.simulator.post("/simulator/options", {"faults": {"callback_lost": 1}})


def pay(service: Service, checkout: str) -> None:
    service.simulator.post(f"/simulator/prompts/{checkout}/pin", {"pin": "0000"})


def queries(service: Service) -> int:
    return int(service.ledger()["requests"].get("stk_query", 0))
