"""The settings: every environment variable that the service reads, with its meaning.

`docs/configuration.md` has the table that `devtools/settings_table.py` generates from this module.
"""

from dataclasses import dataclass
from datetime import timedelta
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

from mpesa_service.config.declaration import (
    C2B,
    MIGRATE,
    PAYOUTS,
    SERVE,
    SERVE_WORKER,
    TOKEN,
    WORKER,
    setting,
)
from mpesa_service.config.parsers import (
    address,
    boolean,
    choice,
    comma_list,
    digits,
    network_list,
    pem,
    rate_limit,
    seconds,
    short_time,
    text,
    whole_number,
)

SIMULATOR = "simulator"
BASE_URLS = {
    SIMULATOR: "http://127.0.0.1:5006",
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}
SAFARICOM_MAX_AMOUNT = 250_000
"""Shillings in one transaction (Safaricom's published limit)."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The whole configuration. The environment variable of a field has the field's name in capitals."""

    mpesa_environment: str = setting(
        choice(*BASE_URLS), "Which Daraja: the bundled simulator, Safaricom's sandbox, or production."
    )
    mpesa_consumer_key: str = setting(text(), "The Daraja app's consumer key.", secret=True)
    mpesa_consumer_secret: str = setting(text(), "The Daraja app's consumer secret.", secret=True)
    mpesa_shortcode: str = setting(digits, "Pay bill number, or for tills the store number.")
    mpesa_passkey: str = setting(text(), "The shortcode's Lipa na M-Pesa passkey.", secret=True)
    mpesa_callback_url: str = setting(
        address,
        "Public address of `/api/mpesa/callback`. The service appends each payment's token. In production,"
        " https.",
    )
    mpesa_c2b_url: str | None = setting(
        address,
        "Public address of `/c2b`, where M-Pesa reports C2B payments. By default on the host of"
        " `MPESA_CALLBACK_URL`.",
        None,
        read_by=C2B,
    )
    mpesa_transaction_type: str = setting(
        choice("CustomerPayBillOnline", "CustomerBuyGoodsOnline"),
        "The type of the STK pushes: the first for pay bills, the second for tills.",
        "CustomerPayBillOnline",
        read_by=SERVE,
    )
    mpesa_till: str | None = setting(digits, "The till number, with `CustomerBuyGoodsOnline`.", None)
    mpesa_initiator_name: str | None = setting(
        text(), "API operator that pays refunds and payouts. Without it the service refuses both.", None
    )
    mpesa_security_credential: str | None = setting(
        text(), "The initiator's ready-made SecurityCredential.", None, secret=True
    )
    mpesa_initiator_password: str | None = setting(
        text(), "The initiator's password, with `MPESA_CERTIFICATE_PATH`.", None, secret=True
    )
    mpesa_certificate_path: str | None = setting(
        text("a path"), "Safaricom's certificate file (PEM or DER) that encrypts the password.", None
    )
    mpesa_b2c_shortcode: str | None = setting(
        digits, "Shortcode that pays refunds and payouts, if it is not `MPESA_SHORTCODE`.", None
    )
    mpesa_b2c_version: str = setting(
        choice("v3", "v1"), "Version of the B2C API. v3 executes each id once, v1 does not.", "v3"
    )
    mpesa_c2b_version: str = setting(
        choice("v2", "v1"),
        "Version of the C2B registration. v2 masks phone numbers, v1 hashes them.",
        "v2",
        read_by=C2B,
    )
    mpesa_pull: bool = setting(
        boolean,
        "Whether the worker fetches the money that the shortcode and the till received, every 15 minutes."
        " Safaricom must have provisioned them for Pull Transactions.",
        False,
        read_by="`worker`, `pull`, `doctor`",
    )
    mpesa_pull_phone: str | None = setting(
        digits,
        "The number in M-Pesa's portal under Organization, Details. The registration for pulls needs it.",
        None,
        read_by="`pull`",
    )
    c2b_when_unsure: str = setting(
        choice("accept", "reject"),
        "The answer to M-Pesa's validation of a C2B payment when the service cannot decide.",
        "accept",
        read_by="`serve`, `c2b-rules`",
    )
    mpesa_base_url: str | None = setting(address, "Overrides the host of the environment.", None)
    mpesa_connect_timeout: float = setting(short_time, "Time limit for a connection to Daraja.", 3.0)
    mpesa_read_timeout: float = setting(short_time, "Time limit for Daraja's answer.", 10.0)
    mpesa_queries_per_minute: int | None = setting(
        whole_number(1),
        "How often all processes together may query Daraja about payments. By default 5 in the sandbox (its"
        " limit) and 60 elsewhere.",
        None,
        read_by=SERVE_WORKER,
    )
    mpesa_min_amount: int = setting(whole_number(1), "Least payment in shillings.", 1, read_by=SERVE)
    mpesa_max_amount: int = setting(
        whole_number(1, SAFARICOM_MAX_AMOUNT),
        "Largest payment in shillings. Safaricom's own limit is 250000.",
        70_000,
        read_by=SERVE,
    )
    payout_min_amount: int = setting(
        whole_number(1),
        "Least payout, and least refund to a phone, in shillings. Safaricom documents 10.",
        10,
        read_by="`serve`, `payouts`, `payments`",
    )
    payout_max_amount: int = setting(
        whole_number(1, SAFARICOM_MAX_AMOUNT), "Largest payout in shillings.", 250_000, read_by=PAYOUTS
    )
    payout_approval_threshold: int = setting(
        whole_number(),
        "Shillings. A payout batch with a larger sum needs a second admin's approval. 0: each batch.",
        50_000,
        read_by=PAYOUTS,
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
    def daraja_base_url(self) -> str:
        """Scheme and host of Daraja, without a slash at the end."""
        return (self.mpesa_base_url or BASE_URLS[self.mpesa_environment]).rstrip("/")

    @property
    def queries_per_minute(self) -> int:
        """How often all processes together may query Daraja about payments."""
        return self.mpesa_queries_per_minute or (5 if self.mpesa_environment == "sandbox" else 60)

    @property
    def webhook_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """The private networks that events may be posted to."""
        listed = (self.webhook_allowed_networks or "").split(",")
        return tuple(ip_network(part.strip()) for part in listed if part.strip())

    @property
    def callback_url(self) -> str:
        """The public address of `/api/mpesa/callback`, without a slash at the end."""
        return self.mpesa_callback_url.rstrip("/")

    @property
    def c2b_url(self) -> str:
        """The public address of `/c2b`, without a slash at the end."""
        if self.mpesa_c2b_url is not None:
            return self.mpesa_c2b_url.rstrip("/")
        callback = urlsplit(self.mpesa_callback_url)
        return f"{callback.scheme}://{callback.netloc}/c2b"

    @property
    def bind_address(self) -> str:
        """Host and port that `serve` listens on."""
        return self.bind or f"127.0.0.1:{self.port}"
