"""The registration of the C2B addresses at Daraja, and the rules that admins set."""

from typing import Any

import pytest

from tests.c2b.support import c2b_addresses
from tests.support import Service


def admin(service: Service, method: str, path: str, body: Any = None) -> Any:
    return service.call(method, path, body, by="boss", admin=True)


def registered(service: Service) -> dict[str, Any]:
    return dict(service.simulator.state.c2b_urls["174379"])


class TestRegister:
    def test_the_addresses_are_registered_and_not_shown(self, service: Service) -> None:
        answer = admin(service, "POST", "/c2b/register")
        assert answer.status_code == 200, answer.json
        where = c2b_addresses(service)
        assert answer.json["data"] == {
            "shortcode": "174379",
            "version": "v2",
            "responseType": "Completed",
            "c2bUrl": f"{service.url}/c2b",
            "secretId": 1,
        }
        secret = where.confirmation.split("/")[-2]
        assert secret not in answer.text
        assert registered(service)["confirmationUrl"] == where.confirmation
        assert registered(service)["validationUrl"] == where.validation

    @pytest.mark.parametrize("response_type", ["Completed", "Cancelled"])
    def test_the_default_may_be_chosen(self, service: Service, response_type: str) -> None:
        admin(service, "POST", "/c2b/register", {"responseType": response_type})
        assert registered(service)["responseType"] == response_type

    def test_by_default_it_is_what_the_rules_do_when_unsure(self, service: Service) -> None:
        rules = {"referenceRule": "known", "amountRule": "exact", "whenUnsure": "reject"}
        admin(service, "PUT", "/c2b/rules", rules)
        admin(service, "POST", "/c2b/register")
        assert registered(service)["responseType"] == "Cancelled"

    def test_any_other_default_is_refused(self, service: Service) -> None:
        answer = admin(service, "POST", "/c2b/register", {"responseType": "completed"})
        assert answer.status_code == 400

    def test_an_address_that_safaricom_would_not_take(self, service: Service) -> None:
        object.__setattr__(service.runtime.settings, "mpesa_c2b_url", "https://MPESA.example.co.ke/c2b")
        answer = admin(service, "POST", "/c2b/register")
        assert (answer.status_code, answer.json["code"]) == (409, "address_refused")
        assert "'mpesa'" in answer.json["message"]
        assert service.simulator.state.c2b_urls == {}

    def test_addresses_that_stand_already(self, service: Service) -> None:
        service.simulator.post("/simulator/options", {"c2b_register_once": True})
        admin(service, "POST", "/c2b/register")
        answer = admin(service, "POST", "/c2b/register")
        assert (answer.status_code, answer.json["code"]) == (409, "already_registered")
        assert "portal" in answer.json["message"]

    def test_silence(self, service: Service) -> None:
        service.simulator.post("/simulator/script", {"for": "c2b_register", "fault": "error_5xx"})
        answer = admin(service, "POST", "/c2b/register")
        assert (answer.status_code, answer.json["code"]) == (503, "provider_silent")

    def test_a_refusal(self, service: Service) -> None:
        service.simulator.post(
            "/simulator/script", {"for": "c2b_register", "fault": "token_refused", "times": 9}
        )
        answer = admin(service, "POST", "/c2b/register")
        assert (answer.status_code, answer.json["code"]) == (502, "provider_credentials")

    @pytest.mark.parametrize(("version", "shown"), [("v1", "hashed"), ("v2", "2547 ***** 678")])
    def test_the_version_decides_how_payers_are_reported(
        self, service: Service, version: str, shown: str
    ) -> None:
        admin(service, "POST", "/c2b/register")
        service.simulator.state.c2b_urls["174379"]["version"] = version
        body = {"msisdn": "254712345678", "amount": 100, "billRefNumber": "NOTHING"}
        service.simulator.post("/simulator/c2b", body)
        [payment] = service.payments()
        assert service.payment(payment.id)["phoneNumber"] == shown


class TestRules:
    def test_the_usual_ones(self, service: Service) -> None:
        answer = admin(service, "GET", "/c2b/rules")
        assert answer.json["data"] == {
            "shortcode": "174379",
            "referenceRule": "open",
            "amountRule": "any",
            "whenUnsure": "accept",
            "updatedBy": None,
            "updatedAt": None,
        }

    def test_others_take_their_place(self, service: Service) -> None:
        rules = {"referenceRule": "known", "amountRule": "exact", "whenUnsure": "reject"}
        for changed in (rules, {**rules, "amountRule": "minimum"}):
            data = admin(service, "PUT", "/c2b/rules", changed).json["data"]
            assert data.items() >= {**changed, "updatedBy": "boss"}.items()
            assert admin(service, "GET", "/c2b/rules").json["data"] == data

    @pytest.mark.parametrize("name", ["referenceRule", "amountRule", "whenUnsure"])
    def test_words_that_nobody_knows(self, service: Service, name: str) -> None:
        rules = {"referenceRule": "known", "amountRule": "exact", "whenUnsure": "reject"}
        assert admin(service, "PUT", "/c2b/rules", {**rules, name: "perhaps"}).status_code == 400
        del rules[name]
        assert admin(service, "PUT", "/c2b/rules", rules).status_code == 400
