"""The settings: every environment variable that the service reads, with its meaning.

`docs/configuration.md` has the table that `devtools/settings_table.py` generates from this module.
"""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network

from mpesa_service.config.declaration import (
    MIGRATE,
    PAYOUTS,
    SERVE,
    SERVE_WORKER,
    TOKEN,
    WORKER,
    setting,
)
from mpesa_service.config.mpesa_settings import MpesaSettings
from mpesa_service.config.parsers import (
    boolean,
    choice,
    comma_list,
    network_list,
    pem,
    rate_limit,
    seconds,
    text,
    whole_number,
)


@dataclass(frozen=True, kw_only=True)
class Settings(MpesaSettings):
    """The whole configuration. The environment variable of a field has the field's name in capitals."""

    payout_min_amount: int = setting(
        whole_number(1),
        "Least payout, and least refund to a phone, in shillings. Safaricom documents 10.",
        10,
        read_by="`serve`, `payouts`, `payments`",
    )
    payout_max_amount: int = setting(
        whole_number(1), "Largest payout in shillings.", 250_000, read_by=PAYOUTS
    )
    payout_approval_threshold: int | None = setting(
        whole_number(),
        "Shillings. A payout batch with a larger sum needs a second admin's approval. 0: each batch. By"
        " default `APPROVAL_SINGLE`.",
        None,
        read_by=PAYOUTS,
    )
    c2b_verify_above: int = setting(
        whole_number(),
        "Shillings. C2B confirmations above it are checked with M-Pesa before any of their money leaves."
        " 0: each one.",
        20_000,
    )
    c2b_verify_percent: int = setting(
        whole_number(0, 100),
        "How many in a hundred of the smaller C2B confirmations are checked, too. They are chosen at random.",
        1,
    )
    approval_single: int = setting(
        whole_number(),
        "Shillings. A refund, payout or other outflow above it needs a second admin's approval. 0: each one.",
        50_000,
    )
    approval_per_maker_day: int = setting(
        whole_number(),
        "Shillings. Above this sum of one person's outflows in 24 hours, a further one needs an approval.",
        100_000,
    )
    approval_per_payee_day: int = setting(
        whole_number(),
        "Shillings. Above this sum of outflows to one payee in 24 hours, a further one needs an approval.",
        50_000,
    )
    approval_lifetime: timedelta = setting(
        seconds(60),
        "How long an outflow waits for its approval. After it, the request expires and nothing is sent.",
        timedelta(days=3),
    )
    payouts_per_minute: int = setting(
        whole_number(1),
        "How many payouts all processes together send to Daraja in a minute.",
        60,
        read_by=SERVE_WORKER,
    )
    balance_every: int = setting(
        whole_number(),
        "Minutes between two queries of the account balances, if there is an initiator. 0: no queries.",
        30,
        read_by=WORKER,
    )
    low_balance: int | None = setting(
        whole_number(),
        "Shillings. Below this balance of the utility account, the service suspends payouts and publishes"
        " `balance.low`.",
        None,
        read_by=SERVE_WORKER,
    )
    prompt_lifetime: timedelta = setting(
        seconds(60),
        "How long a prompt can live. After it, a payment without a report releases its order and phone.",
        timedelta(seconds=180),
        read_by=SERVE_WORKER,
    )
    database_url: str = setting(
        text("`sqlite:///…`, `postgresql+psycopg://…`"),
        "The address of the database, for example `sqlite:///mpesa.db`.",
        read_by=MIGRATE,
        secret=True,
    )
    database_pool_size: int = setting(
        whole_number(1),
        "PostgreSQL connections of one process. A thread holds one for the milliseconds of a transaction.",
        20,
    )
    jwt_algorithm: str = setting(
        choice("HS256", "RS256", "ES256"), "The one algorithm that tokens may use.", "HS256", read_by=TOKEN
    )
    jwt_secret_key: str | None = setting(
        text("32 bytes or more"), "Secret for HS256.", None, read_by=TOKEN, secret=True
    )
    jwt_public_key: str | None = setting(pem, "Public key for RS256 or ES256.", None, read_by=SERVE)
    jwt_issuer: str | None = setting(text(), "Required `iss` of tokens, if set.", None, read_by=TOKEN)
    jwt_audience: str | None = setting(text(), "Required `aud` of tokens, if set.", None, read_by=TOKEN)
    jwt_roles_claim: str = setting(
        text(), "Claim with the role or the list of roles. The service knows `admin`.", "roles", read_by=TOKEN
    )
    jwt_max_lifetime: timedelta = setting(
        seconds(60),
        "The longest time from the `iat` of a token to its `exp`. Others are refused. 366 days by default.",
        timedelta(days=366),
        read_by=TOKEN,
    )
    phone_encryption_keys: tuple[str, ...] = setting(
        comma_list,
        "Fernet keys, the newest first. Old keys still decrypt. `mpesa keys new` makes one, and so does"
        " `openssl rand 32 | base64 | tr '+/' '-_'`.",
        read_by=MIGRATE,
        secret=True,
    )
    phone_hash_key: str = setting(
        text("32 bytes or more"),
        "Secret that finds phone numbers without decryption. Never change it.",
        read_by=MIGRATE,
        secret=True,
    )
    ratelimit_enabled: bool = setting(
        boolean, "`false` switches all rate limits off.", True, read_by="`serve`, `doctor`"
    )
    ratelimit_storage_uri: str = setting(
        text("`memory://`, `redis://…`"),
        "Where rate limits are counted. More than one process needs Redis or Valkey.",
        "memory://",
        read_by="`serve`, `doctor`",
        secret=True,
    )
    ratelimit_default: str = setting(
        rate_limit, "Requests of one caller.", "100 per 15 minutes", read_by=SERVE
    )
    ratelimit_refunds: str = setting(
        rate_limit, "Refund requests of one caller.", "10 per 15 minutes", read_by=SERVE
    )
    ratelimit_payouts: str = setting(
        rate_limit, "Payout requests and approvals of one caller.", "30 per 15 minutes", read_by=SERVE
    )
    ratelimit_prompts: str = setting(
        rate_limit, "Prompts to one phone number.", "5 per 10 minutes", read_by=SERVE
    )
    celery_broker_url: str = setting(
        text("`filesystem://folder`, `redis://…`, `amqp://…`"),
        "The broker of the background jobs. A folder is for one machine.",
        "filesystem://var/broker",
        read_by=WORKER,
    )
    webhook_allowed_networks: str | None = setting(
        network_list,
        "Private networks to which events may be posted, also by http. With the simulator: this machine.",
        None,
        read_by="`serve`, `worker`, `webhooks`",
    )
    trusted_proxies: int = setting(
        whole_number(), "How many proxies in front set X-Forwarded-For. 0: none.", 0, read_by=SERVE
    )
    bind: str | None = setting(
        text("`host:port`"), "Where `serve` listens. By default `127.0.0.1:PORT`.", None, read_by=SERVE
    )
    port: int = setting(
        whole_number(0, 65_535), "The port of `serve`, if `BIND` is not set.", 5005, read_by=SERVE
    )
    web_concurrency: int = setting(whole_number(1), "gunicorn worker processes.", 1, read_by=SERVE)
    web_threads: int = setting(
        whole_number(1),
        "Threads of one gunicorn worker. A quarter never waits for Daraja.",
        64,
        read_by=SERVE,
    )
    log_level: str = setting(
        choice("DEBUG", "INFO", "WARNING", "ERROR"), "Least level logged: see `mpesa --help`.", "INFO"
    )

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks that events may be posted to."""
        listed = (self.webhook_allowed_networks or "").split(",")
        return tuple(ip_network(part.strip()) for part in listed if part.strip())

    @property
    def bind_address(self) -> str:
        """Host and port that `serve` listens on."""
        return self.bind or f"127.0.0.1:{self.port}"
