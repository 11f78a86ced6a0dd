"""The records of STK pushes, C2B payments and commands."""

from dataclasses import dataclass
from datetime import datetime

from daraja_simulator.faults import FaultPlan
from daraja_simulator.money import Money, json_number
from daraja_simulator.outcomes import Outcome, ResultCode
from daraja_simulator.wire import Json, iso, masked

OPEN, PAID, FAILED = "open", "paid", "failed"
QUEUED, COMPLETED, TIMED_OUT = "queued", "completed", "timed_out"
REJECTED = "rejected"

STK, C2B = "stk", "c2b"
"""The kinds of payments."""

B2C, POCHI, B2B = "b2c", "b2pochi", "b2b"
REVERSAL, STATUS, BALANCE = "reversal", "status", "balance"
"""The kinds of commands."""

BUY_GOODS = "CustomerBuyGoodsOnline"
PAYMENT_TYPES = ("CustomerPayBillOnline", BUY_GOODS)
"""Daraja's names for paying a pay bill, and a till."""


@dataclass(frozen=True, slots=True)
class Push:
    """An accepted STK push. `payer` is PartyA, and `msisdn` is the phone that shows the prompt."""

    shortcode: str
    transaction_type: str
    amount: int
    payer: str
    party_b: str
    msisdn: str
    callback_url: str
    account_reference: str
    description: str

    @property
    def to_till(self) -> bool:
        """Whether it pays a till. PartyB is then the till's number."""
        return self.transaction_type == BUY_GOODS

    @property
    def receiver(self) -> str:
        """The business number that receives the money: the till, or the shortcode."""
        return self.party_b if self.to_till else self.shortcode


@dataclass(slots=True)
class Prompt:
    """A prompt on a phone. Its state is `open`, then `paid` or `failed`."""

    push: Push
    checkout_request_id: str
    merchant_request_id: str
    opened_at: datetime
    expires_at: datetime
    outcome: Outcome
    plan: FaultPlan
    state: str = OPEN
    result_code: ResultCode | None = None
    receipt: str | None = None
    closed_at: datetime | None = None

    def as_json(self) -> Json:
        """Return the record as the control API shows it."""
        return {
            "checkoutRequestId": self.checkout_request_id,
            "merchantRequestId": self.merchant_request_id,
            "state": self.state,
            "resultCode": self.result_code,
            "receipt": self.receipt,
            "amount": self.push.amount,
            "msisdn": self.push.msisdn,
            "shortcode": self.push.shortcode,
            "accountReference": self.push.account_reference,
            "transactionDesc": self.push.description,
            "callbackUrl": self.push.callback_url,
            "hold": self.outcome.hold,
            "faults": sorted(self.plan.faults),
            "openedAt": iso(self.opened_at),
            "expiresAt": iso(self.expires_at),
            "closedAt": iso(self.closed_at),
        }


@dataclass(frozen=True, slots=True)
class C2bTransaction:
    """The data of a payment in a C2B validation or confirmation."""

    trans_id: str
    at: datetime
    transaction_type: str
    shortcode: str
    msisdn: str
    amount: Money
    bill_ref_number: str
    till: bool = False


@dataclass(slots=True)
class C2bPayment:
    """A C2B payment. Its state is `open`, then `completed` or `rejected`."""

    transaction: C2bTransaction
    plan: FaultPlan
    originator_conversation_id: str | None
    """The id of the simulate request, or None if the payment did not start with one."""
    state: str = OPEN
    reason: str | None = None
    """The reason of a rejection."""
    validation_code: str | None = None
    """The ResultCode of the validation's response, if there was a usable one."""
    closed_at: datetime | None = None

    def as_json(self) -> Json:
        """Return the payment as the ledger shows it. Only a completed payment has a TransID."""
        data = self.transaction
        return {
            "transId": data.trans_id if self.state == COMPLETED else None,
            "amount": json_number(data.amount),
            "msisdn": data.msisdn,
            "billRefNumber": data.bill_ref_number,
            "shortcode": data.shortcode,
            "transactionType": data.transaction_type,
            "state": self.state,
            "reason": self.reason,
            "validationCode": self.validation_code,
            "originatorConversationId": self.originator_conversation_id,
            "faults": sorted(self.plan.faults),
            "startedAt": iso(data.at),
            "closedAt": iso(self.closed_at),
        }


