"""Typed arguments and answers of the calls, without the spellings of the wire.

Arguments check themselves and raise ValueError, naming the field and never its value. Amounts
are whole shillings. Phone numbers are 12 digits, 2547XXXXXXXX or 2541XXXXXXXX. Limits are those
of the portal's documentation; limits on amounts change and are the caller's to set. A repr shows
neither phone numbers nor callback addresses.
"""

from dataclasses import dataclass, field

from mpesa_service.daraja.checks import check_amount, check_choice, check_length, check_msisdn, check_url
from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.settings import BUY_GOODS, PAY_BILL


@dataclass(frozen=True, kw_only=True)
class StkPush:
    """A prompt for a PIN. `description` may be empty; the callback repeats neither text."""

    amount: int
    msisdn: str = field(repr=False)
    account_reference: str
    description: str
    callback_url: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check what Daraja would refuse or misunderstand."""
        check_amount(self.amount)
        check_msisdn(self.msisdn)
        check_length("account_reference", self.account_reference, 1, 12)
        check_length("description", self.description, 0, 13)
        check_url("callback_url", self.callback_url)


@dataclass(frozen=True, kw_only=True)
class StkPushAccepted:
    """Daraja accepted the prompt. `checkout_request_id` contains the phone number."""

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
class RegisterUrls:
    """Where C2B confirmations go. `response_type` applies when validation cannot be reached."""

    confirmation_url: str
    validation_url: str
    response_type: str = "Completed"

    def __post_init__(self) -> None:
        """Check what Daraja would refuse."""
        check_url("confirmation_url", self.confirmation_url)
        check_url("validation_url", self.validation_url)
        if self.response_type not in {"Completed", "Cancelled"}:
            raise ValueError("response_type must be Completed or Cancelled")


@dataclass(frozen=True, kw_only=True)
class SimulatedC2b:
    """A customer's payment to the shortcode that the sandbox simulates.

    `command` is CustomerPayBillOnline, or CustomerBuyGoodsOnline, which takes no `bill_reference`.
    """

    amount: int
    msisdn: str = field(repr=False)
    bill_reference: str
    command: str = PAY_BILL

    def __post_init__(self) -> None:
        """Check what Daraja would refuse."""
        check_amount(self.amount)
        check_msisdn(self.msisdn)
        check_choice("command", self.command, (PAY_BILL, BUY_GOODS))
        shortest, longest = (1, 20) if self.command == PAY_BILL else (0, 0)
        check_length("bill_reference", self.bill_reference, shortest, longest)


@dataclass(frozen=True, kw_only=True)
class SimulationAccepted:
    """The sandbox may now call the C2B addresses; often it never does (reported)."""

    originator_conversation_id: str
    response_code: str
    response_description: str
    raw: dict[str, object] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class UrlsRegistered:
    """The C2B addresses are registered. The id is "" in answers of the older form (reported)."""

    originator_conversation_id: str
    response_code: str
    response_description: str
    raw: dict[str, object] = field(repr=False)
