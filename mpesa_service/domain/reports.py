"""The words of the judgement on payments: what is reported, what the record says, and what is to be done."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.states import PaymentStatus


class Evidence(StrEnum):
    """What a verdict rests on."""

    PUSH = "push"
    CALLBACK = "callback"
    CONFIRMATION = "confirmation"
    QUERY = "query"
    STATUS = "status"
    OPERATOR = "operator"


class Verdict(StrEnum):
    """What became of a report."""

    APPLIED = "applied"
    DUPLICATE = "duplicate"
    DISPUTED = "disputed"
    NOTED = "noted"


class Contradiction(StrEnum):
    """What a trusted claim says that the record does not."""

    AMOUNT = "amount"
    PAYER = "payer"
    IDS = "ids"
    RECEIPT = "receipt"
    DENIAL = "denial"


class Remark(StrEnum):
    """What the audit trail notes of a paid payment's prompt, which is another matter than its money."""

    PROMPT_OVER = "prompt_over"
    PAID_AGAIN = "paid_again"


@dataclass(frozen=True)
class Denial:
    """Daraja's query said that a payment is not paid, once."""

    result_code: str
    at: datetime


@dataclass(frozen=True)
class Standing:
    """What the record says before the report is heard."""

    status: PaymentStatus
    amount: int
    phone: str
    receipt: str | None = None
    contradiction: Contradiction | None = None
    denial: Denial | None = None
    receipt_taken: bool = False
    """Another payment owns the receipt that the report names."""
    order_paid: bool = False
    """Another payment of the same order is paid."""
    given_up: bool = False
    """It is in review for no reason but that nobody ever said what became of it."""
    proven: bool = False
    """It is paid, and C2B has confirmed its receipt and its amount."""


@dataclass(frozen=True)
class Report:
    """What somebody says happened to a payment."""

    evidence: Evidence
    outcome: Outcome
    at: datetime
    result_code: str
    result_desc: str = ""
    receipt: str | None = None
    amount: int | None = None
    """Whole shillings, or None when the report names none (or none that is whole)."""
    phone: str | None = None
    trusted: bool = True
    ids_agree: bool = True


@dataclass(frozen=True)
class Decision:
    """What is to be done about a report; `edge` names the move, if any."""

    verdict: Verdict
    reason: str
    edge: str | None = None
    learn_receipt: bool = False
    """Keep the receipt: as the payment's own, or as a claim while the payment is not paid."""
    ask_daraja: bool = False
    contradiction: Contradiction | None = None
    """Remember it, until Daraja has been asked."""
    contradiction_resolved: bool = False
    denial: Denial | None = None
    """Remember it: the second one counts."""
    remark: Remark | None = None
    """What the audit trail notes of a report that moves nothing."""
    nothing_to_ask: bool = False
    """There is no question any more that Daraja could answer."""
    second_payment: bool = False
    """The report is of other money than the payment's: book it by itself."""
