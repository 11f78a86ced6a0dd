"""The client's settings: the Daraja app, and the shortcode that it acts for."""

from dataclasses import dataclass, field
from urllib.parse import urlsplit

PAY_BILL = "CustomerPayBillOnline"
BUY_GOODS = "CustomerBuyGoodsOnline"
PRODUCTION_HOST = "api.safaricom.co.ke"
B2C_COMMANDS = ("BusinessPayment", "SalaryPayment", "PromotionPayment")


@dataclass(frozen=True, kw_only=True)
class DarajaSettings:
    """Credentials, shortcodes and API versions of one Daraja app. The repr shows no secret.

    `base_url` is the scheme and host, such as https://sandbox.safaricom.co.ke. `shortcode` owns
    the passkey: the pay bill number or, for buy goods, the store number; `till` is then the till
    that receives the money (documented). `b2c_shortcode` is debited by payouts and business payments
    and defaults to `shortcode`. Commands (payouts, reversals, status and balance queries) need
    `initiator_name` and either `security_credential`, ready-made, or `initiator_password` with
    `certificate_path`. Time-outs are in seconds.

    Raises ValueError, naming the field and never its value.
    """

    base_url: str
    consumer_key: str = field(repr=False)
    consumer_secret: str = field(repr=False)
    shortcode: str
    passkey: str = field(repr=False)
    transaction_type: str = PAY_BILL
    till: str | None = None
    b2c_shortcode: str | None = None
    initiator_name: str | None = None
    security_credential: str | None = field(default=None, repr=False)
    initiator_password: str | None = field(default=None, repr=False)
    certificate_path: str | None = None
    b2c_version: str = "v3"
    b2c_command: str = "BusinessPayment"
    c2b_version: str = "v2"
    connect_timeout: float = 3.0
    read_timeout: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what Daraja would misunderstand. A wrong pairing of numbers loses payments."""
        url = urlsplit(self.base_url)
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("base_url must be an http or https address")
        for name in ("consumer_key", "consumer_secret", "shortcode", "passkey"):
            if not getattr(self, name):
                raise ValueError(f"{name} must not be empty")
        choices = {
            "transaction_type": (PAY_BILL, BUY_GOODS),
            "b2c_version": ("v1", "v3"),
            "b2c_command": B2C_COMMANDS,
            "c2b_version": ("v1", "v2"),
        }
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}")
        if self.transaction_type == BUY_GOODS and not self.till:
            raise ValueError(f"till must be given when transaction_type is {BUY_GOODS}")
        if self.connect_timeout <= 0 or self.read_timeout <= 0:
            raise ValueError("time-outs must be positive")

    @property
    def is_production(self) -> bool:
        """Whether real money moves: whether the host is Safaricom's own for production."""
        return (urlsplit(self.base_url).hostname or "").rstrip(".") == PRODUCTION_HOST

    @property
    def receiving_party(self) -> str:
        """PartyB of a push: the till for buy goods, the shortcode itself for a pay bill."""
        if self.transaction_type == BUY_GOODS and self.till:
            return self.till
        return self.shortcode

    @property
    def paying_party(self) -> str:
        """PartyA of a payout: the shortcode whose utility account is debited."""
        return self.b2c_shortcode or self.shortcode
