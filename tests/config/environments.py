"""A sound environment for production, and what is wrong with a changed one."""

from base64 import urlsafe_b64encode

import pytest

from mpesa_service.config import ConfigurationError, load_settings

PUBLIC_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
PUBLIC_PEM = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----"
PRODUCTION = {
    "MPESA_ENVIRONMENT": "production",
    "MPESA_CONSUMER_KEY": "consumer-key-canary",
    "MPESA_CONSUMER_SECRET": "consumer-secret-canary",
    "MPESA_SHORTCODE": "600000",
    "MPESA_PASSKEY": "passkey-canary",
    "MPESA_CALLBACK_URL": "https://pay.example.co.ke/api/mpesa/callback",
    "MPESA_SECURITY_CREDENTIAL": "canary" * 57 + "==",
    "MPESA_INITIATOR_PASSWORD": "initiator-canary",
    "DATABASE_URL": "postgresql+psycopg://mpesa:database-canary@db/mpesa",
    "JWT_SECRET_KEY": "jwt-canary-jwt-canary-jwt-canary-jwt",
    "PHONE_ENCRYPTION_KEYS": urlsafe_b64encode(b"fernet-canary-fernet-canary-1234").decode(),
    "PHONE_HASH_KEY": "hash-canary-hash-canary-hash-canary",
    "RATELIMIT_STORAGE_URI": "redis://:redis-canary@cache:6379/0",
}


def problems(environ: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environ)
    for problem in caught.value.problems:
        assert f"  - {problem}" in str(caught.value)
    return caught.value.problems


def production(**changes: str) -> dict[str, str]:
    return {**PRODUCTION, **changes}
