"""A report about a payment, its outcome, and the decision on it."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Outcome(StrEnum):
    """The meaning of a provider's result code, whatever its type or spelling."""

    PAID = "paid"
    """The money moved."""
    FAILED = "failed"
    """The money did not move, and this attempt will not move it."""
    CANCELED = "canceled"
    """The customer refused."""
    PENDING = "pending"
    """There is no outcome yet; query again later."""
    UNCLEAR = "unclear"
    """A code that is not documented. It needs manual review."""


class Evidence(StrEnum):
    """The source that a status is based on. The order is the order of strength, the weakest first.

    The answer to a push says only that M-Pesa has the request. A query result names no receipt and no amount.
    A callback names both, but it is a claim. The next three report money in the account: a confirmation is
    posted to the service, a transaction status is M-Pesa's answer about this one receipt, and a pull is read
    from M-Pesa's books. An operator has compared more than one source. A statement is M-Pesa's own account.
    """

    PUSH = "push"
    QUERY = "query"
    CALLBACK = "callback"
    CONFIRMATION = "confirmation"
    STATUS = "status"
    PULL = "pull"
    OPERATOR = "operator"
    STATEMENT = "statement"


ARRIVALS = (Evidence.CONFIRMATION, Evidence.STATUS, Evidence.PULL, Evidence.STATEMENT)
"""The evidence that the money of a receipt is in the account. Each of these sources can book C2B money."""
_STRENGTH = {evidence.value: strength for strength, evidence in enumerate(Evidence)}


def is_stronger(evidence: str, than: str | None) -> bool:
    """Return whether one source is stronger evidence than another. Any source is stronger than none."""
    return than is None or _STRENGTH[evidence] > _STRENGTH[than]


PAID_AT_SOURCES = (Evidence.CALLBACK, *ARRIVALS)
"""The evidence that states M-Pesa's own time of a payment, the weakest first. A query states no time.

A stronger source replaces the time of a weaker one: the later sources come from M-Pesa's books.
"""


class Verdict(StrEnum):
    """What the service does with a report."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    DISPUTED = "disputed"
    NOTED = "noted"


class Mismatch(StrEnum):
    """The point in which a trusted claim differs from the record, or what it lacks."""

    AMOUNT = "amount"
    PAYER = "payer"
    IDS = "ids"
    RECEIPT = "receipt"
    NEGATIVE_RESULT = "negative_result"
    INCOMPLETE = "incomplete"
    """M-Pesa reported success without an amount or a receipt. It differs in nothing, and proves nothing."""


class Note(StrEnum):
    """An audit line that a decision writes although the status stays."""

    PROMPT_OVER = "prompt_over"
    PAID_AGAIN = "paid_again"
    INCOMPLETE_SUCCESS = "incomplete_success"
    FAILURE_AFTER_SUCCESS = "failure_after_success"
    """A failure after an incomplete success."""
    DISPUTED = "disputed"
    """The status stays, and the report contradicts what was reported or found before."""


@dataclass(frozen=True)
class NegativeResult:
    """One query result of Daraja, with its time, that says that a payment is not paid."""

    result_code: str
    at: datetime


@dataclass(frozen=True)
class PaymentReport:
    """The report of one source about a payment.

    `amount` is in whole shillings, and None if the report names no amount. `fractional`: it names an amount
    that is not of whole shillings, which no payment has. A payer who is not named, or only in part, agrees.
    `reason` is the sentence for people that belongs to the result code. `paid_at` is the time of the payment
    that M-Pesa states, in UTC; None if it states none, or none that can be read. `paid_at_text` is its text.
    """

    evidence: Evidence
    outcome: Outcome
    at: datetime
    result_code: str
    result_desc: str = ""
    receipt: str | None = None
    amount: int | None = None
    fractional: bool = False
    payer_agrees: bool = True
    reason: str | None = None
    trusted: bool = True
    ids_agree: bool = True
    paid_at: datetime | None = None
    paid_at_text: str | None = None


@dataclass(frozen=True)
class Decision:
    """The decision on a report. `edge` names the transition in the table, if there is one."""

    verdict: Verdict
    reason: str
    edge: str | None = None
    store_receipt: bool = False
    """Keep the receipt: as the payment's own, or as a claim while the payment is not paid."""
    query_daraja: bool = False
    mismatch: Mismatch | None = None
    """Remember the mismatch until Daraja is queried."""
    mismatch_resolved: bool = False
    negative_result: NegativeResult | None = None
    """Remember the first negative query result: the second one counts."""
    note: Note | None = None
    """The audit line of a report that changes no status."""
    nothing_to_query: bool = False
    """A query of Daraja can change nothing any more."""
    second_payment: bool = False
    """The report is about other money than the payment's: store it as a payment of its own."""
