"""Parsers of C2B callbacks: the validation before a payment, and the confirmation after it.

Both have the same flat body; only their addresses differ. The callback of a push may report the same money,
with the same receipt (documented). Version 2 masks the payer's number, and version 1 hashes it. So the number
can be compared but not called.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from mpesa_service.daraja.lenient_json import CONTRADICTORY, DIRECTING_KEYS
from mpesa_service.daraja.values import (
    MAX_TIME_LENGTH,
    read_balance,
    read_cut_text,
    read_moment,
    read_moved_amount,
    read_posted,
    read_receipt,
    read_text,
    required_value,
)

OPERATION = "c2b_callback"
SUBSCRIBER_DIGITS = 9
LEAST_COMPARED_DIGITS = 3
_SHORTCODE = re.compile(r"0*([1-9][0-9]{4,6})(?:\.0+)?")
_HASH = re.compile(r"[0-9a-f]{64}")
_CUT_HASH = re.compile(r"[0-9a-f]{32,128}")
_FILLERS = str.maketrans("", "", " -().+\u00a0")
_NUMBER = re.compile(r"[0-9]{9,15}")
_MASK = re.compile(r"([0-9]*)[^0-9](?:.*[^0-9])?([0-9]*)", re.DOTALL)


class PayerKind(StrEnum):
    """In what form the payer's number came."""

    MASKED = "masked"
    HASHED = "hashed"
    PLAIN = "plain"
    NONE = "none"


class C2bRejection(StrEnum):
    """The ResultCodes with which a validation may be refused. Each of them stops the payment."""

    INVALID_MSISDN = "C2B00011"
    INVALID_ACCOUNT = "C2B00012"
    INVALID_AMOUNT = "C2B00013"
    INVALID_KYC = "C2B00014"
    INVALID_SHORTCODE = "C2B00015"
    OTHER = "C2B00016"

    @property
    def reason(self) -> str:
        """What the code says, in the words of the documentation."""
        return _REASONS[self]


_REASONS = {
    C2bRejection.INVALID_MSISDN: "Invalid MSISDN",
    C2bRejection.INVALID_ACCOUNT: "Invalid Account Number",
    C2bRejection.INVALID_AMOUNT: "Invalid Amount",
    C2bRejection.INVALID_KYC: "Invalid KYC Details",
    C2bRejection.INVALID_SHORTCODE: "Invalid Shortcode",
    C2bRejection.OTHER: "Other Error",
}


@dataclass(frozen=True, kw_only=True)
class C2bPayment:
    """A payment to the shortcode, as claimed: about to be made, or made.

    `amount` and `account_balance` are in shillings, and the balance is blank in a validation.
    `bill_reference` is what the payer typed, "" for tills. `transaction_type` is free text: "Pay
    Bill", "Buy Goods", "Customer Merchant Payment" and "" have been seen. `transacted_at` is aware
    and in UTC. `payer` is the number as it came. `third_party_id` is what a validation was answered
    with. `shortcode` is None if it is missing or is no business number. `contradictory`: the body has several
    accounts or business numbers, which do not agree; then `bill_reference` is "".
    """

    receipt: str
    amount: Decimal
    shortcode: str | None
    bill_reference: str = field(repr=False)
    contradictory: bool
    transaction_type: str
    transacted_at: datetime | None
    transacted_text: str | None
    payer: str | None = field(repr=False)
    payer_kind: PayerKind
    first_name: str | None = field(repr=False)
    middle_name: str | None = field(repr=False)
    last_name: str | None = field(repr=False)
    third_party_id: str | None
    invoice_number: str | None
    account_balance: Decimal | None
    raw: dict[str, object] = field(repr=False)


