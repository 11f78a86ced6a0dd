"""Applying a report to a payment, whoever brings it: a callback or Daraja's own answer to a query."""

from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session

from mpesa_service.domain.decisions import (
    DENIAL_INTERVAL,
    Contradiction,
    Decision,
    Denial,
    Evidence,
    Report,
    Standing,
    Verdict,
    decide,
)
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.outcomes import Outcome
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.domain.schedule import ASK_AT_MOST_EVERY
from mpesa_service.domain.states import OPEN, PAID, PAYMENT_TRANSITIONS, PaymentStatus
from mpesa_service.errors import InvalidPhone
from mpesa_service.models import C2bConfirmation, Payment, PaymentEvent
from mpesa_service.models.statements import lock_payment_where
from mpesa_service.services.states import MPESA, SERVICE, Cause, move_payment, note
from mpesa_service.services.vault import Vault

TRUST_KEYS = "trust_keys"
"""Key in a session's `info`: a receipt is not looked for; that it is another's shows when it is written.

Only a claimed one, which has no unique key, is looked for all the same.
"""
_P = Payment.__table__.c
_OTHER_OWNER = select(_P.id).where(
    _P.provider == bindparam("provider"), _P.receipt == bindparam("receipt"), _P.id != bindparam("mine")
)


def apply_result(
    session: Session, vault: Vault, payment: Payment, report: Report, reason: str | None
) -> Decision:
    """Hear `report` about a locked payment and do what `decide` says; return the decision.

    `reason` is the sentence for people that belongs to the result code. The caller owns the
    transaction. Raises IntegrityError when another payment takes the same receipt at the same moment.
    """
    rival = _order_holder(session, payment) if payment.live_order is None else None
    standing = _standing(session, vault, payment, report, rival)
    decision = decide(standing, report)
    if _claims_receipt(decision) and session.info.pop(TRUST_KEYS, False):
        decision = decide(_standing(session, vault, payment, report, rival), report)
    _remember(payment, report, decision)
    if decision.edge is not None:
        _move(session, payment, report, decision, reason)
        _take_order_back(session, payment, rival, report.at)
    elif decision.remark or decision.contradiction is not None or decision.learn_receipt:
        note(session, payment, str(decision.remark or decision.verdict), _cause(report, decision))
    session.flush()
    return decision


def _order_holder(session: Session, payment: Payment) -> Payment | None:
    """Return the payment that holds the order meanwhile, locked, if this one was let go."""
    return lock_payment_where(session, live_order=payment.order_id) if payment.order_id else None


def _standing(
    session: Session, vault: Vault, payment: Payment, report: Report, rival: Payment | None
) -> Standing:
    denial = None
    if payment.denial_code is not None and payment.denial_at is not None:
        denial = Denial(payment.denial_code, payment.denial_at)
    return Standing(
        status=payment.state,
        amount=payment.amount,
        phone=_phone(vault, payment, report),
        receipt=payment.receipt,
        contradiction=Contradiction(payment.contradiction) if payment.contradiction else None,
        denial=denial,
        receipt_taken=_is_taken(session, payment, report.receipt),
        order_paid=rival is not None and rival.state in PAID | {PaymentStatus.REVIEW},
        given_up=payment.state is PaymentStatus.REVIEW and given_up(session, payment.id),
        proven=_says_otherwise(payment, report) and _proven(session, payment),
    )


def _phone(vault: Vault, payment: Payment, report: Report) -> str:
    """Return the number that was asked. A report that names it, as the hash tells, spares the decrypting."""
    try:
        named = normalize_msisdn(report.phone or "")
    except InvalidPhone:
        named = None
    if named is not None and vault.fingerprint("phone", named) == payment.phone_hash:
        return named
    return vault.decrypt(payment.phone_encrypted or b"")


def _says_otherwise(payment: Payment, report: Report) -> bool:
    """Tell whether a report of a paid payment is about other money than its own, or about none."""
    if payment.state not in PAID or payment.receipt is None:
        return False
    return report.outcome is not Outcome.PAID or report.receipt not in (None, payment.receipt)


def _proven(session: Session, payment: Payment) -> bool:
    """Tell whether C2B has confirmed the payment's receipt, and all of its amount."""
    confirmed = select(C2bConfirmation.id).where(
        C2bConfirmation.receipt == payment.receipt,
        C2bConfirmation.payment_id == payment.id,
        C2bConfirmation.amount_cents == payment.amount * CENTS,
    )
    return session.execute(confirmed).first() is not None