@dataclass(slots=True, kw_only=True)
class Command:
    """An accepted command. Its state is `queued`, then `completed`, `failed` or `timed_out`.

    A command that timed out can still complete.
    """

    kind: str
    command_id: str
    payload: Json
    originator_conversation_id: str
    conversation_id: str
    shortcode: str
    result_url: str
    timeout_url: str
    accepted_at: datetime
    initiator_result: ResultCode
    """The check of the initiator's credential: 0, 2001 or 8006."""
    outcome: Outcome
    plan: FaultPlan
    state: str = QUEUED
    result_code: ResultCode | None = None
    receipt: str | None = None
    closed_at: datetime | None = None

    @property
    def summary(self) -> str:
        """The text for log lines, without personal data."""
        return f"of {self.shortcode}"

    def as_json(self) -> Json:
        """Return the record as the control API shows it."""
        return {
            "kind": self.kind,
            "commandId": self.command_id,
            "originatorConversationId": self.originator_conversation_id,
            "conversationId": self.conversation_id,
            "state": self.state,
            "resultCode": self.result_code,
            "receipt": self.receipt,
            "shortcode": self.shortcode,
            "resultUrl": self.result_url,
            "hold": self.outcome.hold,
            "faults": sorted(self.plan.faults),
            "acceptedAt": iso(self.accepted_at),
            "closedAt": iso(self.closed_at),
        }


@dataclass(slots=True, kw_only=True)
class Payout(Command):
    """A payout to `party_b`: a customer's phone number, or for B2B an organization's number."""

    party_b: str
    amount: int
    account_reference: str = ""
    requester: str = ""
    """The phone number of the customer for whom the shop pays. Only B2B has it and the reference."""

    @property
    def summary(self) -> str:
        """The receiver and the amount."""
        receiver = self.party_b if self.kind == B2B else masked(self.party_b)
        return f"to {receiver}: KES {self.amount}"

    def as_json(self) -> Json:
        """Return the record as the control API shows it."""
        return Command.as_json(self) | {
            "amount": self.amount,
            "partyB": self.party_b,
            "msisdn": (self.requester or None) if self.kind == B2B else self.party_b,
            "accountReference": self.account_reference or None,
        }


@dataclass(slots=True, kw_only=True)
class Reversal(Command):
    """A reversal of a customer's payment. `receipt` is the receipt of the reversal."""

    original_receipt: str
    amount: int
    payer: str
    """The customer's number, or "" if the payment is unknown."""

    @property
    def summary(self) -> str:
        """The original receipt and the amount."""
        return f"of {self.original_receipt}: KES {self.amount}"

    def as_json(self) -> Json:
        """Return the record as the control API shows it."""
        return Command.as_json(self) | {
            "originalReceipt": self.original_receipt,
            "amount": self.amount,
            "msisdn": self.payer or None,
        }


@dataclass(slots=True, kw_only=True)
class StatusQuery(Command):
    """A transaction status query, by `queried_receipt` or `original_conversation_id`. The other is ""."""

    queried_receipt: str
    original_conversation_id: str

    @property
    def summary(self) -> str:
        """The kind of id in the query."""
        return f"by {'receipt' if self.queried_receipt else 'conversation'}"

    def as_json(self) -> Json:
        """Return the query as the control API shows it. `receipt` is the receipt in the query."""
        return Command.as_json(self) | {
            "receipt": self.queried_receipt or None,
            "originalConversationId": self.original_conversation_id or None,
            "answeredAt": iso(self.closed_at),
        }
