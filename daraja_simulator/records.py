"""What the simulator remembers about a push, about a customer's own payment, and about commands."""

from dataclasses import dataclass
from datetime import datetime

from daraja_simulator.faults import Plan
from daraja_simulator.outcomes import Outcome, ResultCode
from daraja_simulator.wire import Json, iso, masked

OPEN, PAID, FAILED = "open", "paid", "failed"
QUEUED, COMPLETED, TIMED_OUT = "queued", "completed", "timed_out"
REJECTED = "rejected"

STK, C2B = "stk", "c2b"
"""How a customer pays."""

B2C, POCHI, B2B = "b2c", "b2pochi", "b2b"
REVERSAL, STATUS, BALANCE = "reversal", "status", "balance"
"""The kinds of commands."""

BUY_GOODS = "CustomerBuyGoodsOnline"
PAYMENT_TYPES = ("CustomerPayBillOnline", BUY_GOODS)
"""Daraja's names for paying a pay bill, and a till."""


@dataclass(frozen=True, slots=True)
class Push:
    """An STK push as it was accepted: `payer` is PartyA, `msisdn` the phone with the prompt."""

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
        """Tell whether it pays a till, whose number is then PartyB."""
        return self.transaction_type == BUY_GOODS


@dataclass(slots=True)
class Prompt:
    """A prompt on a phone, and what became of it: `open`, then `paid` or `failed`."""

    push: Push
    checkout_request_id: str
    merchant_request_id: str
    opened_at: datetime
    expires_at: datetime
    outcome: Outcome
    plan: Plan
    state: str = OPEN
    result_code: ResultCode | None = None
    receipt: str | None = None
    closed_at: datetime | None = None

    def as_json(self) -> Json:
        """Return what the control API shows."""
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
class Notice:
    """A customer's payment in the words of C2B."""

    trans_id: str
    at: datetime
    transaction_type: str
    shortcode: str
    msisdn: str
    amount: int
    bill_ref_number: str


@dataclass(slots=True)
class C2bPayment:
    """A payment that a customer makes from the phone's own menu: `open`, `completed` or `rejected`."""

    notice: Notice
    plan: Plan
    originator_conversation_id: str | None
    """Of the simulate request; None when it was begun on the phone."""
    state: str = OPEN
    reason: str | None = None
    """Why it was rejected."""
    validation_code: str | None = None
    """The validator's ResultCode, when it gave one in time."""
    closed_at: datetime | None = None

    def as_json(self) -> Json:
        """Return what the ledger shows; without money there is no TransID."""
        told = self.notice
        return {
            "transId": told.trans_id if self.state == COMPLETED else None,
            "amount": told.amount,
            "msisdn": told.msisdn,
            "billRefNumber": told.bill_ref_number,
            "shortcode": told.shortcode,
            "transactionType": told.transaction_type,
            "state": self.state,
            "reason": self.reason,
            "validationCode": self.validation_code,
            "originatorConversationId": self.originator_conversation_id,
            "faults": sorted(self.plan.faults),
            "startedAt": iso(told.at),
            "closedAt": iso(self.closed_at),
        }


@dataclass(slots=True, kw_only=True)
class Command:
    """What was accepted to be done later: `queued`, then `completed`, `failed` or `timed_out`.

    One that timed out may yet complete.
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
    refusal: ResultCode
    """What the initiator's credential comes to: 0, 2001 or 8006."""
    outcome: Outcome
    plan: Plan
    state: str = QUEUED
    result_code: ResultCode | None = None
    receipt: str | None = None
    closed_at: datetime | None = None

    @property
    def summary(self) -> str:
        """Return what may be printed of it."""
        return f"of {self.shortcode}"

    def as_json(self) -> Json:
        """Return what the control API shows."""
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
    """Money from the shop to `party_b`: a customer's number, or for B2B an organisation's."""

    party_b: str
    amount: int
    account_reference: str = ""
    requester: str = ""
    """The customer for whom the shop pays, if any; B2B only, as the reference is."""

    @property
    def summary(self) -> str:
        """Return receiver and amount."""
        receiver = self.party_b if self.kind == B2B else masked(self.party_b)
        return f"to {receiver}: KES {self.amount}"

    def as_json(self) -> Json:
        """Return what the control API shows."""
        return Command.as_json(self) | {
            "amount": self.amount,
            "partyB": self.party_b,
            "msisdn": (self.requester or None) if self.kind == B2B else self.party_b,
            "accountReference": self.account_reference or None,
        }


@dataclass(slots=True, kw_only=True)
class Reversal(Command):
    """The wish to pay a customer's payment back; `receipt` is that of the reversal."""

    original_receipt: str
    amount: int
    payer: str
    """The customer's number, or "" when no such payment is known."""

    @property
    def summary(self) -> str:
        """Return what is to be reversed."""
        return f"of {self.original_receipt}: KES {self.amount}"

    def as_json(self) -> Json:
        """Return what the control API shows."""
        return Command.as_json(self) | {
            "originalReceipt": self.original_receipt,
            "amount": self.amount,
            "msisdn": self.payer or None,
        }


@dataclass(slots=True, kw_only=True)
class StatusQuery(Command):
    """A transaction status query, by `asked_receipt` or `original_conversation_id`; the other is ""."""

    asked_receipt: str
    original_conversation_id: str

    @property
    def summary(self) -> str:
        """Return what it asks by."""
        return f"by {'receipt' if self.asked_receipt else 'conversation'}"

    def as_json(self) -> Json:
        """Return what the control API shows; `receipt` is the one that was asked about."""
        return Command.as_json(self) | {
            "receipt": self.asked_receipt or None,
            "originalConversationId": self.original_conversation_id or None,
            "answeredAt": iso(self.closed_at),
        }
