"""Typed, frozen settings, read from the environment once, by whoever starts the service.

Every problem is reported at once, by name and with what to do, and nothing starts until all are
mended. `README.md` has the table of them all, tested against this module.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mpesa_service.config_checks import unsafe_settings
from mpesa_service.config_parsers import (
    boolean,
    choice,
    comma_list,
    network_list,
    pem,
    rate_limit,
    seconds,
    short_time,
    text,
    whole_number,
)

Parsed = TypeVar("Parsed")

SIMULATOR = "simulator"
BASE_URLS = {
    SIMULATOR: "http://127.0.0.1:5006",
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}
SIMULATOR_DEFAULTS = {
    "MPESA_CONSUMER_KEY": "simulator",
    "MPESA_CONSUMER_SECRET": "simulator",
    "MPESA_SHORTCODE": "174379",
    "MPESA_PASSKEY": "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919",
    "MPESA_CALLBACK_URL": "http://127.0.0.1:5005/api/mpesa/callback",
    "MPESA_INITIATOR_NAME": "testapi",
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128",
}
"""What the bundled simulator takes; the passkey is the one that Safaricom publishes for its sandbox."""


class ConfigurationError(Exception):
    """The environment does not describe a service that may start; the message lists every problem."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__("The service cannot start:\n" + "\n".join(f"  - {p}" for p in problems))


