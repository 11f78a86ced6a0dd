"""Typed arguments and answers of the calls, with regular names instead of Daraja's.

Arguments check themselves and raise ValueError, which names the field and never its value. Amounts
are whole shillings. Phone numbers are 12 digits, 2547XXXXXXXX or 2541XXXXXXXX. Limits are those
of the portal's documentation; limits on amounts change, so the caller sets them. A repr shows
neither phone numbers nor callback addresses.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from mpesa_service.daraja.checks import (
    check_amount,
    check_choice,
    check_delivery,
    check_length,
    check_msisdn,
    check_party,
    check_url,
)
from mpesa_service.daraja.codes import ResultCode
from mpesa_service.daraja.settings import B2C_COMMANDS, BUY_GOODS, PAY_BILL


@dataclass(frozen=True, kw_only=True)
class StkPush:
    """A prompt for a PIN. `description` may be empty; the callback repeats neither text."""

    amount: int
    msisdn: str = field(repr=False)
    account_reference: str
    description: str
    callback_url: str = field(repr=False)

    def __post_init__(self) -> None:
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


class B2bCommand(StrEnum):
    """To what kind of number a business payment goes."""

    PAY_BILL = "BusinessPayBill"
    BUY_GOODS = "BusinessBuyGoods"


@dataclass(frozen=True, kw_only=True)
class B2cPayment:
    """A payout. `originator_conversation_id` is ours, and Daraja's idempotency key in v3.

    v1 knows no such key, so there a payout must never be sent twice (documented). `command` is
    BusinessPayment, SalaryPayment or PromotionPayment; None means that of the settings.
    """

    originator_conversation_id: str
    amount: int
    msisdn: str = field(repr=False)
    remarks: str
    occasion: str
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)
    command: str | None = None

    def __post_init__(self) -> None:
        check_length("originator_conversation_id", self.originator_conversation_id, 1, 128)
        check_amount(self.amount)
        check_msisdn(self.msisdn)
        check_delivery(self.remarks, self.occasion, self.result_url, self.timeout_url, least=2)
        if self.command is not None:
            check_choice("command", self.command, B2C_COMMANDS)


@dataclass(frozen=True, kw_only=True)
class B2bPayment:
    """A payment to another business: to `party`, its pay bill number or its till.

    `account_reference` is what the pay bill requires; for a till it may be empty. `requester` is the
    number of the customer for whom it is made, if any. There is no id of ours on the wire, so it must
    never be sent twice (documented).
    """

    command: B2bCommand
    amount: int
    party: str
    account_reference: str
    requester: str | None = field(default=None, repr=False)
    remarks: str
    occasion: str
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)

    def __post_init__(self) -> None:
        check_choice("command", self.command, B2bCommand)
        check_amount(self.amount)
        check_party(self.party)
        least = 1 if self.command == B2bCommand.PAY_BILL else 0
        check_length("account_reference", self.account_reference, least, 13)
        if self.requester is not None:
            check_msisdn(self.requester, "requester")
        check_delivery(self.remarks, self.occasion, self.result_url, self.timeout_url)


@dataclass(frozen=True, kw_only=True)
class Reversal:
    """The return of a payment that came to our shortcode, by its M-Pesa receipt.

    `amount` is that of the payment: parts of it are not known to be reversible. Payouts cannot be
    reversed (documented).
    """

    receipt: str
    amount: int
    remarks: str
    occasion: str
    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)

    def __post_init__(self) -> None:
        check_length("receipt", self.receipt, 1, 128)
        check_amount(self.amount)
        check_delivery(self.remarks, self.occasion, self.result_url, self.timeout_url, least=2)


@dataclass(frozen=True, kw_only=True)
class TransactionStatusQuery:
    """An inquiry for the status of a transaction, by its M-Pesa receipt or by conversation id.

    Exactly one of `receipt` and `original_conversation_id` is given. `party` is the shortcode
    that took part in it; None means the one that pays payouts.
    """

    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)
    remarks: str = "Status"
    occasion: str = ""
    receipt: str | None = None
    original_conversation_id: str | None = None
    party: str | None = None

    def __post_init__(self) -> None:
        if (self.receipt is None) is (self.original_conversation_id is None):
            raise ValueError("receipt must be given, or original_conversation_id, and not both")
        for name in ("receipt", "original_conversation_id"):
            value = getattr(self, name)
            if value is not None:
                check_length(name, value, 1, 128)
        if self.party is not None:
            check_party(self.party)
        check_delivery(self.remarks, self.occasion, self.result_url, self.timeout_url)


@dataclass(frozen=True, kw_only=True)
class BalanceQuery:
    """An inquiry for the account balances of `party`; None means the shortcode that pays payouts."""

    result_url: str = field(repr=False)
    timeout_url: str = field(repr=False)
    remarks: str = "Balance"
    party: str | None = None

    def __post_init__(self) -> None:
        if self.party is not None:
            check_party(self.party)
        check_delivery(self.remarks, "", self.result_url, self.timeout_url)


@dataclass(frozen=True, kw_only=True)
class CommandAccepted:
    """Daraja queued a command. Its result arrives at the result address. Match on either id."""

    conversation_id: str
    originator_conversation_id: str
    response_code: str
    response_description: str
    raw: dict[str, object] = field(repr=False)
