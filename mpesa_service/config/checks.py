"""Refuses settings that are readable but unsafe, contradictory, or not for production."""

from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator

from mpesa_service.config.certificates import certificate_problems
from mpesa_service.config.mpesa_settings import SIMULATOR
from mpesa_service.config.public_addresses import address_problems, split
from mpesa_service.config.settings import Settings
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.errors import InvalidPhone

LEAST_SECRET_BYTES = 32
SANDBOX_SHORTCODE = "174379"
GRACEFUL_SECONDS = 30
"""How long gunicorn waits for the requests of a process that stops."""
BROKERS = frozenset({"filesystem", "redis", "rediss", "sentinel", "amqp", "amqps", "pyamqp", "sqs"})
_DATABASES = ("sqlite", "sqlite+pysqlite", "postgresql", "postgresql+psycopg")
_PUBLIC_SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"


def unsafe_settings(settings: Settings) -> list[str]:
    """Return every reason not to start, as sentences for the operator."""
    return [problem for rule in RULES.values() for problem in rule(settings)]


def _amounts(s: Settings) -> Iterator[str]:
    if s.mpesa_min_amount > s.mpesa_max_amount:
        yield "MPESA_MIN_AMOUNT is larger than MPESA_MAX_AMOUNT."
    if s.payout_min_amount > s.payout_max_amount:
        yield "PAYOUT_MIN_AMOUNT is larger than PAYOUT_MAX_AMOUNT."
    for name, most in (("MPESA_MAX_AMOUNT", s.mpesa_max_amount), ("PAYOUT_MAX_AMOUNT", s.payout_max_amount)):
        if most > s.mpesa_transaction_limit:
            yield (
                f"{name} is {most}, but M-Pesa moves at most {s.mpesa_transaction_limit} in one transaction"
                " (MPESA_TRANSACTION_LIMIT)."
            )


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
    yield from address_problems(s)
    base = split(s.daraja_base_url)
    local = base.hostname in {"127.0.0.1", "localhost", "::1"}
    if base.scheme not in {"http", "https"} or not base.hostname:
        yield "MPESA_BASE_URL must be a full address, such as https://sandbox.safaricom.co.ke"
    elif s.mpesa_environment != SIMULATOR and base.scheme != "https" and not local:
        yield "MPESA_BASE_URL must be https: credentials travel on it."


def _webhooks(s: Settings) -> Iterator[str]:
    if any(network.prefixlen == 0 for network in s.webhook_networks):
        yield "WEBHOOK_ALLOWED_NETWORKS must not name the whole Internet: public https needs no allowance."


def _credentials(s: Settings) -> Iterator[str]:
    if s.mpesa_environment == "production" and s.mpesa_passkey == _PUBLIC_SANDBOX_PASSKEY:
        yield "MPESA_PASSKEY is the public sandbox passkey; production has its own, sent by email."
    credential = s.mpesa_security_credential or s.mpesa_initiator_password
    if s.mpesa_initiator_name and not credential:
        yield (
            "MPESA_INITIATOR_NAME needs MPESA_SECURITY_CREDENTIAL, or MPESA_INITIATOR_PASSWORD with"
            " MPESA_CERTIFICATE_PATH. Without them M-Pesa refuses refunds, payouts and inquiries."
        )
    certificate = s.mpesa_certificate_path or s.mpesa_security_credential
    if s.mpesa_initiator_password and not certificate:
        yield "MPESA_CERTIFICATE_PATH is needed to encrypt MPESA_INITIATOR_PASSWORD."


def _numbers(s: Settings) -> Iterator[str]:
    shortcodes = {
        "MPESA_SHORTCODE": s.mpesa_shortcode,
        "MPESA_TILL": s.mpesa_till,
        "MPESA_B2C_SHORTCODE": s.mpesa_b2c_shortcode,
    }
    for name, number in shortcodes.items():
        if number is not None and not 5 <= len(number) <= 7:
            yield f"{name} must have 5 to 7 digits."
        elif number == SANDBOX_SHORTCODE and s.mpesa_environment == "production":
            yield f"{name} is {number}, the shortcode of the sandbox. Production has its own."
    sells_goods = s.mpesa_transaction_type == "CustomerBuyGoodsOnline"
    if sells_goods and not s.mpesa_till:
        yield "MPESA_TILL is needed with CustomerBuyGoodsOnline."
    elif s.mpesa_till and not sells_goods:
        yield "MPESA_TILL is for tills: set MPESA_TRANSACTION_TYPE=CustomerBuyGoodsOnline, or remove it."
    elif s.mpesa_till and s.mpesa_till == s.mpesa_shortcode:
        yield "MPESA_TILL must not be MPESA_SHORTCODE: with a till, MPESA_SHORTCODE is its store number."


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
    if s.web_concurrency > 1 and s.database_url.startswith("sqlite"):
        yield (
            f"DATABASE_URL: SQLite is for one web process, and WEB_CONCURRENCY is {s.web_concurrency}. Use"
            " PostgreSQL, or WEB_CONCURRENCY=1."
        )
    if s.celery_broker_url.partition("://")[0] not in BROKERS:
        yield "CELERY_BROKER_URL must be like filesystem://folder, redis://host:6379/0 or amqp://host."
    if s.mpesa_connect_timeout + s.mpesa_read_timeout > GRACEFUL_SECONDS:
        yield (
            f"MPESA_CONNECT_TIMEOUT and MPESA_READ_TIMEOUT must be at most {GRACEFUL_SECONDS} seconds"
            " together: a stopping process waits no longer for a push that is on its way."
        )
    if not s.ratelimit_storage_uri.startswith(("memory:", "redis", "valkey")):
        yield "RATELIMIT_STORAGE_URI must be memory:// or like redis://host:6379/0 (Redis or Valkey)."
    if s.web_concurrency > 1 and s.ratelimit_enabled and s.ratelimit_storage_uri.startswith("memory:"):
        yield (
            f"{s.web_concurrency} workers cannot share rate limits kept in memory. Set"
            " RATELIMIT_STORAGE_URI=redis://host:6379/0 (Redis or Valkey), or WEB_CONCURRENCY=1."
        )


RULES: dict[str, Callable[[Settings], Iterator[str]]] = {
    "amounts": _amounts,
    "shortcodes": _numbers,
    "tokens": _tokens,
    "keys": _keys,
    "addresses": _addresses,
    "credentials": _credentials,
    "certificate": certificate_problems,
    "pulls": _pulls,
    "processes": _processes,
    "webhooks": _webhooks,
}
"""Every rule for the settings. The service starts if none has a problem, and `mpesa doctor` repeats them."""
