"""Everything about the simulator that can be set, at start or while it runs."""

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
    """The simulator's settings; every duration is in seconds, every amount in whole shillings."""

    shortcode: str = "174379"
    passkey: str = SANDBOX_PASSKEY
    consumer_key: str | None = None
    """When set, the only key that opens the app; otherwise any key does."""
    consumer_secret: str | None = None
    token_lifetime: float = 3599
    keep_old_tokens: bool = False
    """Off: a new token kills the app's old one, as the portal's FAQ says."""
    expires_in_style: Literal["number", "string"] = "number"
    oauth_refusal: Literal["json", "empty"] = "json"
    """How a wrong secret is answered; both have been seen."""

    strict_customers: bool = False
    """On: only numbers that were added are customers; pushes to others end in 1037."""
    customer_pin: str = "0000"
    customer_balance: int = 10_000_000
    utility_balance: int = 100_000_000
    tills: tuple[str, ...] = ()
    """The shop's tills, which CustomerBuyGoodsOnline may name; empty: any number is one."""
    initiator_name: str = "testapi"
    initiator_password: str = SANDBOX_INITIATOR_PASSWORD

    auto: Literal["pay", "hold"] = "pay"
    """What a customer does whose number and amount choose nothing."""
    pay_after: float = 2
    unreachable_after: float = 26
    """When 1037 comes for a number that cannot be reached (26 s in the sandbox)."""
    prompt_lifetime: float = 60
    late_after: float = 5
    """How long after the 1037 a late success follows."""
    lock_style: Literal["sync", "callback"] = "sync"
    """Second push to a busy phone: refused at once, or accepted and ended with 1001."""
    rule_17: bool = False
    """On: the same amount from the same customer within two minutes ends in 17."""

    pending_style: Literal["4999", "500"] = "4999"
    query_limit: bool = False
    """On: the sandbox's five queries a minute, one at a time, with the Apigee fault."""
    query_blind_seconds: float = 0
    """How long after the push a query is answered with Invalid CheckoutRequestID."""
    spike_style: Literal["429", "500"] = "429"

    b2c_auto: Literal["pay", "hold"] = "pay"
    b2c_after: float = 1
    b2c_minimum: int = 10
    """Smaller payouts are accepted and end in result 2."""
    reversal_auto: Literal["pay", "hold"] = "pay"
    reversal_after: float = 1
    status_after: float = 1
    balance_after: float = 1
    """How long after a query its result comes."""
    c2b_after: float = 1
    """How long after a C2B simulate request the customer pays."""
    c2b_register_once: bool = False
    """On: registering C2B URLs again is refused, as in production."""
    c2b_validation: bool = False
    """On: the shop's validation URL is asked first, as Safaricom does for whoever has applied for it."""
    validation_seconds: float = 8
    """Real seconds that the validator has; after them the registered ResponseType decides."""
    c2b_till_type: Literal["Buy Goods", "Customer Merchant Payment"] = "Buy Goods"
    """What a till's payments are called; documentation and captures differ."""
    stk_confirmation: bool = True
    """On: an STK payment is also confirmed to the shortcode's registered C2B URL."""

    callback_delay: float = 20
    callback_timeout: float = 10
    slow_seconds: float = 5
    stall_seconds: float = 30
    """How long timeout_before keeps the caller waiting before it hangs up."""

    seed: int = field(default_factory=lambda: secrets.randbelow(1_000_000))
    faults: Mapping[str, float] = field(default_factory=dict)
    timers: Literal["real", "manual"] = "real"
    """manual: nothing becomes due by itself, only through the control API's clock."""

    def __post_init__(self) -> None:
        check_rates(self.faults)

    def changed(self, changes: Mapping[str, Any]) -> "SimulatorOptions":
        """Return these options with some replaced, texts converted where need be.

        Raises ControlError for an unknown name or a value of the wrong kind.
        """
        hints = get_type_hints(SimulatorOptions)
        unknown = sorted(set(changes) - set(hints))
        if unknown:
            raise ControlError(f"unknown option {unknown[0]!r}; known: {', '.join(sorted(hints))}")
        return replace(self, **{name: _fit(name, hints[name], value) for name, value in changes.items()})

    def as_json(self) -> Json:
        """Return all options by name."""
        return asdict(self)


def option_names() -> list[str]:
    """Return the names of all options, in the order of their definition."""
    return [item.name for item in fields(SimulatorOptions)]


def _fit(name: str, hint: Any, value: Any) -> Any:
    if get_origin(hint) is Literal:
        if str(value) in get_args(hint):
            return str(value)
        raise ControlError(f"{name} must be one of {', '.join(get_args(hint))}")
    if name == "faults":
        return _rates(value)
    if name == "tills":
        return _texts(name, value)
    if hint is bool:
        return _truth(name, value)
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


def _truth(name: str, value: Any) -> bool:
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
