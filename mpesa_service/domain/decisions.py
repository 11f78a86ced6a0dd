"""Decides what a report means for a payment. The result is an edge of the transition table, or a note.

Callbacks are unsigned, so a callback is a claim. A *trusted* callback arrived on the payment's own secret
address and names its ids. It counts if it also agrees in amount, payer and receipt, and does not contradict a
settled status. A trusted callback that says *paid* but names no amount or no receipt differs in nothing, and
proves nothing. That callback, and any other claim, changes nothing by itself: the service queries Daraja, and
the query result decides. A query result counts at once if it says *paid*. If it says *not paid*, Daraja must
say so twice, at least NEGATIVE_RESULT_INTERVAL apart, because Daraja has reported paid payments as not paid
(observed in Safaricom's sandbox, 2026). A query result never overturns a success. If M-Pesa
first reported success without an amount or a receipt, the payment then goes to review, because its money
may have moved.

A *confirmation* is C2B's report, on the shortcode's secret address, that money arrived. It names the
payment's reference, amount and payer. It is a trusted claim, and it counts even if an earlier report differs,
because the money is in the account. A row of a pull or of a statement, and a transaction status that names
the receipt, count like a confirmation (`reports.ARRIVALS`). So a payment whose own receipt is confirmed is
*proven*. A later report is about its prompt, and the money may have arrived beside the prompt. A report that
the prompt ended unpaid is noted. A report that the prompt was also paid is a second payment.
"""

from dataclasses import replace
from datetime import timedelta

from mpesa_service.domain.facts import PaymentFacts
from mpesa_service.domain.reports import (
    ARRIVALS,
    Decision,
    Evidence,
    Mismatch,
    NegativeResult,
    Note,
    Outcome,
    PaymentReport,
    Verdict,
)
from mpesa_service.domain.states import OPEN, PAID, UNPAID, PaymentStatus

NEGATIVE_RESULT_INTERVAL = timedelta(seconds=60)
_BARE_SUCCESS = "M-Pesa first reported success without an amount or a receipt"


def judge(facts: PaymentFacts, report: PaymentReport) -> Decision:
    """Return the decision on `report` for a payment with these facts. Pure: changes nothing."""
    if report.outcome is Outcome.PENDING:
        return Decision(Verdict.NOTED, "no result yet")
    if is_proven(facts) and report.outcome is not Outcome.PAID:
        return _by_end_of_prompt(facts, report)
    if report.evidence is Evidence.QUERY:
        return _by_query(facts, report)
    return _by_claim(facts, report)


def _by_end_of_prompt(facts: PaymentFacts, report: PaymentReport) -> Decision:
    """The prompt of a proven payment ended unpaid: the money arrived beside the prompt."""
    if facts.negative_result is not None and facts.negative_result.result_code == report.result_code:
        return Decision(Verdict.DUPLICATE, "repeats what is already known")
    certain = report.trusted and report.ids_agree
    return Decision(
        Verdict.NOTED,
        "its money is confirmed, whatever the outcome of its prompt",
        negative_result=NegativeResult(report.result_code, report.at) if certain else None,
        note=Note.PROMPT_OVER if certain else None,
        mismatch_resolved=certain,
        nothing_to_query=certain,
    )


def _by_claim(facts: PaymentFacts, report: PaymentReport) -> Decision:
    if _says_what_is_known(facts, report):
        return _by_repetition(facts, report)
    if not report.trusted:
        return Decision(
            Verdict.DISPUTED, "not on the payment's own address: Daraja is queried", query_daraja=True
        )
    objection = _objection(facts, report)
    if objection is Mismatch.RECEIPT and is_proven(facts) and report.receipt:
        return _by_second_receipt(facts)
    if objection is not None:
        return _dispute(facts, report, objection)
    if report.outcome is not Outcome.PAID:
        return _by_clean_failure(facts, report)
    if report.evidence in ARRIVALS:
        return _by_arrival(facts, report)
    if report.amount is None or not report.receipt:
        return _by_bare_success(facts, report)
    return _by_clean_success(facts, report)


def _says_what_is_known(facts: PaymentFacts, report: PaymentReport) -> bool:
    if report.outcome is Outcome.PAID:
        return (
            facts.status in PAID | {PaymentStatus.REVIEW}
            and facts.receipt is not None
            and facts.receipt == report.receipt
            and not _amount_differs(facts, report)
        )
    return facts.status in UNPAID


def _amount_differs(facts: PaymentFacts, report: PaymentReport) -> bool:
    return report.fractional or report.amount not in (None, facts.amount)


