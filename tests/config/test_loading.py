"""Loading reads the environment into settings, or into a list of all problems."""

from dataclasses import FrozenInstanceError
from datetime import timedelta
from typing import Any

import pytest

from daraja_simulator.options import SimulatorOptions
from mpesa_service.config import (
    BASE_URLS,
    SIMULATOR_DEFAULTS,
    SIMULATOR_INITIATOR,
    load_settings,
)
from tests.config.environments import PUBLIC_PEM, problems, production
from tests.support import ENCRYPTION_KEY, SECRET, environment

REQUIRED = {
    "MPESA_ENVIRONMENT",
    "MPESA_CONSUMER_KEY",
    "MPESA_CONSUMER_SECRET",
    "MPESA_SHORTCODE",
    "MPESA_PASSKEY",
    "MPESA_CALLBACK_URL",
    "DATABASE_URL",
    "PHONE_ENCRYPTION_KEYS",
    "PHONE_HASH_KEY",
}


class TestReading:
    def test_production(self) -> None:
        settings = load_settings(production())
        assert settings.daraja_base_url == "https://api.safaricom.co.ke"
        assert settings.mpesa_shortcode == "600000"

    def test_the_defaults(self) -> None:
        settings = load_settings(production())
        expected: dict[str, Any] = {
            "mpesa_transaction_type": "CustomerPayBillOnline",
            "mpesa_till": None,
            "mpesa_b2c_version": "v3",
            "mpesa_c2b_version": "v2",
            "mpesa_connect_timeout": 3.0,
            "mpesa_read_timeout": 10.0,
            "mpesa_min_amount": 1,
            "mpesa_max_amount": 70_000,
            "prompt_lifetime": timedelta(seconds=180),
            "jwt_algorithm": "HS256",
            "jwt_issuer": None,
            "jwt_audience": None,
            "jwt_roles_claim": "roles",
            "ratelimit_enabled": True,
            "ratelimit_default": "100 per 15 minutes",
            "ratelimit_refunds": "10 per 15 minutes",
            "ratelimit_prompts": "5 per 10 minutes",
            "trusted_proxies": 0,
            "web_concurrency": 1,
            "log_level": "INFO",
        }
        assert {name: getattr(settings, name) for name in expected} == expected

    def test_the_simulator_needs_only_what_is_ours(self) -> None:
        settings = load_settings(environment())
        assert settings.daraja_base_url == "http://127.0.0.1:5006"
        for name, value in SIMULATOR_DEFAULTS.items():
            assert getattr(settings, name.lower()) == value

    def test_networks_that_events_may_go_to(self) -> None:
        assert load_settings(production()).webhook_networks == ()
        named = load_settings(production(WEBHOOK_ALLOWED_NETWORKS="10.20.0.0/16, fd00:1::/32"))
        assert [str(network) for network in named.webhook_networks] == ["10.20.0.0/16", "fd00:1::/32"]
        local = load_settings(environment()).webhook_networks
        assert [str(network) for network in local] == ["127.0.0.0/8", "::1/128"]

    def test_simulator_defaults_can_be_changed(self) -> None:
        assert load_settings(environment(MPESA_SHORTCODE="600999")).mpesa_shortcode == "600999"

    @pytest.mark.parametrize("name", ["sandbox", "production"])
    def test_simulator_defaults_are_for_the_simulator_alone(self, name: str) -> None:
        named = {problem.split()[0] for problem in problems(environment(MPESA_ENVIRONMENT=name))}
        assert named >= {"MPESA_CONSUMER_KEY", "MPESA_PASSKEY", "MPESA_SHORTCODE", "MPESA_CALLBACK_URL"}

    @pytest.mark.parametrize(("name", "url"), BASE_URLS.items())
    def test_each_environment_has_its_host(self, name: str, url: str) -> None:
        assert load_settings(production(MPESA_ENVIRONMENT=name)).daraja_base_url == url

    def test_addresses_lose_their_last_slash(self) -> None:
        settings = load_settings(
            production(
                MPESA_BASE_URL="https://proxy.example/daraja/",
                MPESA_CALLBACK_URL="https://pay.example/api/mpesa/callback/",
            )
        )
        assert settings.daraja_base_url == "https://proxy.example/daraja"
        assert settings.callback_url == "https://pay.example/api/mpesa/callback"

    def test_blanks_around_values_do_not_count(self) -> None:
        assert load_settings(environment(MPESA_SHORTCODE=" 600999\n")).mpesa_shortcode == "600999"
        assert problems(environment(PHONE_HASH_KEY="  ")) == [
            "PHONE_HASH_KEY is not set. Secret that finds phone numbers without decryption. Never change it."
        ]

    def test_an_empty_variable_is_one_that_is_not_set(self) -> None:
        assert load_settings(environment(MPESA_TILL="", LOG_LEVEL="")).log_level == "INFO"

    def test_values(self) -> None:
        settings = load_settings(
            environment(
                MPESA_READ_TIMEOUT="2.5",
                PROMPT_LIFETIME="90",
                MPESA_MAX_AMOUNT="250000",
                RATELIMIT_ENABLED="No",
                PHONE_ENCRYPTION_KEYS=f" {ENCRYPTION_KEY} , {ENCRYPTION_KEY},",
                JWT_ALGORITHM="ES256",
                JWT_PUBLIC_KEY=PUBLIC_PEM.replace("\n", "\\n"),
            )
        )
        assert settings.mpesa_read_timeout == 2.5
        assert settings.prompt_lifetime == timedelta(seconds=90)
        assert settings.mpesa_max_amount == 250_000
        assert settings.ratelimit_enabled is False
        assert settings.phone_encryption_keys == (ENCRYPTION_KEY, ENCRYPTION_KEY)
        assert settings.jwt_public_key == PUBLIC_PEM

    @pytest.mark.parametrize(
        ("name", "value", "per_minute"),
        [("sandbox", "", 5), ("production", "", 60), ("simulator", "", 60), ("sandbox", "12", 12)],
    )
    def test_how_often_daraja_may_be_queried(self, name: str, value: str, per_minute: int) -> None:
        environ = production(MPESA_ENVIRONMENT=name, MPESA_QUERIES_PER_MINUTE=value)
        assert load_settings(environ).queries_per_minute == per_minute

    def test_the_process_environment_is_the_default(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment(MPESA_SHORTCODE="123321").items():
            monkeypatch.setenv(name, value)
        assert load_settings().mpesa_shortcode == "123321"

    def test_settings_do_not_change(self) -> None:
        with pytest.raises(FrozenInstanceError):
            load_settings(environment()).mpesa_shortcode = "1"  # type: ignore[misc]


class TestSecrets:
    def test_are_not_shown(self) -> None:
        environ = production()
        shown = repr(load_settings(environ))
        assert "canary" not in shown
        assert environ["PHONE_ENCRYPTION_KEYS"] not in shown
        assert "600000" in shown

    def test_are_not_in_the_list_of_problems(self) -> None:
        broken = production(
            PHONE_ENCRYPTION_KEYS="canary,canary2",
            JWT_SECRET_KEY="canary",
            PHONE_HASH_KEY="canary",
            RATELIMIT_STORAGE_URI="canary://canary",
            DATABASE_URL="canary://canary",
        )
        assert "canary" not in "\n".join(problems(broken))


class TestProblems:
    def test_an_empty_environment_names_everything_that_is_required(self) -> None:
        found = problems({})
        assert {problem.split()[0] for problem in found} == REQUIRED | {"JWT_SECRET_KEY"}
        assert len(found) == len(REQUIRED) + 1
        assert all(" is not set. " in problem for problem in found)
        assert (
            "DATABASE_URL is not set. The address of the database, for example `sqlite:///mpesa.db`." in found
        )

    def test_missing_unreadable_and_unsafe_are_reported_together(self) -> None:
        environ = production(
            MPESA_PASSKEY="",
            MPESA_MAX_AMOUNT="many",
            JWT_SECRET_KEY="short",
            PHONE_ENCRYPTION_KEYS="none",
            MPESA_CALLBACK_URL="http://pay.example/callback",
            LOG_LEVEL="LOUD",
        )
        assert [problem.split()[0].rstrip(":") for problem in problems(environ)] == [
            "MPESA_PASSKEY",
            "MPESA_MAX_AMOUNT",
            "LOG_LEVEL",
            "JWT_SECRET_KEY",
            "PHONE_ENCRYPTION_KEYS",
            "MPESA_CALLBACK_URL",
        ]

    def test_an_error_is_reported_once(self) -> None:
        assert problems(environment(JWT_ALGORITHM="none", JWT_PUBLIC_KEY=PUBLIC_PEM)) == [
            "JWT_ALGORITHM must be one of HS256, RS256, ES256, not 'none'."
        ]
        assert problems(environment(PHONE_HASH_KEY="")) == [
            "PHONE_HASH_KEY is not set. Secret that finds phone numbers without decryption. Never change it."
        ]

    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("MPESA_ENVIRONMENT", "live", "must be one of simulator, sandbox, production, not 'live'."),
            (
                "MPESA_ENVIRONMENT",
                "Production",
                "must be one of simulator, sandbox, production, not 'Production'.",
            ),
            ("MPESA_MAX_AMOUNT", "70k", "must be a whole number from 1, not '70k'."),
            ("MPESA_MAX_AMOUNT", "70000.0", "must be a whole number from 1, not '70000.0'."),
            ("MPESA_MAX_AMOUNT", "-1", "must be a whole number from 1, not '-1'."),
            (
                "MPESA_MAX_AMOUNT",
                "\u0667\u0660",
                "must be a whole number from 1, not '\u0667\u0660'.",
            ),
            ("WEB_CONCURRENCY", "two", "must be a whole number from 1, not 'two'."),
            ("PROMPT_LIFETIME", "3m", "must be a whole number from 60, not '3m'."),
            ("PROMPT_LIFETIME", "59", "must be a whole number from 60, not '59'."),
            ("MPESA_MIN_AMOUNT", "0", "must be a whole number from 1, not '0'."),
            ("PAYOUT_MIN_AMOUNT", "0", "must be a whole number from 1, not '0'."),
            ("PAYOUTS_PER_MINUTE", "0", "must be a whole number from 1, not '0'."),
            ("WEB_CONCURRENCY", "0", "must be a whole number from 1, not '0'."),
            ("WEB_THREADS", "0", "must be a whole number from 1, not '0'."),
            ("MPESA_SHORTCODE", "store 5", "must be digits, not 'store 5'."),
            ("TRUSTED_PROXIES", "-1", "must be a whole number from 0, not '-1'."),
            ("MPESA_READ_TIMEOUT", "0", "must be seconds, more than 0 and at most 60, not '0'."),
            ("MPESA_READ_TIMEOUT", "-1", "must be seconds, more than 0 and at most 60, not '-1'."),
            ("MPESA_READ_TIMEOUT", "61", "must be seconds, more than 0 and at most 60, not '61'."),
            ("MPESA_READ_TIMEOUT", "nan", "must be seconds, more than 0 and at most 60, not 'nan'."),
            ("MPESA_CONNECT_TIMEOUT", "inf", "must be seconds, more than 0 and at most 60, not 'inf'."),
            ("MPESA_CONNECT_TIMEOUT", "fast", "must be seconds, more than 0 and at most 60, not 'fast'."),
            ("RATELIMIT_ENABLED", "off?", "must be true or false, not 'off?'."),
            ("JWT_ALGORITHM", "none", "must be one of HS256, RS256, ES256, not 'none'."),
            ("JWT_ALGORITHM", "HS384", "must be one of HS256, RS256, ES256, not 'HS384'."),
            ("LOG_LEVEL", "info", "must be one of DEBUG, INFO, WARNING, ERROR, not 'info'."),
            ("MPESA_B2C_VERSION", "v2", "must be one of v3, v1, not 'v2'."),
            ("RATELIMIT_DEFAULT", "lots", "must be like '100 per 15 minutes', not 'lots'."),
            ("RATELIMIT_REFUNDS", "-1 per minute", "must be like '100 per 15 minutes', not '-1 per minute'."),
            ("RATELIMIT_PROMPTS", "five", "must be like '100 per 15 minutes', not 'five'."),
            ("PHONE_ENCRYPTION_KEYS", " , ", "must have one value or more, separated by commas."),
            (
                "WEBHOOK_ALLOWED_NETWORKS",
                "10.0.0.1/8",
                "must be networks such as 10.0.0.0/8,fd00::/8, not '10.0.0.1/8'.",
            ),
        ],
    )
    def test_what_cannot_be_read(self, name: str, value: str, sentence: str) -> None:
        assert problems(production(**{name: value})) == [f"{name} {sentence}"]


