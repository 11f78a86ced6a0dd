"""Reports about a payment, and the decisions on them."""

from datetime import UTC, datetime, timedelta
from typing import Any

from mpesa_service.domain.decisions import NEGATIVE_RESULT_INTERVAL
from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.reports import (
    Decision,
    Evidence,
    Mismatch,
    NegativeResult,
    Outcome,
    PaymentReport,
)
from mpesa_service.domain.states import PAYMENT_TRANSITIONS, PaymentStatus

S, O, M = PaymentStatus, Outcome, Mismatch  # noqa: E741
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
RECEIPT, OTHER_RECEIPT = "NLJ7RT61SV", "NLJ7RT61SW"
NOT_PAID = (O.FAILED, O.CANCELED, O.UNCLEAR)
FAILURE_EDGES = {
    O.FAILED: ("declined", S.FAILED),
    O.CANCELED: ("canceled_by_customer", S.CANCELED),
    O.UNCLEAR: ("unclear_result", S.REVIEW),
}
Case = tuple[PaymentFacts, PaymentReport, Decision]


def claim(outcome: Outcome = O.PAID, **more: Any) -> PaymentReport:
    values: dict[str, Any] = {
        "evidence": Evidence.CALLBACK,
        "outcome": outcome,
        "at": NOW,
        "result_code": "0" if outcome is O.PAID else "1032",
    }
    if outcome is O.PAID:
        values.update(receipt=RECEIPT, amount=100)
    return PaymentReport(**{**values, **more})


def query(outcome: Outcome, code: str = "1032", at: datetime = NOW) -> PaymentReport:
    return PaymentReport(
        Evidence.QUERY, outcome, at, "0" if outcome is O.PAID else code, trusted=True, ids_agree=True
    )


def negative(ago: timedelta = NEGATIVE_RESULT_INTERVAL, code: str = "1032") -> NegativeResult:
    return NegativeResult(code, NOW - ago)


def moves(cases: list[Case]) -> list[tuple[PaymentFacts, PaymentReport, Decision, PaymentStatus]]:
    return [
        (record, report, decision, PAYMENT_TRANSITIONS.target(decision.edge, record.status))
        for record, report, decision in cases
        if decision.edge is not None
    ]
