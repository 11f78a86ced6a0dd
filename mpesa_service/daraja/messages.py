"""What a caller asks and what it gets: typed arguments and answers, free of wire spellings.

Arguments check themselves and raise ValueError, naming the field and never its value. Amounts
are whole shillings. Phone numbers are 12 digits, 2547XXXXXXXX or 2541XXXXXXXX. Limits are those
of the portal's documentation; limits on amounts change and are the caller's to set. A repr shows
neither phone numbers nor callback addresses.
"""

import re
from dataclasses import dataclass, field

from mpesa_service.daraja.codes import ResultCode

_MSISDN = re.compile(r"254[17][0-9]{8}")
_SHORTCODE = re.compile(r"[0-9]{5,7}")
_URL = re.compile(r"https?://[^\s/]+(/\S*)?")


def _check_amount(amount: object) -> None:
    if isinstance(amount, bool) or not isinstance(amount, int) or amount < 1:
        raise ValueError("amount must be a whole number of shillings, at least 1")


def _check_msisdn(msisdn: str) -> None:
    if not _MSISDN.fullmatch(msisdn):
        raise ValueError("msisdn must be 12 digits, 2547XXXXXXXX or 2541XXXXXXXX")


def _check_length(name: str, text: str, shortest: int, longest: int) -> None:
    if not shortest <= len(text) <= longest:
        raise ValueError(f"{name} must have {shortest} to {longest} characters")


def _check_url(name: str, url: str) -> None:
    if not _URL.fullmatch(url):
        raise ValueError(f"{name} must be an http or https address without blanks")


@dataclass(frozen=True, kw_only=True)
class StkPush:
    """A prompt for a PIN. `description` may be empty; the callback repeats neither text."""

    amount: int
    msisdn: str = field(repr=False)
    account_reference: str
    description: str
    callback_url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check what Daraja would refuse or, worse, understand differently."""
        _check_amount(self.amount)
        _check_msisdn(self.msisdn)
        _check_length("account_reference", self.account_reference, 1, 12)
        _check_length("description", self.description, 0, 13)
        _check_url("callback_url", self.callback_url)


@dataclass(frozen=True, kw_only=True)
class StkPushAccepted:
    """The prompt is on its way. `checkout_request_id` contains the phone number."""

    merchant_request_id: str
    checkout_request_id: str = field(repr=False)
    response_code: str
    response_description: str
    customer_message: str
    raw: dict[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class StkQueryAnswer:
    """A verdict, or none: `result` is None or PENDING when there is no information yet.

    The answer holds no receipt, amount or phone number (documented).
    """

    result: ResultCode | None
    result_desc: str
    raw: dict[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class B2cPayment:
    """A payout. `originator_conversation_id` is ours, and Daraja's idempotency key in v3.

    v1 knows no such key, so there a payout must never be sent twice (documented).
    """

    originator_conversation_id: str
    amount: int
    msisdn: str = field(repr=False)
    remarks: str
    occasion: str
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check what Daraja would refuse."""
        _check_length("originator_conversation_id", self.originator_conversation_id, 1, 128)
        _check_amount(self.amount)
        _check_msisdn(self.msisdn)
        _check_length("remarks", self.remarks, 2, 100)
        _check_length("occasion", self.occasion, 0, 100)
        _check_url("result_url", self.result_url)
        _check_url("timeout_url", self.timeout_url)


@dataclass(frozen=True, kw_only=True)
class TransactionStatusQuery:
    """The question what became of a transaction, by its M-Pesa receipt or by conversation id.

    Exactly one of `receipt` and `original_conversation_id` is given. `party` is the shortcode
    that took part in it; None means the one that payouts are made from.
    """

    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)
    remarks: str = "Status"
    occasion: str = ""
    receipt: str | None = None
    original_conversation_id: str | None = None
    party: str | None = None

    def __post_init__(self) -> None:
        """Check what Daraja would refuse."""
        if (self.receipt is None) is (self.original_conversation_id is None):
            raise ValueError("receipt must be given, or original_conversation_id, and not both")
        for name in ("receipt", "original_conversation_id"):
            value = getattr(self, name)
            if value is not None:
                _check_length(name, value, 1, 128)
        if self.party is not None and not _SHORTCODE.fullmatch(self.party):
            raise ValueError("party must have 5 to 7 digits")
        _check_length("remarks", self.remarks, 1, 100)
        _check_length("occasion", self.occasion, 0, 100)
        _check_url("result_url", self.result_url)
        _check_url("timeout_url", self.timeout_url)


@dataclass(frozen=True, kw_only=True)
class CommandAccepted:
    """A command is queued; its result comes to the result address. Match on either id."""

    conversation_id: str
    originator_conversation_id: str
    response_code: str
    response_description: str
    raw: dict[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class RegisterUrls:
    """Where C2B confirmations go. `response_type` applies when validation cannot be reached."""

    confirmation_url: str
    validation_url: str
    response_type: str = "Completed"

    def __post_init__(self) -> None:
        """Check what Daraja would refuse."""
        _check_url("confirmation_url", self.confirmation_url)
        _check_url("validation_url", self.validation_url)
        if self.response_type not in {"Completed", "Cancelled"}:
            raise ValueError("response_type must be Completed or Cancelled")


@dataclass(frozen=True, kw_only=True)
class UrlsRegistered:
    """The C2B addresses stand. The id is "" in answers of the older form (reported)."""

    originator_conversation_id: str
    response_code: str
    response_description: str
    raw: dict[str, object] = field(repr=False)
