"""The operator's command that registers the C2B addresses."""

import json
from typing import Any

from tests.support import Service


def run(service: Service, *words: str) -> Any:
    return service.app.test_cli_runner().invoke(args=["mpesa", "register-urls", *words])


def test_shows_them_without_registering(service: Service) -> None:
    result = run(service, "--show", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["confirmationUrl"].endswith("/confirmation")
    assert service.ledger()["c2bUrls"] == {}


def test_registers_them_at_daraja(service: Service) -> None:
    result = run(service, "--by", "amina", "--response-type", "Cancelled")
    assert result.exit_code == 0
    assert "Registered." in result.stdout
    [urls] = service.ledger()["c2bUrls"].values()
    assert urls["responseType"] == "Cancelled"


def test_says_what_stands_in_the_way(service: Service) -> None:
    service.simulator.post("/simulator/options", {"c2b_register_once": True})
    run(service)
    again = run(service)
    assert again.exit_code == 1
    assert "registered already" in again.output