def _by_repetition(facts: PaymentFacts, report: PaymentReport) -> Decision:
    known = Decision(Verdict.DUPLICATE, "repeats what is already known")
    denied = facts.mismatch is Mismatch.NEGATIVE_RESULT and facts.status in PAID
    if report.evidence not in ARRIVALS or not denied:
        return known
    reason = "its money is confirmed, and the negative query result is about its prompt"
    applied = replace(known, verdict=Verdict.APPLIED, reason=reason)
    return replace(applied, mismatch_resolved=True, nothing_to_query=True)


def _by_second_receipt(facts: PaymentFacts) -> Decision:
    """The prompt of a proven payment was also paid: that is other money than the payment's."""
    if facts.receipt_taken:
        return Decision(Verdict.NOTED, "paid again: already stored as a payment of its own")
    reason = "paid again: stored as a payment of its own"
    return Decision(Verdict.NOTED, reason, note=Note.PAID_AGAIN, second_payment=True)


def _objection(facts: PaymentFacts, report: PaymentReport) -> Mismatch | None:
    """Return the point in which a trusted claim differs from the record, or None."""
    if not report.ids_agree:
        return Mismatch.IDS
    if report.outcome is not Outcome.PAID:
        return Mismatch.NEGATIVE_RESULT if facts.status in PAID else None
    if _amount_differs(facts, report):
        return Mismatch.AMOUNT
    if not report.payer_agrees:
        return Mismatch.PAYER
    if not report.receipt:
        return None
    other_receipt = facts.receipt is not None and facts.receipt != report.receipt
    return Mismatch.RECEIPT if facts.receipt_taken or other_receipt else None


def _dispute(facts: PaymentFacts, report: PaymentReport, mismatch: Mismatch) -> Decision:
    money_moved = mismatch in {Mismatch.AMOUNT, Mismatch.PAYER}
    return Decision(
        Verdict.DISPUTED,
        f"contradicts the record ({mismatch}): Daraja is queried",
        query_daraja=True,
        mismatch=mismatch,
        store_receipt=money_moved and bool(report.receipt) and not facts.receipt_taken,
    )


def _by_clean_success(facts: PaymentFacts, report: PaymentReport) -> Decision:
    if facts.status in OPEN:
        return _by_money(facts, report, "paid", "paid")
    if facts.status in UNPAID:
        return Decision(
            Verdict.DISPUTED,
            f"success after {facts.status}: Daraja is queried",
            store_receipt=True,
            query_daraja=True,
        )
    return Decision(Verdict.APPLIED, "it names the receipt", store_receipt=True)


def _by_bare_success(facts: PaymentFacts, report: PaymentReport) -> Decision:
    """The claim names no amount or no receipt: nothing differs, but only Daraja can confirm it."""
    if facts.status in OPEN | UNPAID:
        return Decision(
            Verdict.DISPUTED,
            "M-Pesa reports success without an amount or a receipt: Daraja is queried",
            store_receipt=bool(report.receipt),
            query_daraja=True,
            mismatch=Mismatch.INCOMPLETE if facts.mismatch is None else None,
            note=Note.INCOMPLETE_SUCCESS if facts.mismatch is None else None,
        )
    if facts.status in PAID and report.receipt:
        return Decision(Verdict.APPLIED, "it names the receipt", store_receipt=True)
    return Decision(Verdict.NOTED, f"it names no amount or no receipt, and has no effect in {facts.status}")


def _by_arrival(facts: PaymentFacts, report: PaymentReport) -> Decision:
    """The money is in the account. After a failure or a time-out, no second report is needed."""
    if facts.status in UNPAID:
        return _by_money(facts, report, "late_payment", f"the money arrived after {facts.status}")
    silent = facts.unresolved and facts.mismatch is None
    if facts.status is PaymentStatus.REVIEW and silent and not order_is_paid(facts):
        return Decision(Verdict.APPLIED, "the money arrived", edge="matched", store_receipt=True)
    return _by_clean_success(facts, report)


def _by_money(facts: PaymentFacts, report: PaymentReport, name: str, reason: str) -> Decision:
    """A report that agrees in everything makes the payment paid, and resolves an earlier mismatch.

    But if the earlier claim named another receipt, other money may have arrived. Then Daraja is queried.
    """
    edge, reason = _paid(facts, name, reason)
    disputed = facts.mismatch is not None
    other_money = disputed and facts.payment["claimed_receipt"] not in (None, report.receipt)
    return Decision(
        Verdict.APPLIED,
        reason,
        edge=edge,
        store_receipt=True,
        mismatch_resolved=disputed and not other_money,
        query_daraja=other_money and edge == name,
    )