def given_up(session: Session, payment_id: str) -> bool:
    """Tell whether a payment's latest move was `gave_up`: nobody ever said what became of it."""
    latest = (
        select(PaymentEvent.cause)
        .where(PaymentEvent.payment_id == payment_id, PaymentEvent.refund_id.is_(None))
        .where(PaymentEvent.from_status != PaymentEvent.to_status)
        .order_by(PaymentEvent.sequence.desc())
        .limit(1)
    )
    return session.scalar(latest) == "gave_up"


def _is_taken(session: Session, payment: Payment, receipt: str | None) -> bool:
    """Tell whether a receipt is another payment's; one's own is not, the unique key sees to that."""
    if receipt in (None, payment.receipt) or session.info.get(TRUST_KEYS):
        return False
    mine = {"mine": payment.id, "provider": payment.provider, "receipt": receipt}
    return session.connection().execute(_OTHER_OWNER, mine).first() is not None


def _claims_receipt(decision: Decision) -> bool:
    """Tell whether the receipt is only kept as a claim until Daraja was asked."""
    return decision.learn_receipt and decision.verdict is Verdict.DISPUTED


def _remember(payment: Payment, report: Report, decision: Decision) -> None:
    if decision.contradiction_resolved:
        payment.contradiction = None
    if decision.contradiction is not None:
        payment.contradiction = decision.contradiction
    if decision.denial is not None:
        payment.denial_code, payment.denial_at = decision.denial.result_code, decision.denial.at
    if _claims_receipt(decision):
        payment.claimed_receipt = report.receipt
    elif decision.learn_receipt:
        payment.receipt = report.receipt
    if decision.nothing_to_ask:
        payment.ask_at = None
    if decision.ask_daraja:
        _ask_soon(payment, report)


def _ask_soon(payment: Payment, report: Report) -> None:
    """Have Daraja asked: at once about a claim, a good while after a first denial."""
    if report.evidence is Evidence.QUERY:
        payment.ask_at = report.at + DENIAL_INTERVAL
        return
    rested = (payment.asked_at or report.at - ASK_AT_MOST_EVERY) + ASK_AT_MOST_EVERY
    payment.ask_at = max(report.at, rested)
    if payment.state not in OPEN:  # a schedule of its own for what came after the end
        payment.ask_from, payment.asks_made = report.at, 0


def _move(session: Session, payment: Payment, report: Report, decision: Decision, reason: str | None) -> None:
    payment.result_code = report.result_code
    payment.result_desc = report.result_desc[:1024]
    edge = str(decision.edge)
    after = PAYMENT_TRANSITIONS.target(edge, payment.state)
    if after in PAID:
        payment.denial_code = payment.denial_at = None
    if after in PAID | {PaymentStatus.REVIEW} and payment.receipt is None:
        _adopt_claimed_receipt(session, payment)
    payment.failure_reason = None if after in PAID else _why(after, decision, reason)
    move_payment(session, payment, edge, _cause(report, decision))


def _adopt_claimed_receipt(session: Session, payment: Payment) -> None:
    """What a trusted claim named is the payment's receipt, now that Daraja says that money moved."""
    claimed = payment.claimed_receipt
    if claimed is not None and not _is_taken(session, payment, claimed):
        payment.receipt = claimed


def _why(after: PaymentStatus, decision: Decision, reason: str | None) -> str | None:
    if after is PaymentStatus.REVIEW:
        return f"A person must look: {decision.reason}."[:512]
    return reason[:512] if reason else None


def _take_order_back(session: Session, payment: Payment, rival: Payment | None, at: datetime) -> None:
    """A payment that had been let go and is paid after all makes its order paid again.

    Not so an announced order: there what is missing decides whether another payment may be started.
    """
    announced = payment.expected_order_id is not None
    if announced or payment.live_order is not None or payment.state not in PAID:
        return
    if rival is not None:
        rival.live_order = None
        note(session, rival, "order_paid_by_another", Cause(SERVICE, at))
        session.flush()
    payment.live_order = payment.order_id


def _cause(report: Report, decision: Decision) -> Cause:
    detail = {"resultCode": report.result_code, "reason": decision.reason}
    return Cause(MPESA, report.at, report.evidence, detail)
