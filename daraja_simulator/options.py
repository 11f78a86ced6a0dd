"""The simulator's options. All can be set at start and while it runs."""

import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, get_args, get_origin, get_type_hints

from daraja_simulator.errors import ControlError
from daraja_simulator.faults import check_rates
from daraja_simulator.wire import Json

SANDBOX_PASSKEY = "bfb279f9aa9bdbcf158e97dd71a467cd2e0c893059b10f78e6b72ada1ed2c919"
SANDBOX_INITIATOR_PASSWORD = "Safaricom999!*!"  # noqa: S105 (public)


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """The simulator's options. Durations are in seconds, amounts in whole shillings."""

    shortcode: str = "174379"
    passkey: str = SANDBOX_PASSKEY
    consumer_key: str | None = None
    """The only valid consumer key. If it is not set, any key is valid."""
    consumer_secret: str | None = None
    token_lifetime: float = 3599
    keep_old_tokens: bool = False
    """Off: a new token invalidates the app's old token, as the portal's FAQ says."""
    expires_in_style: Literal["number", "string"] = "number"
    oauth_refusal: Literal["json", "empty"] = "json"
    """The response to a wrong secret. Both were observed."""

    lenient: bool = False
    """On: a request may lack optional fields, or have another content type. See `lenient`."""
    any_credential: bool = False
    """On: any consumer key and secret, initiator and SecurityCredential are valid."""
    strict_customers: bool = False
    """On: only added numbers are customers, and a push to another number ends in 1037."""
    customer_pin: str = "0000"
    customer_balance: int = 10_000_000
    utility_balance: int = 100_000_000
    tills: tuple[str, ...] = ()
    """The shop's tills for CustomerBuyGoodsOnline. If it is empty, any number is a till."""
    initiator_name: str = "testapi"
    initiator_password: str = SANDBOX_INITIATOR_PASSWORD

    auto: Literal["pay", "hold"] = "pay"
    """What a customer does if neither number nor amount chooses an outcome."""
    pay_after: float = 2
    unreachable_after: float = 26
    """Time until 1037 for a phone that cannot be reached (26 s in the sandbox)."""
    prompt_lifetime: float = 60
    late_after: float = 5
    """Time from 1037 to a late success."""
    lock_style: Literal["sync", "callback"] = "sync"
    """A second push to a busy phone is refused at once (sync), or accepted and ends with 1001 (callback)."""
    rule_17: bool = False
    """On: the same amount from the same customer within two minutes ends in 17."""

    pending_style: Literal["4999", "500"] = "4999"
    query_limit: bool = False
    """On: five queries a minute without bursts, as in the sandbox, with the Apigee `fault` error."""
    query_blind_seconds: float = 0
    """Time after the push during which a query returns Invalid CheckoutRequestID."""
    spike_style: Literal["429", "500"] = "429"

    b2c_auto: Literal["pay", "hold"] = "pay"
    b2c_after: float = 1
    b2c_minimum: int = 10
    """Smaller payouts are accepted and end in result 2."""
    reversal_auto: Literal["pay", "hold"] = "pay"
    reversal_after: float = 1
    status_after: float = 1
    balance_after: float = 1
    """Time from a query to its result."""
    c2b_after: float = 1
    """Time from a C2B simulate request to the payment."""
    c2b_register_once: bool = False
    """On: a second registration of C2B URLs is refused, as in production."""
    c2b_validation: bool = False
    """On: payments are validated first, as Safaricom does for shops that applied for validation."""
    validation_seconds: float = 8
    """Time in real seconds for the validation's response. After it, the registered ResponseType decides."""
    c2b_till_type: Literal["Buy Goods", "Customer Merchant Payment"] = "Buy Goods"
    """The TransactionType of payments to a till. Documentation and captured requests differ."""
    stk_confirmation: bool = True
    """On: an STK payment is also confirmed to the shortcode's registered C2B URL."""

    pull_provisioned: bool = True
    """Off: a pull finds nothing and answers 1001, as for a shortcode that M-Pesa has not provisioned."""
    pull_page_size: int = 100
    pull_style: Literal["nested", "flat"] = "nested"
    """The rows of a pull in a list within a list, as in production, or in one list."""
    pull_none: Literal["1001", "500", "empty"] = "1001"
    """The answer to a pull without rows. All three were documented or observed."""
    pull_repeats_page: bool = False
    """On: each page of a pull is the first one, whatever the offset."""

    charges: Literal["off", "shared", "business", "customer"] = "off"
    """Who pays M-Pesa's charges of pay bill payments. Unless off, the shop also pays those of its payouts."""
    charges_account: Literal["utility", "charges"] = "utility"
    """The account that pays charges: the one that moved, as in portal statements, or Charges Paid."""
    b2c_charge_receipt: Literal["shared", "own"] = "shared"
    """Whether the charge of a payout has the payout's receipt or its own. Sources differ."""

    callback_delay: float = 20
    callback_timeout: float = 10
    waiting_seconds: float = 2
    """Time from a message with ResultType 1 to the result."""
    slow_seconds: float = 5
    stall_seconds: float = 30
    """Time until the fault timeout_before closes the connection."""

    seed: int = field(default_factory=lambda: secrets.randbelow(1_000_000))
    faults: Mapping[str, float] = field(default_factory=dict)
    timers: Literal["real", "manual"] = "real"
    """manual: time passes only when the control API advances the clock."""

    def __post_init__(self) -> None:
        check_rates(self.faults)

    def changed(self, changes: Mapping[str, Any]) -> "SimulatorOptions":
        """Return these options with changes. Texts are converted to the option's type.

        Raises ControlError for an unknown name or an invalid value.
        """
        hints = get_type_hints(SimulatorOptions)
        unknown = sorted(set(changes) - set(hints))
        if unknown:
            raise ControlError(f"unknown option {unknown[0]!r}; known: {', '.join(sorted(hints))}")
        return replace(self, **{name: _convert(name, hints[name], value) for name, value in changes.items()})

    def as_json(self) -> Json:
        """Return all options by name."""
        return asdict(self)


def option_names() -> list[str]:
    """Return the names of all options, in the order of their definition."""
    return [item.name for item in fields(SimulatorOptions)]


def _convert(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        if str(value) in get_args(hint):
            return str(value)
        raise ControlError(f"{name} must be one of {', '.join(get_args(hint))}")
    if name == "faults":
        return _rates(value)
    if name == "tills":
        return _texts(name, value)
    if hint is bool:
        return _boolean(name, value)
    if hint in (int, float):
        return _number(name, hint, value)
    if isinstance(value, str) or (value is None and type(None) in get_args(hint)):
        return value
    raise ControlError(f"{name} must be a text")


def _rates(value: Any) -> dict[str, float]:
    if not isinstance(value, Mapping):
        raise ControlError("faults must be an object of rates by name")
    return {str(name): _number(f"the rate of {name}", float, rate) for name, rate in value.items()}


def _texts(name: str, value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple):
        raise ControlError(f"{name} must be a list")
    return tuple(str(item) for item in items if item)


def _boolean(name: str, value: Any) -> bool:
    words = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}
    if str(value).lower() not in words:
        raise ControlError(f"{name} must be true or false")
    return words[str(value).lower()]


def _number(name: str, kind: type[int] | type[float], value: Any) -> int | float:
    try:
        number = kind(str(value))
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise ControlError(f"{name} must be a number, zero or more")
    return number
