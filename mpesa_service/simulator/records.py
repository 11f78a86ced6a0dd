"""What the simulator remembers about a push, a customer's own payment, a payout and a status query."""

from dataclasses import dataclass
from datetime import datetime

from mpesa_service.simulator.faults import Plan
from mpesa_service.simulator.outcomes import Outcome, ResultCode
from mpesa_service.simulator.wire import Json, iso

OPEN, PAID, FAILED = "open", "paid", "failed"
QUEUED, COMPLETED, TIMED_OUT = "queued", "completed", "timed_out"
REJECTED = "rejected"

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


@dataclass(slots=True)
class Payout:
    """A B2C request: `queued`, then `completed`, `failed`, or `timed_out` (may yet complete)."""

    payload: Json
    originator_conversation_id: str
    conversation_id: str
    shortcode: str
    msisdn: str
    amount: int
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

    def as_json(self) -> Json:
        """Return what the control API shows."""
        return {
            "originatorConversationId": self.originator_conversation_id,
            "conversationId": self.conversation_id,
            "state": self.state,
            "resultCode": self.result_code,
            "receipt": self.receipt,
            "amount": self.amount,
            "msisdn": self.msisdn,
            "shortcode": self.shortcode,
            "hold": self.outcome.hold,
            "faults": sorted(self.plan.faults),
            "acceptedAt": iso(self.accepted_at),
            "closedAt": iso(self.closed_at),
        }


@dataclass(slots=True)
class StatusQuery:
    """A transaction status query, by `receipt` or by `original_conversation_id`; the other is ""."""

    originator_conversation_id: str
    conversation_id: str
    receipt: str
    original_conversation_id: str
    result_url: str
    accepted_at: datetime
    refusal: ResultCode
    """What the initiator's credential comes to: 0, 2001 or 8006."""
    plan: Plan
    result_code: ResultCode | None = None
    answered_at: datetime | None = None

    def as_json(self) -> Json:
        """Return what the ledger shows."""
        return {
            "originatorConversationId": self.originator_conversation_id,
            "conversationId": self.conversation_id,
            "receipt": self.receipt or None,
            "originalConversationId": self.original_conversation_id or None,
            "resultCode": self.result_code,
            "faults": sorted(self.plan.faults),
            "acceptedAt": iso(self.accepted_at),
            "answeredAt": iso(self.answered_at),
        }
