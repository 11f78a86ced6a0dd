"""Settings that can be read and must not start, and those that may."""

from base64 import urlsafe_b64encode

import pytest

from mpesa_service.config import load_settings
from tests.config.environments import PUBLIC_PASSKEY, PUBLIC_PEM, problems, production
from tests.support import ENCRYPTION_KEY


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"MPESA_MIN_AMOUNT": "11", "MPESA_MAX_AMOUNT": "10"},
            "MPESA_MIN_AMOUNT is larger than MPESA_MAX_AMOUNT.",
        ),
        (
            {"PAYOUT_MIN_AMOUNT": "101", "PAYOUT_MAX_AMOUNT": "100"},
            "PAYOUT_MIN_AMOUNT is larger than PAYOUT_MAX_AMOUNT.",
        ),
        (
            {"MPESA_MAX_AMOUNT": "250001"},
            (
                "MPESA_MAX_AMOUNT is 250001, but M-Pesa moves at most 250000 in one transaction"
                " (MPESA_TRANSACTION_LIMIT)."
            ),
        ),
        (
            {"PAYOUT_MAX_AMOUNT": "100001", "MPESA_TRANSACTION_LIMIT": "100000"},
            (
                "PAYOUT_MAX_AMOUNT is 100001, but M-Pesa moves at most 100000 in one transaction"
                " (MPESA_TRANSACTION_LIMIT)."
            ),
        ),
        (
            {"JWT_SECRET_KEY": "x" * 31},
            "JWT_SECRET_KEY must have 32 bytes or more, for example: openssl rand -hex 32",
        ),
        (
            {"JWT_SECRET_KEY": ""},
            "JWT_SECRET_KEY is not set. Make one with: openssl rand -hex 32",
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
                ("MPESA_CALLBACK_URL must not have a query or a fragment: a token is appended to its path."),
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
            "MPESA_PASSKEY is the public sandbox passkey; production has its own, sent by email.",
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
                    f"MPESA_C2B_URL must not contain '{word}', not even in its host: Safaricom does not"
                    " register such an address."
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
def test_what_is_unsafe(changes: dict[str, str], sentence: str) -> None:
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
        {"WEB_CONCURRENCY": "8"},
        {"WEB_CONCURRENCY": "8", "RATELIMIT_STORAGE_URI": "memory://", "RATELIMIT_ENABLED": "false"},
        {"DATABASE_URL": "sqlite:////var/lib/mpesa/mpesa.db"},
        {"RATELIMIT_STORAGE_URI": "valkey://cache:6379"},
    ],
    ids=str,
)
def test_what_is_safe(changes: dict[str, str]) -> None:
    assert load_settings(production(**changes))
