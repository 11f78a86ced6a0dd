"""The commands of an initiator, whose results arrive later: payouts, reversals, inquiries.

As in `messages`, arguments check themselves and raise ValueError, naming the field and never its
value, and a repr shows neither phone numbers nor callback addresses.
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
)
from mpesa_service.daraja.settings import B2C_COMMANDS


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
        """Check what Daraja would refuse."""
        check_length("originator_conversation_id", self.originator_conversation_id, 1, 128)
        check_amount(self.amount)
        check_msisdn(self.msisdn)
        check_delivery(self.remarks, self.occasion, self.result_url, self.timeout_url, least=2)
        if self.command is not None:
            check_choice("command", self.command, B2C_COMMANDS)


@dataclass(frozen=True, kw_only=True)
class B2bPayment:
    """A payment to another business: to `party`, its pay bill number or its till.

    `account_reference` is what the pay bill asks for; for a till it may be empty. `requester` is the
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
        """Check what Daraja would refuse."""
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
        """Check what Daraja would refuse."""
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
        """Check what Daraja would refuse."""
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
        """Check what Daraja would refuse."""
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
