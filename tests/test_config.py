"""The environment becomes settings, or a list of everything that is wrong with it."""

import re
from base64 import urlsafe_b64encode
from dataclasses import FrozenInstanceError, fields
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mpesa_service.config import (
    BASE_URLS,
    SIMULATOR_DEFAULTS,
    ConfigurationError,
    Settings,
    environment_name,
)
from mpesa_service.config_table import markdown_table
from tests.support import ENCRYPTION_KEY, SECRET, environment

README = Path(__file__).resolve().parents[1] / "README.md"
PUBLIC_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
PUBLIC_PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"
PRODUCTION = {
    "MPESA_ENVIRONMENT": "production",
    "MPESA_CONSUMER_KEY": "consumer-key-canary",
    "MPESA_CONSUMER_SECRET": "consumer-secret-canary",
    "MPESA_SHORTCODE": "600000",
    "MPESA_PASSKEY": "passkey-canary",
    "MPESA_CALLBACK_URL": "https://pay.example.co.ke/api/mpesa/callback",
    "MPESA_SECURITY_CREDENTIAL": "credential-canary",
    "MPESA_INITIATOR_PASSWORD": "initiator-canary",
    "DATABASE_URL": "postgresql+psycopg://mpesa:database-canary@db/mpesa",
    "JWT_SECRET_KEY": "jwt-canary-jwt-canary-jwt-canary-jwt",
    "PHONE_ENCRYPTION_KEYS": urlsafe_b64encode(b"fernet-canary-fernet-canary-1234").decode(),
    "PHONE_HASH_KEY": "hash-canary-hash-canary-hash-canary",
    "RATELIMIT_STORAGE_URI": "redis://:redis-canary@cache:6379/0",
}
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


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        Settings.from_env(environ)
    for problem in caught.value.problems:
        assert f"  - {problem}" in str(caught.value)
    return caught.value.problems


def production(**changes: str) -> dict[str, str]:
    return {**PRODUCTION, **changes}


class TestReading:
    def test_production(self) -> None:
        settings = Settings.from_env(production())
        assert settings.daraja_base_url == "https://api.safaricom.co.ke"
        assert settings.mpesa_shortcode == "600000"

    def test_the_defaults(self) -> None:
        settings = Settings.from_env(production())
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
        settings = Settings.from_env(environment())
        assert settings.daraja_base_url == "http://127.0.0.1:5006"
        for name, value in SIMULATOR_DEFAULTS.items():
            assert getattr(settings, name.lower()) == value

    def test_networks_that_events_may_go_to(self) -> None:
        assert Settings.from_env(production()).webhook_networks == ()
        named = Settings.from_env(production(WEBHOOK_ALLOWED_NETWORKS="10.20.0.0/16, fd00:1::/32"))
        assert [str(network) for network in named.webhook_networks] == ["10.20.0.0/16", "fd00:1::/32"]
        local = Settings.from_env(environment()).webhook_networks
        assert [str(network) for network in local] == ["127.0.0.0/8", "::1/128"]

    def test_simulator_defaults_can_be_changed(self) -> None:
        assert Settings.from_env(environment(MPESA_SHORTCODE="600999")).mpesa_shortcode == "600999"

    @pytest.mark.parametrize("name", ["sandbox", "production"])
    def test_simulator_defaults_are_for_the_simulator_alone(self, name: str) -> None:
        named = {problem.split()[0] for problem in problems(environment(MPESA_ENVIRONMENT=name))}
        assert named >= {"MPESA_CONSUMER_KEY", "MPESA_PASSKEY", "MPESA_SHORTCODE", "MPESA_CALLBACK_URL"}

    @pytest.mark.parametrize(("name", "url"), BASE_URLS.items())
    def test_each_environment_has_its_host(self, name: str, url: str) -> None:
        assert Settings.from_env(production(MPESA_ENVIRONMENT=name)).daraja_base_url == url

    def test_addresses_lose_their_last_slash(self) -> None:
        settings = Settings.from_env(
            production(
                MPESA_BASE_URL="https://proxy.example/daraja/",
                MPESA_CALLBACK_URL="https://pay.example/api/mpesa/callback/",
            )
        )
        assert settings.daraja_base_url == "https://proxy.example/daraja"
        assert settings.callback_url == "https://pay.example/api/mpesa/callback"

    def test_blanks_around_values_do_not_count(self) -> None:
        assert Settings.from_env(environment(MPESA_SHORTCODE=" 600999\n")).mpesa_shortcode == "600999"
        assert problems(environment(PHONE_HASH_KEY="  ")) == [
            "PHONE_HASH_KEY is not set. Secret of 32 bytes or more for look-ups by number; never changes."
        ]

    def test_an_empty_variable_is_one_that_is_not_set(self) -> None:
        assert Settings.from_env(environment(MPESA_TILL="", LOG_LEVEL="")).log_level == "INFO"

    def test_values(self) -> None:
        settings = Settings.from_env(
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
        ("name", "value", "pace"),
        [("sandbox", "", 5), ("production", "", 60), ("simulator", "", 60), ("sandbox", "12", 12)],
    )
    def test_how_often_daraja_may_be_asked(self, name: str, value: str, pace: int) -> None:
        environ = production(MPESA_ENVIRONMENT=name, MPESA_QUERIES_PER_MINUTE=value)
        assert Settings.from_env(environ).queries_per_minute == pace

    def test_the_process_environment_is_read_when_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name, value in environment(MPESA_SHORTCODE="123321").items():
            monkeypatch.setenv(name, value)
        assert Settings.from_env().mpesa_shortcode == "123321"

    def test_settings_do_not_change(self) -> None:
        with pytest.raises(FrozenInstanceError):
            Settings.from_env(environment()).mpesa_shortcode = "1"  # type: ignore[misc]