def _by_clean_failure(facts: PaymentFacts, report: PaymentReport) -> Decision:
    if facts.status not in OPEN:
        return Decision(Verdict.NOTED, f"it has no effect in {facts.status}")
    unclear = f"result code {report.result_code} is not documented"
    reason = unclear if report.outcome is Outcome.UNCLEAR else str(report.outcome)
    if facts.mismatch is not None:
        before, note = f"an earlier claim differs in {facts.mismatch}", Note.DISPUTED
        if facts.mismatch is Mismatch.INCOMPLETE:
            before, note = _BARE_SUCCESS, Note.FAILURE_AFTER_SUCCESS
        reason = f"{before}, and this one says {reason}: Daraja is queried"
        return Decision(Verdict.DISPUTED, reason, query_daraja=True, note=note)
    return Decision(Verdict.APPLIED, reason, edge=_failure_edge(report.outcome))


def _by_query(facts: PaymentFacts, report: PaymentReport) -> Decision:
    if report.outcome is Outcome.PAID:
        return _by_confirmation(facts)
    if facts.status in OPEN or (facts.status in PAID and facts.mismatch is not None):
        return _by_negative_result(facts, report)
    return Decision(Verdict.NOTED, f"it has no effect in {facts.status}")


def _by_confirmation(facts: PaymentFacts) -> Decision:
    """Daraja's query result says paid. It names no amount and no receipt."""
    confirmed = facts.mismatch is Mismatch.INCOMPLETE and facts.status not in PAID
    disputed = facts.mismatch not in (None, Mismatch.NEGATIVE_RESULT) and not confirmed
    if facts.status is PaymentStatus.REVIEW:
        return Decision(Verdict.NOTED, "Daraja reports it as paid; an operator decides")
    if disputed:
        return Decision(
            Verdict.APPLIED,
            f"paid, but the claim differs in {facts.mismatch}",
            edge="contradicted",
        )
    if facts.status in PAID:
        return Decision(Verdict.DUPLICATE, "Daraja confirms it", mismatch_resolved=True)
    name = "paid" if facts.status in OPEN else "late_payment"
    edge, reason = _paid(facts, name, "Daraja reports it as paid")
    return Decision(Verdict.APPLIED, reason, edge=edge, mismatch_resolved=True)


def _by_negative_result(facts: PaymentFacts, report: PaymentReport) -> Decision:
    """Daraja's query result says not paid, for an open or a disputed payment: it counts the second time."""
    first = facts.negative_result
    if first is None or first.result_code != report.result_code:
        return Decision(
            Verdict.NOTED,
            "Daraja reports it as not paid: a second query decides",
            query_daraja=True,
            negative_result=NegativeResult(report.result_code, report.at),
        )
    if report.at - first.at < NEGATIVE_RESULT_INTERVAL:
        return Decision(
            Verdict.NOTED, "the same negative query result, too soon after the first", query_daraja=True
        )
    if facts.status in PAID:
        return Decision(
            Verdict.APPLIED, "Daraja reports a paid payment as not paid, twice", edge="contradicted"
        )
    if facts.mismatch is Mismatch.INCOMPLETE:
        reason = f"{_BARE_SUCCESS}, and Daraja reports it as not paid, twice"
        return Decision(Verdict.APPLIED, reason, edge="contradicted")
    return Decision(
        Verdict.APPLIED,
        "Daraja reports it as not paid, twice",
        edge=_failure_edge(report.outcome),
        mismatch_resolved=True,
    )


def _paid(facts: PaymentFacts, name: str, reason: str) -> tuple[str, str]:
    """Return the edge for money that arrived, and the reason. A duplicate payment needs a person."""
    if order_is_paid(facts):
        reason = "another payment of this order is already paid; refund one of the two"
        return "duplicate_payment", reason
    return name, reason


def is_proven(facts: PaymentFacts) -> bool:
    """Return whether the payment is paid, and its receipt and its amount are confirmed."""
    return facts.confirmed and facts.status in PAID


def order_is_paid(facts: PaymentFacts) -> bool:
    """Return whether another payment of the same order is paid, or in review."""
    return facts.holder is not None and facts.holder.status in PAID | {PaymentStatus.REVIEW}


def _failure_edge(outcome: Outcome) -> str:
    return {
        Outcome.CANCELED: "canceled_by_customer",
        Outcome.UNCLEAR: "unclear_result",
    }.get(outcome, "declined")
