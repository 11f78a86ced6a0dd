"""What to make of a report about a payment: the judgement behind the transition table.

Callbacks are unsigned, so a callback is a claim. A *trusted* one arrived on the payment's own
unguessable address and names its ids. It is believed when it also agrees in amount, payer and
receipt, and does not contradict what is already settled. Every other claim changes nothing by itself:
Daraja is asked, and its word decides. Daraja's query is believed at once when it says *paid*; when it
says *not paid* it must say so twice, at least DENIAL_INTERVAL apart, because it has been seen to deny
payments that were paid (observed in Safaricom's sandbox, 2026). It never overturns a success.

A *confirmation* is C2B's word, on the shortcode's secret address, that money arrived, with the payment's
reference, amount and payer. It is a trusted claim, and it is believed where a callback would be doubted
because something else had been said before: what it tells of is in the account. So a payment whose own
receipt is confirmed is *proven*: what is said of it later is about its prompt, which the money may have come
beside. That the prompt ended unpaid is noted, and that it was paid as well is a second payment.
"""

from dataclasses import replace
from datetime import timedelta

from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.phones import same_phone
from mpesa_service.domain.reports import (
    Contradiction,
    Decision,
    Denial,
    Evidence,
    Remark,
    Report,
    Standing,
    Verdict,
)
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus

__all__ = [
    "DENIAL_INTERVAL",
    "Contradiction",
    "Decision",
    "Denial",
    "Evidence",
    "Remark",
    "Report",
    "Standing",
    "Verdict",
    "decide",
]

DENIAL_INTERVAL = timedelta(seconds=60)


def decide(standing: Standing, report: Report) -> Decision:
    """Return what `report` means for a payment that stands as `standing`. Pure: changes nothing."""
    if report.outcome is Outcome.PENDING:
        return Decision(Verdict.NOTED, "no verdict yet")
    if standing.proven and report.outcome is not Outcome.PAID:
        return _by_end_of_prompt(standing, report)
    if report.evidence is Evidence.QUERY:
        return _by_query(standing, report)
    return _by_claim(standing, report)


def _by_end_of_prompt(standing: Standing, report: Report) -> Decision:
    """A proven payment's prompt ended unpaid: its money came beside it."""
    if standing.denial is not None and standing.denial.result_code == report.result_code:
        return Decision(Verdict.DUPLICATE, "says what is already known")
    certain = report.trusted and report.ids_agree
    return Decision(
        Verdict.NOTED,
        "its money is confirmed, whatever becomes of its prompt",
        denial=Denial(report.result_code, report.at) if certain else None,
        remark=Remark.PROMPT_OVER if certain else None,
        contradiction_resolved=certain,
        nothing_to_ask=certain,
    )


def _by_claim(standing: Standing, report: Report) -> Decision:
    if _says_what_is_known(standing, report):
        return _by_repetition(standing, report)
    if not report.trusted:
        return Decision(
            Verdict.DISPUTED, "not on the payment's own address: Daraja is asked", ask_daraja=True
        )
    objection = _objection(standing, report)
    if objection is Contradiction.RECEIPT and standing.proven:
        return _by_second_receipt(standing)
    if objection is not None:
        return _dispute(standing, report, objection)
    if report.outcome is not Outcome.PAID:
        return _by_clean_failure(standing, report)
    if report.evidence is Evidence.CONFIRMATION:
        return _by_arrival(standing)
    return _by_clean_success(standing)


def _says_what_is_known(standing: Standing, report: Report) -> bool:
    if report.outcome is Outcome.PAID:
        return (
            standing.status in PAID | {PaymentStatus.REVIEW}
            and standing.receipt is not None
            and standing.receipt == report.receipt
            and report.amount in (None, standing.amount)
        )
    return standing.status in UNPAID


def _by_repetition(standing: Standing, report: Report) -> Decision:
    known = Decision(Verdict.DUPLICATE, "says what is already known")
    denied = standing.contradiction is Contradiction.DENIAL and standing.status in PAID
    if report.evidence is not Evidence.CONFIRMATION or not denied:
        return known
    reason = "its money is confirmed, and the denial was of its prompt"
    return replace(
        known, verdict=Verdict.APPLIED, reason=reason, contradiction_resolved=True, nothing_to_ask=True
    )


def _by_second_receipt(standing: Standing) -> Decision:
    """A proven payment's prompt was paid as well: that is other money than the payment's."""
    if standing.receipt_taken:
        return Decision(Verdict.NOTED, "paid again, which is a payment of its own already")
    reason = "paid again: booked as a payment of its own"
    return Decision(Verdict.NOTED, reason, remark=Remark.PAID_AGAIN, second_payment=True)


def _objection(standing: Standing, report: Report) -> Contradiction | None:
    """Return in what a trusted claim disagrees with the record, or None."""
    if not report.ids_agree:
        return Contradiction.IDS
    if report.outcome is not Outcome.PAID:
        return Contradiction.DENIAL if standing.status in PAID else None
    if report.amount != standing.amount:
        return Contradiction.AMOUNT
    if not same_phone(standing.phone, report.phone):
        return Contradiction.PAYER
    other_receipt = standing.receipt is not None and standing.receipt != report.receipt
    if standing.receipt_taken or other_receipt or not report.receipt:
        return Contradiction.RECEIPT
    return None


