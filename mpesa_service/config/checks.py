"""Refuses settings that are readable but unsafe, contradictory, or not for production."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from mpesa_service.config.mpesa_settings import SIMULATOR
from mpesa_service.config.settings import Settings
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.errors import InvalidPhone

LEAST_SECRET_BYTES = 32
_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
FORBIDDEN_WORDS = ("m-pesa", "mpesa", "safaricom", "query", "cmd", "sql", "exe")
"""Words that Safaricom's C2B page forbids in addresses, in any case. `exe` covers `exec`."""
_PUBLIC_SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


def unsafe_settings(settings: Settings) -> list[str]:
    """Return every reason not to start, as sentences for the operator."""
    return [
        *_amounts(settings),
        *_tokens(settings),
        *_keys(settings),
        *_addresses(settings),
        *_credentials(settings),
        *_pulls(settings),
        *_processes(settings),
        *_webhooks(settings),
    ]


def _amounts(s: Settings) -> Iterator[str]:
    if s.mpesa_min_amount > s.mpesa_max_amount:
        yield "MPESA_MIN_AMOUNT is larger than MPESA_MAX_AMOUNT."
    if s.payout_min_amount > s.payout_max_amount:
        yield "PAYOUT_MIN_AMOUNT is larger than PAYOUT_MAX_AMOUNT."


def _tokens(s: Settings) -> Iterator[str]:
    if s.jwt_algorithm == "HS256":
        if s.jwt_public_key:
            yield "JWT_PUBLIC_KEY is set, but JWT_ALGORITHM is HS256. Set RS256 or ES256."
        if s.jwt_secret_key is None:
            yield "JWT_SECRET_KEY is not set. Make one with: openssl rand -hex 32"
        elif len(s.jwt_secret_key.encode()) < LEAST_SECRET_BYTES:
            yield "JWT_SECRET_KEY must have 32 bytes or more, for example: openssl rand -hex 32"
    elif "BEGIN PUBLIC KEY" not in (s.jwt_public_key or ""):
        yield f"JWT_PUBLIC_KEY must be a PEM public key for {s.jwt_algorithm}."


def _keys(s: Settings) -> Iterator[str]:
    for number, key in enumerate(s.phone_encryption_keys, 1):
        if not _is_fernet_key(key):
            yield (
                f"PHONE_ENCRYPTION_KEYS: key {number} is not a Fernet key (32 bytes in URL-safe"
                " base64). Make one with: openssl rand 32 | base64 | tr '+/' '-_'"
            )
    if len(s.phone_hash_key.encode()) < LEAST_SECRET_BYTES:
        yield "PHONE_HASH_KEY must have 32 bytes or more, for example: openssl rand -hex 32"


def _is_fernet_key(key: str) -> bool:
    try:
        return len(urlsafe_b64decode(key)) == 32
    except (Base64Error, ValueError):
        return False


def _addresses(s: Settings) -> Iterator[str]:
    yield from _posted_to(s, "MPESA_CALLBACK_URL", s.mpesa_callback_url, "api/mpesa/callback", "token")
    if s.mpesa_c2b_url is not None:
        yield from _posted_to(s, "MPESA_C2B_URL", s.c2b_url, "c2b", "secret")
        if (word := forbidden_word(s.c2b_url)) is not None:
            where = f"MPESA_C2B_URL must not contain {word!r}, not even in its host"
            yield f"{where}: Safaricom does not register such an address."
    base = _split(s.daraja_base_url)
    local = base.hostname in {"127.0.0.1", "localhost", "::1"}
    if base.scheme not in {"http", "https"} or not base.hostname:
        yield "MPESA_BASE_URL must be a full address, such as https://sandbox.safaricom.co.ke"
    elif s.mpesa_environment != SIMULATOR and base.scheme != "https" and not local:
        yield "MPESA_BASE_URL must be https: credentials travel on it."


def _posted_to(s: Settings, name: str, address: str, path: str, appended: str) -> Iterator[str]:
    """Check an address that M-Pesa posts to."""
    parts = _split(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        yield f"{name} must be a full address, such as https://pay.example.co.ke/{path}"
    elif parts.query or parts.fragment:
        yield f"{name} must not have a query or a fragment: a {appended} is appended to its path."
    elif s.mpesa_environment == "production" and parts.scheme != "https":
        yield f"{name} must be https in production: Safaricom calls nothing else."


def forbidden_word(address: str) -> str | None:
    """Return the word in `address` for which Safaricom would not register it, or None."""
    return next((word for word in FORBIDDEN_WORDS if word in address.lower()), None)


def _webhooks(s: Settings) -> Iterator[str]:
    if any(network.prefixlen == 0 for network in s.webhook_networks):
        yield "WEBHOOK_ALLOWED_NETWORKS must not name the whole Internet: public https needs no allowance."


def _split(address: str) -> SplitResult:
    try:
        return urlsplit(address)
    except ValueError:
        return urlsplit("")


def _credentials(s: Settings) -> Iterator[str]:
    if s.mpesa_environment == "production" and s.mpesa_passkey == _PUBLIC_SANDBOX_PASSKEY:
        yield "MPESA_PASSKEY is the public sandbox passkey; production has its own, sent by email."
    if s.mpesa_transaction_type == "CustomerBuyGoodsOnline" and not s.mpesa_till:
        yield "MPESA_TILL is needed with CustomerBuyGoodsOnline."
    credential = s.mpesa_security_credential or s.mpesa_initiator_password
    if s.mpesa_initiator_name and not credential:
        yield (
            "MPESA_INITIATOR_NAME needs MPESA_SECURITY_CREDENTIAL, or MPESA_INITIATOR_PASSWORD with"
            " MPESA_CERTIFICATE_PATH. Without them M-Pesa refuses refunds, payouts and inquiries."
        )
    certificate = s.mpesa_certificate_path or s.mpesa_security_credential
    if s.mpesa_initiator_password and not certificate:
        yield "MPESA_CERTIFICATE_PATH is needed to encrypt MPESA_INITIATOR_PASSWORD."


def _pulls(s: Settings) -> Iterator[str]:
    if s.mpesa_pull and s.mpesa_pull_phone is None:
        yield "MPESA_PULL needs MPESA_PULL_PHONE: the number in M-Pesa's portal, under Organization, Details."
    if s.mpesa_pull_phone is not None:
        try:
            normalize_msisdn(s.mpesa_pull_phone)
        except InvalidPhone:
            yield "MPESA_PULL_PHONE must be a Kenyan phone number, such as 254712345678."


def database_problem(url: str) -> str | None:
    """Return what is wrong with the address of a database, or None."""
    if url.partition(":")[0] in _DATABASES:
        return None
    return "DATABASE_URL must be like sqlite:///mpesa.db or postgresql+psycopg://user:password@host/name"


def _processes(s: Settings) -> Iterator[str]:
    if problem := database_problem(s.database_url):
        yield problem
    if not s.ratelimit_storage_uri.startswith(("memory:", "redis", "valkey")):
        yield "RATELIMIT_STORAGE_URI must be memory:// or like redis://host:6379/0 (Redis or Valkey)."
    if s.web_concurrency > 1 and s.ratelimit_enabled and s.ratelimit_storage_uri.startswith("memory:"):
        yield (
            f"{s.web_concurrency} workers cannot share rate limits kept in memory. Set"
            " RATELIMIT_STORAGE_URI=redis://host:6379/0 (Redis or Valkey), or WEB_CONCURRENCY=1."
        )