def setting(
    parse: Callable[[str], Parsed],
    help_: str,
    default: Any = MISSING,
    *,
    secret: bool = False,
) -> Any:
    """Declare one environment variable; without a default it is required."""
    metadata = {"parse": parse, "help": help_, "secret": secret}
    return field(default=default, metadata=metadata, repr=not secret)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration; the environment name of a field is the field's in capitals."""

    mpesa_environment: str = setting(
        choice("simulator", "sandbox", "production"),
        "Which Daraja: the bundled `simulator`, Safaricom's `sandbox`, or `production`.",
    )
    mpesa_consumer_key: str = setting(text, "The Daraja app's consumer key.", secret=True)
    mpesa_consumer_secret: str = setting(text, "The Daraja app's consumer secret.", secret=True)
    mpesa_shortcode: str = setting(text, "Pay bill number, or for tills the store number.")
    mpesa_passkey: str = setting(text, "The shortcode's Lipa na M-Pesa passkey.", secret=True)
    mpesa_callback_url: str = setting(
        text,
        "Public address of `/api/mpesa/callback`; each payment's token is appended. https in production.",
    )
    mpesa_c2b_url: str | None = setting(
        text,
        "Public address of `/c2b`, where M-Pesa tells of money from the phone's own menu; by default on the"
        " host of `MPESA_CALLBACK_URL`.",
        None,
    )
    mpesa_transaction_type: str = setting(
        choice("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
        "`CustomerPayBillOnline`, or `CustomerBuyGoodsOnline` for tills.",
        "CustomerPayBillOnline",
    )
    mpesa_till: str | None = setting(text, "The till number, with `CustomerBuyGoodsOnline`.", None)
    mpesa_initiator_name: str | None = setting(
        text, "API operator that pays refunds and payouts; without it both are refused.", None
    )
    mpesa_security_credential: str | None = setting(
        text, "The initiator's ready-made SecurityCredential.", None, secret=True
    )
    mpesa_initiator_password: str | None = setting(
        text, "The initiator's password, with `MPESA_CERTIFICATE_PATH`.", None, secret=True
    )
    mpesa_certificate_path: str | None = setting(
        text, "Safaricom's certificate file (PEM or DER) that encrypts the password.", None
    )
    mpesa_b2c_shortcode: str | None = setting(
        text, "Shortcode that pays refunds and payouts, if not `MPESA_SHORTCODE`.", None
    )
    mpesa_b2c_version: str = setting(
        choice("v3", "v1"), "B2C API: `v3`, which takes an id once, or `v1`.", "v3"
    )
    mpesa_c2b_version: str = setting(
        choice("v2", "v1"), "C2B registration: `v2` masks numbers, `v1` hashes them.", "v2"
    )
    c2b_when_unsure: str = setting(
        choice("accept", "reject"),
        "What M-Pesa is told of a payment from the phone's own menu when nobody can judge it.",
        "accept",
    )
    mpesa_base_url: str | None = setting(text, "Overrides the host of the environment.", None)
    mpesa_connect_timeout: float = setting(short_time, "Seconds to wait for a connection to Daraja.", 3.0)
    mpesa_read_timeout: float = setting(short_time, "Seconds to wait for Daraja's answer.", 10.0)
    mpesa_queries_per_minute: int | None = setting(
        whole_number,
        "How often Daraja may be asked about payments, by all processes together; by default 5 in the"
        " sandbox (its limit) and 60 elsewhere.",
        None,
    )
    mpesa_min_amount: int = setting(whole_number, "Least payment in shillings.", 1)
    mpesa_max_amount: int = setting(
        whole_number, "Largest payment in shillings; Safaricom's own limit is 250000.", 70_000
    )
    payout_min_amount: int = setting(
        whole_number, "Least payout in shillings; Safaricom documents 10 for payouts to phones.", 10
    )
    payout_max_amount: int = setting(whole_number, "Largest payout in shillings.", 250_000)
    payout_approval_threshold: int = setting(
        whole_number,
        "Shillings; a batch of payouts that comes to more needs a second admin's approval. 0: each one does.",
        50_000,
    )
    payouts_per_minute: int = setting(
        whole_number, "How many payouts are sent to Daraja in a minute, by all processes together.", 60
    )
    balance_every: int = setting(
        whole_number,
        "Minutes from one question for the accounts' balances to the next, where an initiator is set up;"
        " 0: never.",
        30,
    )
    low_balance: int | None = setting(
        whole_number,
        "Shillings; payouts stop and `balance.low` is told when the Utility Account falls below.",
        None,
    )
    prompt_lifetime: timedelta = setting(
        seconds,
        "Seconds after which a prompt cannot be alive: a payment without news stops blocking its"
        " order and phone.",
        timedelta(seconds=180),
    )
    database_url: str = setting(text, "`sqlite:///file.db` or `postgresql+psycopg://…`.", secret=True)
    database_pool_size: int = setting(
        whole_number,
        "PostgreSQL connections a process; a thread holds one only for a transaction's milliseconds.",
        20,
    )
    jwt_algorithm: str = setting(
        choice("HS256", "RS256", "ES256"), "The one algorithm that tokens may use.", "HS256"
    )
    jwt_secret_key: str | None = setting(text, "HS256 secret, 32 bytes or more.", None, secret=True)
    jwt_public_key: str | None = setting(pem, "PEM public key for RS256 or ES256.", None)
    jwt_issuer: str | None = setting(text, "Required `iss` of tokens, when set.", None)
    jwt_audience: str | None = setting(text, "Required `aud` of tokens, when set.", None)
    jwt_roles_claim: str = setting(
        text, "Claim that holds the role or list of roles; `admin` is the one that counts.", "roles"
    )
    phone_encryption_keys: tuple[str, ...] = setting(
        comma_list,
        "Fernet keys, the newest first; old ones still decrypt. Make one:"
        " `openssl rand 32 | base64 | tr '+/' '-_'`.",
        secret=True,
    )
    phone_hash_key: str = setting(
        text, "Secret of 32 bytes or more for look-ups by number; never changes.", secret=True
    )
    ratelimit_enabled: bool = setting(boolean, "`false` turns all rate limits off.", True)
    ratelimit_storage_uri: str = setting(
        text,
        "`memory://`, or `redis://…` (Redis or Valkey) for more than one process.",
        "memory://",
        secret=True,
    )
    ratelimit_default: str = setting(rate_limit, "Requests a caller.", "100 per 15 minutes")
    ratelimit_refunds: str = setting(rate_limit, "Refund requests a caller.", "10 per 15 minutes")
    ratelimit_payouts: str = setting(
        rate_limit, "Requests for payouts and approvals a caller.", "30 per 15 minutes"
    )
    ratelimit_prompts: str = setting(rate_limit, "Prompts a phone number.", "5 per 10 minutes")
    celery_broker_url: str = setting(
        text,
        "Where jobs are announced: `filesystem://folder` for one machine, or `redis://…`, `amqp://…`.",
        "filesystem://var/broker",
    )
    webhook_allowed_networks: str | None = setting(
        network_list,
        "Private networks, with commas between, that events may be posted to, also by http; the"
        " simulator's default is the machine itself.",
        None,
    )
    trusted_proxies: int = setting(
        whole_number, "Proxies in front that set X-Forwarded-For; 0 believes none.", 0
    )
    web_concurrency: int = setting(whole_number, "gunicorn worker processes.", 1)
    web_threads: int = setting(
        whole_number, "Threads a gunicorn worker; a quarter never waits for Daraja.", 64
    )
    log_level: str = setting(
        choice("DEBUG", "INFO", "WARNING", "ERROR"), "Least level that is logged.", "INFO"
    )

    @property
    def daraja_base_url(self) -> str:
        return (self.mpesa_base_url or BASE_URLS[self.mpesa_environment]).rstrip("/")

    @property
    def queries_per_minute(self) -> int:
        return self.mpesa_queries_per_minute or (5 if self.mpesa_environment == "sandbox" else 60)

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        listed = (self.webhook_allowed_networks or "").split(",")
        return tuple(ip_network(part.strip()) for part in listed if part.strip())

    @property
    def callback_url(self) -> str:
        return self.mpesa_callback_url.rstrip("/")

    @property
    def c2b_url(self) -> str:
        if self.mpesa_c2b_url is not None:
            return self.mpesa_c2b_url.rstrip("/")
        callback = urlsplit(self.mpesa_callback_url)
        return f"{callback.scheme}://{callback.netloc}/c2b"

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> "Settings":
        """Read the settings; raise ConfigurationError with every problem found."""
        environ = os.environ if environ is None else environ
        defaults = SIMULATOR_DEFAULTS if environ.get("MPESA_ENVIRONMENT") == SIMULATOR else {}
        values: dict[str, Any] = {}
        problems: list[str] = []
        for item in fields(cls):
            _read(item, environ, defaults, values, problems)
        # Faulty settings get a stand-in, so that what is wrong with the others is found as well.
        stand_ins = {item.name: "" for item in fields(cls) if item.default is MISSING}
        settings = cls(**{**stand_ins, "mpesa_environment": SIMULATOR, **values})
        faulty = [problem.split()[0] for problem in problems]
        problems += [p for p in unsafe_settings(settings) if not any(name in p for name in faulty)]
        if problems:
            raise ConfigurationError(problems)
        return settings


def environment_name(item: "Field[Any]") -> str:
    """Return the environment variable of a settings field."""
    return item.name.upper()


def _read(
    item: "Field[Any]",
    environ: Mapping[str, str],
    defaults: Mapping[str, str],
    values: dict[str, Any],
    problems: list[str],
) -> None:
    name = environment_name(item)
    raw = environ.get(name, "").strip() or defaults.get(name, "")
    if not raw:
        if item.default is MISSING:
            problems.append(f"{name} is not set. {item.metadata['help']}")
        return
    try:
        values[item.name] = item.metadata["parse"](raw)
    except ValueError as error:
        problems.append(f"{name} {error}")