class TestSecrets:
    def test_are_not_shown(self) -> None:
        environ = production(MPESA_CERTIFICATE_PATH="/etc/mpesa.cer")
        shown = repr(Settings.from_env(environ))
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
        assert all(" is not set. " in problem for problem in found if "JWT" not in problem)

    def test_missing_unreadable_and_unsafe_are_said_together(self) -> None:
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

    def test_a_fault_is_said_once(self) -> None:
        assert problems(environment(JWT_ALGORITHM="none", JWT_PUBLIC_KEY=PUBLIC_PEM)) == [
            "JWT_ALGORITHM must be one of HS256, RS256, ES256, not 'none'."
        ]
        assert problems(environment(PHONE_HASH_KEY="")) == [
            "PHONE_HASH_KEY is not set. Secret of 32 bytes or more for look-ups by number; never changes."
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
            ("MPESA_MAX_AMOUNT", "70k", "must be a whole number, not '70k'."),
            ("MPESA_MAX_AMOUNT", "70000.0", "must be a whole number, not '70000.0'."),
            ("MPESA_MAX_AMOUNT", "-1", "must be a whole number, not '-1'."),
            ("MPESA_MAX_AMOUNT", "\u0667\u0660", "must be a whole number, not '\u0667\u0660'."),
            ("WEB_CONCURRENCY", "two", "must be a whole number, not 'two'."),
            ("PROMPT_LIFETIME", "3m", "must be a whole number, not '3m'."),
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
            ("PHONE_ENCRYPTION_KEYS", " , ", "must hold one value or more, with commas between."),
            (
                "WEBHOOK_ALLOWED_NETWORKS",
                "10.0.0.1/8",
                "must be networks such as 10.0.0.0/8,fd00::/8, not '10.0.0.1/8'.",
            ),
        ],
    )
    def test_what_cannot_be_read(self, name: str, value: str, sentence: str) -> None:
        assert problems(production(**{name: value})) == [f"{name} {sentence}"]

    @pytest.mark.parametrize(
        ("changes", "sentence"),
        [
            ({"MPESA_MIN_AMOUNT": "0"}, "MPESA_MIN_AMOUNT must be at least 1."),
            (
                {"MPESA_MAX_AMOUNT": "250001"},
                "MPESA_MAX_AMOUNT must be at most 250000, Safaricom's own limit.",
            ),
            (
                {"MPESA_MIN_AMOUNT": "11", "MPESA_MAX_AMOUNT": "10"},
                "MPESA_MIN_AMOUNT is larger than MPESA_MAX_AMOUNT.",
            ),
            ({"PAYOUT_MIN_AMOUNT": "0"}, "PAYOUT_MIN_AMOUNT must be at least 1."),
            (
                {"PAYOUT_MAX_AMOUNT": "250001"},
                "PAYOUT_MAX_AMOUNT must be at most 250000, Safaricom's own limit.",
            ),
            (
                {"PAYOUT_MIN_AMOUNT": "101", "PAYOUT_MAX_AMOUNT": "100"},
                "PAYOUT_MIN_AMOUNT is larger than PAYOUT_MAX_AMOUNT.",
            ),
            (
                {"PAYOUTS_PER_MINUTE": "0"},
                "PAYOUTS_PER_MINUTE must be at least 1: nothing would be paid out.",
            ),
            (
                {"PROMPT_LIFETIME": "59"},
                "PROMPT_LIFETIME must be at least 60 seconds: prompts live that long on the phone.",
            ),
            (
                {"JWT_SECRET_KEY": "x" * 31},
                "JWT_SECRET_KEY must have 32 bytes or more, for example: openssl rand -hex 32",
            ),
            (
                {"JWT_SECRET_KEY": ""},
                "JWT_SECRET_KEY must have 32 bytes or more, for example: openssl rand -hex 32",
            ),
            (
                {"JWT_PUBLIC_KEY": PUBLIC_PEM},
                "JWT_PUBLIC_KEY is set, but JWT_ALGORITHM is HS256. Set RS256 or ES256.",
            ),
            ({"JWT_ALGORITHM": "RS256"}, "JWT_PUBLIC_KEY must be a PEM public key for RS256."),
            (
                {
                    "JWT_ALGORITHM": "ES256",
                    "JWT_PUBLIC_KEY": PUBLIC_PEM.replace("PUBLIC", "PRIVATE"),
                },
                "JWT_PUBLIC_KEY must be a PEM public key for ES256.",
            ),
            (
                {"PHONE_ENCRYPTION_KEYS": f"{ENCRYPTION_KEY},{urlsafe_b64encode(b'31' * 15).decode()}"},
                (
                    "PHONE_ENCRYPTION_KEYS: key 2 is not a Fernet key (32 bytes in URL-safe base64)."
                    " Make one with: openssl rand 32 | base64 | tr '+/' '-_'"
                ),
            ),
            (
                {"PHONE_ENCRYPTION_KEYS": "\u0161"},
                (
                    "PHONE_ENCRYPTION_KEYS: key 1 is not a Fernet key (32 bytes in URL-safe base64)."
                    " Make one with: openssl rand 32 | base64 | tr '+/' '-_'"
                ),
            ),
            (
                {"PHONE_HASH_KEY": "x" * 31},
                "PHONE_HASH_KEY must have 32 bytes or more, for example: openssl rand -hex 32",
            ),
            *(
                (
                    {"MPESA_CALLBACK_URL": url},
                    (
                        "MPESA_CALLBACK_URL must be a full address, such as"
                        " https://pay.example.co.ke/api/mpesa/callback"
                    ),
                )
                for url in (
                    "pay.example.co.ke/callback",
                    "/callback",
                    "ftp://pay.example",
                    "https://",
                    "http://[",
                )
            ),
            *(
                (
                    {"MPESA_CALLBACK_URL": f"https://pay.example/api/mpesa/callback{end}"},
                    (
                        "MPESA_CALLBACK_URL must not have a query or a fragment:"
                        " a token is appended to its path."
                    ),
                )
                for end in ("?x=1", "#x")
            ),
            (
                {"MPESA_CALLBACK_URL": "http://pay.example.co.ke/api/mpesa/callback"},
                "MPESA_CALLBACK_URL must be https in production: Safaricom calls nothing else.",
            ),
            (
                {"MPESA_BASE_URL": "http://proxy.example"},
                "MPESA_BASE_URL must be https: credentials travel on it.",
            ),
            (
                {"MPESA_BASE_URL": "http://127.0.0.1.evil.example"},
                "MPESA_BASE_URL must be https: credentials travel on it.",
            ),
            *(
                (
                    {"MPESA_BASE_URL": url},
                    "MPESA_BASE_URL must be a full address, such as https://sandbox.safaricom.co.ke",
                )
                for url in ("proxy.example", "http://[", "file:///etc/passwd")
            ),
            (
                {"MPESA_PASSKEY": PUBLIC_PASSKEY},
                "MPESA_PASSKEY is the public sandbox passkey; production has its own, sent by e-mail.",
            ),
            (
                {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline"},
                "MPESA_TILL is needed with CustomerBuyGoodsOnline.",
            ),
            (
                {"MPESA_SECURITY_CREDENTIAL": ""},
                "MPESA_CERTIFICATE_PATH is needed to encrypt MPESA_INITIATOR_PASSWORD.",
            ),
            *(
                (
                    {"DATABASE_URL": url},
                    (
                        "DATABASE_URL must be like sqlite:///mpesa.db or"
                        " postgresql+psycopg://user:password@host/name"
                    ),
                )
                for url in ("mpesa.db", "postgres://u:p@h/d", "mysql://u:p@h/d", "postgresql+psycopg2://h/d")
            ),
            *(
                (
                    {"RATELIMIT_STORAGE_URI": uri},
                    "RATELIMIT_STORAGE_URI must be memory:// or like redis://host:6379/0 (Redis or Valkey).",
                )
                for uri in ("cache:6379", "memcached://cache")
            ),
            *(
                (
                    {name: "0"},
                    "WEB_CONCURRENCY and WEB_THREADS must be at least 1: nothing would be served.",
                )
                for name in ("WEB_CONCURRENCY", "WEB_THREADS")
            ),
            (
                {"WEB_CONCURRENCY": "2", "RATELIMIT_STORAGE_URI": "memory://"},
                (
                    "2 workers cannot share rate limits kept in memory. Set"
                    " RATELIMIT_STORAGE_URI=redis://host:6379/0 (Redis or Valkey), or WEB_CONCURRENCY=1."
                ),
            ),
            (
                {"MPESA_C2B_URL": "pay.example.co.ke"},
                "MPESA_C2B_URL must be a full address, such as https://pay.example.co.ke/c2b",
            ),
            (
                {"MPESA_C2B_URL": "https://pay.example.co.ke/c2b?x=1"},
                "MPESA_C2B_URL must not have a query or a fragment: a secret is appended to its path.",
            ),
            (
                {"MPESA_C2B_URL": "http://pay.example.co.ke/c2b"},
                "MPESA_C2B_URL must be https in production: Safaricom calls nothing else.",
            ),
            *(
                (
                    {"MPESA_C2B_URL": f"https://{place}"},
                    (
                        f"MPESA_C2B_URL must not hold '{word}', nor in its host: Safaricom registers no such"
                        " address."
                    ),
                )
                for place, word in (
                    ("MPesa.example.co.ke/c2b", "mpesa"),
                    ("pay.example.co.ke/M-PESA", "m-pesa"),
                    ("pay.example.co.ke/Safaricom", "safaricom"),
                    ("pay.example.co.ke/exec", "exe"),
                    ("pay.example.co.ke/CMD", "cmd"),
                    ("mysql.example.co.ke/c2b", "sql"),
                    ("query.example.co.ke/c2b", "query"),
                )
            ),
            *(
                (
                    {"WEBHOOK_ALLOWED_NETWORKS": networks},
                    (
                        "WEBHOOK_ALLOWED_NETWORKS must not name the whole Internet:"
                        " public https needs no allowance."
                    ),
                )
                for networks in ("0.0.0.0/0", "10.0.0.0/8, ::/0")
            ),
        ],
        ids=str,
    )
    def test_what_is_unsafe(self, changes: dict[str, str], sentence: str) -> None:
        assert problems(production(**changes)) == [sentence]

    @pytest.mark.parametrize(
        "changes",
        [
            {"MPESA_MIN_AMOUNT": "10", "MPESA_MAX_AMOUNT": "10"},
            {"PROMPT_LIFETIME": "60"},
            {"MPESA_C2B_URL": "https://pay.example.co.ke:8443/in"},
            {"JWT_SECRET_KEY": "x" * 32},
            {"JWT_SECRET_KEY": "\u0161" * 16},
            {"JWT_SECRET_KEY": "", "JWT_ALGORITHM": "ES256", "JWT_PUBLIC_KEY": PUBLIC_PEM},
            {"MPESA_BASE_URL": "http://127.0.0.1:9999"},
            {"MPESA_BASE_URL": "http://[::1]:9999"},
            {"MPESA_ENVIRONMENT": "sandbox", "MPESA_PASSKEY": PUBLIC_PASSKEY},
            {
                "MPESA_ENVIRONMENT": "sandbox",
                "MPESA_CALLBACK_URL": "http://tunnel.example/api/mpesa/callback",
            },
            {"MPESA_TRANSACTION_TYPE": "CustomerBuyGoodsOnline", "MPESA_TILL": "5555555"},
            {"MPESA_SECURITY_CREDENTIAL": "", "MPESA_CERTIFICATE_PATH": "/etc/mpesa.cer"},
            {"WEB_CONCURRENCY": "8"},
            {"WEB_CONCURRENCY": "8", "RATELIMIT_STORAGE_URI": "memory://", "RATELIMIT_ENABLED": "false"},
            {"DATABASE_URL": "sqlite:////var/lib/mpesa/mpesa.db"},
            {"RATELIMIT_STORAGE_URI": "valkey://cache:6379"},
        ],
        ids=str,
    )
    def test_what_is_safe(self, changes: dict[str, str]) -> None:
        assert Settings.from_env(production(**changes))


class TestTable:
    def test_every_setting_says_what_it_is(self) -> None:
        for item in fields(Settings):
            sentence = item.metadata["help"]
            assert sentence.endswith("."), item.name
            assert len(sentence) > 15, item.name
            assert environment_name(item) == item.name.upper()

    def test_what_is_secret_is_not_shown(self) -> None:
        words = ("secret", "passkey", "password", "credential", "consumer_key", "phone_", "database_url")
        for item in fields(Settings):
            if any(word in item.name for word in words):
                assert item.metadata["secret"], item.name
            assert item.repr is not item.metadata["secret"], item.name

    def test_the_table(self) -> None:
        lines = markdown_table().splitlines()
        assert lines[:2] == ["| Variable | Default | Meaning |", "|---|---|---|"]
        assert len(lines) == 2 + len(fields(Settings))
        assert all(len(re.findall(r"(?<!\\)\|", line)) == 4 for line in lines)
        rows = rows_of(markdown_table())
        assert {name for name, default in rows if default == "required"} == REQUIRED
        assert dict(rows)["MPESA_CONNECT_TIMEOUT"] == "`3`"
        assert dict(rows)["PROMPT_LIFETIME"] == "`180`"
        assert dict(rows)["RATELIMIT_ENABLED"] == "`true`"
        assert dict(rows)["MPESA_TILL"] == "\u2013"

    def test_the_readme_has_it(self) -> None:
        known = {environment_name(item) for item in fields(Settings)}
        listed = [row for row in rows_of(README.read_text()) if row[0] in known]
        assert listed == rows_of(markdown_table()), "renew it: python -m mpesa_service.config_table"


@pytest.mark.parametrize(
    ("changes", "address"),
    [
        ({"MPESA_CALLBACK_URL": "https://pay.example.co.ke:8443/in/"}, "https://pay.example.co.ke:8443/c2b"),
        ({"MPESA_C2B_URL": "https://till.example.co.ke/money/"}, "https://till.example.co.ke/money"),
    ],
)
def test_c2b_addresses_are_on_the_callbacks_host_unless_told(changes: dict[str, str], address: str) -> None:
    assert Settings.from_env(production(**changes)).c2b_url == address


def rows_of(markdown: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| `([A-Z0-9_]+)` \| (.+?) \| .+ \|$", markdown, re.MULTILINE)


def test_the_shared_test_environment_is_sound() -> None:
    assert len(SECRET) >= 32
    assert Settings.from_env(environment()).ratelimit_enabled is False