class TestTheSimulatorsInitiator:
    """The password is encrypted with the simulator's own certificate, so there is no initiator without it."""

    def test_there_is_none_without_a_certificate(self) -> None:
        assert load_settings(environment(MPESA_CERTIFICATE_PATH="")).mpesa_initiator_name is None

    def test_a_certificate_is_enough(self) -> None:
        settings = load_settings(environment(MPESA_CERTIFICATE_PATH="certificate.pem"))
        assert settings.mpesa_initiator_name == SIMULATOR_INITIATOR["MPESA_INITIATOR_NAME"]
        assert settings.mpesa_initiator_password == SIMULATOR_INITIATOR["MPESA_INITIATOR_PASSWORD"]

    def test_the_defaults_are_what_the_simulator_accepts(self) -> None:
        options = SimulatorOptions()
        assert options.initiator_name == SIMULATOR_INITIATOR["MPESA_INITIATOR_NAME"]
        assert options.initiator_password == SIMULATOR_INITIATOR["MPESA_INITIATOR_PASSWORD"]

    @pytest.mark.parametrize("name", ["simulator", "sandbox", "production"])
    def test_a_name_alone_is_a_problem_at_start(self, name: str) -> None:
        environ = production(MPESA_ENVIRONMENT=name, MPESA_INITIATOR_NAME="api", MPESA_INITIATOR_PASSWORD="")
        [problem] = problems({**environ, "MPESA_SECURITY_CREDENTIAL": ""})
        assert problem.startswith("MPESA_INITIATOR_NAME needs MPESA_SECURITY_CREDENTIAL, or MPESA_INITIATOR")


def test_the_shared_test_environment_is_sound() -> None:
    assert len(SECRET) >= 32
    assert load_settings(environment()).ratelimit_enabled is False