def _dispute(standing: Standing, report: Report, contradiction: Contradiction) -> Decision:
    money_moved = contradiction in {Contradiction.AMOUNT, Contradiction.PAYER}
    return Decision(
        Verdict.DISPUTED,
        f"contradicts the record ({contradiction}): Daraja is asked",
        ask_daraja=True,
        contradiction=contradiction,
        learn_receipt=money_moved and report.receipt is not None and not standing.receipt_taken,
    )


def _by_clean_success(standing: Standing) -> Decision:
    if standing.status in OPEN:
        edge, reason = _paid(standing, "paid", "paid")
        return Decision(Verdict.APPLIED, reason, edge=edge, learn_receipt=True)
    if standing.status in UNPAID:
        return Decision(
            Verdict.DISPUTED,
            f"success after {standing.status}: Daraja is asked",
            learn_receipt=True,
            ask_daraja=True,
        )
    return Decision(Verdict.APPLIED, "the receipt followed", learn_receipt=True)


def _by_arrival(standing: Standing) -> Decision:
    """The money is in the account, which needs no second word after a failure or a silence."""
    if standing.status in UNPAID:
        edge, reason = _paid(standing, "late_payment", f"its money arrived after {standing.status}")
        return Decision(Verdict.APPLIED, reason, edge=edge, learn_receipt=True)
    silent = standing.given_up and standing.contradiction is None
    if standing.status is PaymentStatus.REVIEW and silent and not standing.order_paid:
        return Decision(Verdict.APPLIED, "its money arrived after all", edge="matched", learn_receipt=True)
    return _by_clean_success(standing)


def _by_clean_failure(standing: Standing, report: Report) -> Decision:
    if standing.status not in OPEN:
        return Decision(Verdict.NOTED, f"nothing to do in {standing.status}")
    if standing.contradiction is not None:
        return Decision(Verdict.DISPUTED, "an earlier claim said otherwise: Daraja is asked", ask_daraja=True)
    unclear = f"nobody has explained result code {report.result_code}"
    reason = unclear if report.outcome is Outcome.UNCLEAR else str(report.outcome)
    return Decision(Verdict.APPLIED, reason, edge=_failure_edge(report.outcome))


def _by_query(standing: Standing, report: Report) -> Decision:
    if report.outcome is Outcome.PAID:
        return _by_confirmation(standing)
    if standing.status in OPEN or (standing.status in PAID and standing.contradiction is not None):
        return _by_denial(standing, report)
    return Decision(Verdict.NOTED, f"nothing to do in {standing.status}")


def _by_confirmation(standing: Standing) -> Decision:
    """Daraja's query says paid. It names no amount and no receipt."""
    disputed = standing.contradiction not in (None, Contradiction.DENIAL)
    if standing.status is PaymentStatus.REVIEW:
        return Decision(Verdict.NOTED, "Daraja says paid; a person decides")
    if disputed:
        return Decision(
            Verdict.APPLIED,
            f"paid, but the claim differs in {standing.contradiction}",
            edge="contradicted",
        )
    if standing.status in PAID:
        return Decision(Verdict.DUPLICATE, "Daraja confirms", contradiction_resolved=True)
    name = "paid" if standing.status in OPEN else "late_payment"
    edge, reason = _paid(standing, name, "Daraja says paid")
    return Decision(Verdict.APPLIED, reason, edge=edge, contradiction_resolved=True)


def _by_denial(standing: Standing, report: Report) -> Decision:
    """Daraja's query says not paid, of a payment without a verdict or a disputed one: twice counts."""
    first = standing.denial
    if first is None or first.result_code != report.result_code:
        return Decision(
            Verdict.NOTED,
            "Daraja says not paid: asked again before it counts",
            ask_daraja=True,
            denial=Denial(report.result_code, report.at),
        )
    if report.at - first.at < DENIAL_INTERVAL:
        return Decision(Verdict.NOTED, "the same denial, too soon after the first", ask_daraja=True)
    if standing.status in PAID:
        return Decision(Verdict.APPLIED, "Daraja denies a paid payment, twice", edge="contradicted")
    return Decision(
        Verdict.APPLIED,
        "Daraja says not paid, twice",
        edge=_failure_edge(report.outcome),
        contradiction_resolved=True,
    )


def _paid(standing: Standing, name: str, reason: str) -> tuple[str, str]:
    """Return the edge for money that arrived, and the reason: an order paid twice needs a person."""
    if standing.order_paid:
        return "paid_twice", "another payment of this order is paid already; one of the two must go back"
    return name, reason


def _failure_edge(outcome: Outcome) -> str:
    return {
        Outcome.CANCELED: "canceled_by_customer",
        Outcome.UNCLEAR: "unclear_result",
    }.get(outcome, "declined")
