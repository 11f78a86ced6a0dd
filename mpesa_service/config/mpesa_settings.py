"""The settings of M-Pesa: the shop's app, its shortcode, its addresses, and the limits of one payment."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from mpesa_service.config.declaration import C2B, SERVE, SERVE_WORKER, setting
from mpesa_service.config.parsers import (
    address,
    boolean,
    choice,
    digits,
    short_time,
    text,
    whole_number,
)
from mpesa_service.domain.money import SAFARICOM_MAX_AMOUNT

SIMULATOR = "simulator"
BASE_URLS = {
    SIMULATOR: "http://127.0.0.1:5006",
    "sandbox": "https://sandbox.safaricom.co.ke",
    "production": "https://api.safaricom.co.ke",
}


@dataclass(frozen=True, kw_only=True)
class MpesaSettings:
    """The settings that say how the service reaches M-Pesa, and which payments it takes."""

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
    mpesa_max_amount: int = setting(whole_number(1), "Largest payment in shillings.", 70_000, read_by=SERVE)
    mpesa_transaction_limit: int = setting(
        whole_number(1, 10_000_000),
        "What M-Pesa moves at most in one transaction, in shillings. Safaricom's limit since 2023 is 250000."
        " No payment, payout or decision may be larger.",
        SAFARICOM_MAX_AMOUNT,
        read_by=SERVE_WORKER,
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
