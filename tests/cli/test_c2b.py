"""The operator's commands that register the C2B addresses and change their secret."""

import json
from typing import Any

from mpesa_service.domain.c2b_secrets import SecretStatus
from tests.c2b.support import c2b_addresses, c2b_body
from tests.c2b.test_secrets import arrive, made, send, statuses
from tests.support import Service


def run(service: Service, *words: str) -> Any:
    return service.app.test_cli_runner().invoke(args=["mpesa", "register-urls", *words])


def c2b(service: Service, *words: str) -> Any:
    return service.app.test_cli_runner().invoke(args=["mpesa", "c2b", *words])


def test_shows_what_it_would_register(service: Service) -> None:
    result = run(service, "--show", "--json")
    assert result.exit_code == 0
    shown = json.loads(result.stdout)
    assert (shown["c2bUrl"], shown["secretId"]) == (f"{service.url}/c2b", None)
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


class TestSecrets:
    def test_rotates_and_registers_without_showing_it(self, service: Service) -> None:
        service.call("POST", "/c2b/register", by="boss", admin=True)
        before = dict(service.simulator.state.c2b_urls["174379"])["confirmationUrl"]
        result = c2b(service, "rotate-secret", "--by", "amina")
        assert result.exit_code == 0, result.output
        after = dict(service.simulator.state.c2b_urls["174379"])["confirmationUrl"]
        assert after != before
        assert after.split("/")[-2] not in result.output
        assert "Registered." in result.output
        service.simulator.post(
            "/simulator/c2b", {"msisdn": "254712345678", "amount": 100, "billRefNumber": "NOTHING"}
        )
        assert len(service.payments()) == 1
        assert statuses(service) == [SecretStatus.ENDING, SecretStatus.USED]

    def test_prints_it_once_for_a_registration_by_hand(self, service: Service) -> None:
        result = c2b(service, "rotate-secret", "--by-hand", "--by", "amina", "--json")
        assert result.exit_code == 0, result.output
        shown = json.loads(result.stdout)
        assert service.simulator.state.c2b_urls == {}
        assert arrive(service, shown["confirmationUrl"], "UK10000001") == 200
        assert send(shown["validationUrl"], c2b_body(service)) == 200
        secret = shown["confirmationUrl"].split("/")[-2]
        for words in (("secrets",), ("secrets", "--json")):
            assert secret not in c2b(service, *words).output
        [row] = json.loads(c2b(service, "secrets", "--json").stdout)
        assert (row["_id"], row["status"], row["createdBy"]) == (1, "used", "operator:amina")

    def test_prints_it_in_words(self, service: Service) -> None:
        result = c2b(service, "rotate-secret", "--by-hand", "--by", "amina")
        assert c2b_addresses(service).confirmation in result.output
        assert "not shown again" in result.output

    def test_addresses_that_stand_already(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"c2b_register_once": True})
        service.call("POST", "/c2b/register", by="boss", admin=True)
        result = c2b(service, "rotate-secret", "--by", "amina")
        assert result.exit_code == 1
        assert "portal" in result.output
        assert "C2B secret 2 is stored" in result.output
        assert statuses(service) == [SecretStatus.UNUSED, SecretStatus.UNUSED]

    def test_revokes(self, service: Service) -> None:
        made(service)
        refused = c2b(service, "revoke-secret", "1", "--by", "amina", "--reason", "a leak")
        assert refused.exit_code == 1
        assert "rotate-secret" in refused.output
        made(service)
        result = c2b(service, "revoke-secret", "1", "--by", "amina", "--reason", "a leak")
        assert (result.exit_code, result.output) == (0, "C2B secret 1 is revoked.\n")
        table = c2b(service, "secrets").output
        assert "revoked" in table
        assert "a leak" in table
        assert "operator:amina" in table