def parse_c2b(raw: bytes) -> C2bPayment:
    """Read a C2B validation or confirmation.

    Raises UnreadableCallback if TransID or TransAmount is missing or odd, or if no transaction can move so
    much. Every other odd value is read as absent.
    """
    document, whole = read_posted(raw, OPERATION, "TransID")
    payer = read_text(document.get("MSISDN"))
    contradictory = any(document.get(key) is CONTRADICTORY for key in DIRECTING_KEYS)
    return C2bPayment(
        receipt=required_value(document, "TransID", _receipt, OPERATION),
        amount=required_value(document, "TransAmount", read_moved_amount, OPERATION),
        shortcode=_shortcode(document.get("BusinessShortCode")),
        bill_reference="" if contradictory else read_cut_text(document.get("BillRefNumber")),
        contradictory=contradictory,
        transaction_type=read_cut_text(document.get("TransactionType")),
        transacted_at=read_moment(document.get("TransTime")),
        transacted_text=(read_text(document.get("TransTime")) or "")[:MAX_TIME_LENGTH] or None,
        payer=payer,
        payer_kind=payer_kind_of(payer),
        first_name=read_text(document.get("FirstName")),
        middle_name=read_text(document.get("MiddleName")),
        last_name=read_text(document.get("LastName")),
        third_party_id=read_text(document.get("ThirdPartyTransID")),
        invoice_number=read_text(document.get("InvoiceNumber")),
        account_balance=read_balance(document.get("OrgAccountBalance")),
        raw=whole,
    )


def _receipt(value: object) -> str | None:
    return read_receipt(read_text(value))


def _shortcode(value: object) -> str | None:
    """Return a business number of 5 to 7 digits from a number or a text, also from 174379.0; else None."""
    found = _SHORTCODE.fullmatch(read_text(value) or "")
    return found[1] if found else None


def payer_kind_of(payer: str | None) -> PayerKind:
    """Return in what form a payer's number came: `2547 ***** 678` is masked, 64 hex digits are a hash."""
    if payer is None:
        return PayerKind.NONE
    if _CUT_HASH.fullmatch(payer.lower()):
        return PayerKind.HASHED
    return PayerKind.PLAIN if _NUMBER.fullmatch(payer.translate(_FILLERS)) else PayerKind.MASKED


def payer_matches(c2b_payer: str | None, kind: PayerKind, msisdn: str) -> bool | None:
    """Return whether the payer of a C2B payment can be the owner of `msisdn`, 12 digits.

    None when it is not certain. Only a plain number or a hash is certain. True for a masked number
    means that its visible digits agree, three digits of the subscriber's number or more.
    """
    payer = (c2b_payer or "").strip()
    spellings = _spellings(msisdn)
    if kind is PayerKind.HASHED and _HASH.fullmatch(payer.lower()):
        return payer.lower() in {sha256(text.encode()).hexdigest() for text in spellings}
    if kind is PayerKind.PLAIN and payer:
        return payer.translate(_FILLERS) in spellings
    return _mask_matches(payer, msisdn) if kind is PayerKind.MASKED else None


def payer_agrees(payer: str | None, msisdn: str) -> bool | None:
    """Return whether a payer in any form, as M-Pesa reported it, can be the owner of `msisdn`, 12 digits.

    None when it is not certain. A hash that differs says nothing, because what v1 hashes is not documented.
    """
    kind = payer_kind_of(payer)
    matches = payer_matches(payer, kind, msisdn)
    return None if kind is PayerKind.HASHED and not matches else matches


def _spellings(msisdn: str) -> tuple[str, ...]:
    """The ways to write one number; which of them version 1 hashes is not documented."""
    subscriber = msisdn.removeprefix("254")
    return (msisdn, f"+{msisdn}", f"0{subscriber}", f"00{msisdn}", subscriber)


def _mask_matches(payer: str, msisdn: str) -> bool | None:
    """Compare the digits before and after the mask. The mask's characters and length do not matter."""
    mask = _MASK.fullmatch(payer.lstrip("+( "))
    if mask is None:
        return None
    lead, trail = mask.groups()
    fitting = [text for text in _spellings(msisdn) if text.startswith(lead) and text.endswith(trail)]
    if not fitting:
        return False
    prefix = min(len(text) - SUBSCRIBER_DIGITS for text in fitting)
    return True if max(len(lead) - prefix, 0) + len(trail) >= LEAST_COMPARED_DIGITS else None
