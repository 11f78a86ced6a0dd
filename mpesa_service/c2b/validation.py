"""Answers M-Pesa's validation request in time: whether a customer may pay.

M-Pesa waits about 8 s and then does what the registration says (documented). So a thread reads the database,
and the request waits for it only for a limited time: M-Pesa gets an answer in any case. The inbox stores the
request, if that is possible in time as well.
"""

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import or_, select, text
from sqlalchemy.orm import Session

from mpesa_service.c2b.known_secrets import check_secret, reload_secrets
from mpesa_service.c2b.matching import is_ours
from mpesa_service.c2b.validation_rules import read_rules
from mpesa_service.core.database import driver_of
from mpesa_service.core.inbox import CallbackOutcome, Posted, Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import C2bPayment, C2bRejection, UnreadableCallback, parse_c2b
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.orders import AmountRule, WhenUnsure, reference_key
from mpesa_service.domain.states import OPEN, PAID, PaymentStatus
from mpesa_service.domain.validation import Expectation, Known, Objection, StartedPayments, objection, unsure
from mpesa_service.models import ExpectedOrder, Payment
from mpesa_service.models.load import find_orders
from mpesa_service.models.payments import Channel

log = logging.getLogger(__name__)
Returned = TypeVar("Returned")

SECRET_SECONDS, JUDGE_SECONDS, KEEP_SECONDS = 1.0, 3.0, 1.0
"""Together less than two thirds of what M-Pesa waits."""
STATEMENT_SECONDS = 2.0
PAYMENTS_LOOKED_AT = 50
_CODES = {
    Objection.SHORTCODE: C2bRejection.INVALID_SHORTCODE,
    Objection.ACCOUNT: C2bRejection.INVALID_ACCOUNT,
    Objection.AMOUNT: C2bRejection.INVALID_AMOUNT,
    Objection.ORDER: C2bRejection.OTHER,
    Objection.UNSURE: C2bRejection.OTHER,
}
_threads = ThreadPoolExecutor(max_workers=8, thread_name_prefix="c2b-validation")


@dataclass(frozen=True)
class Judgment:
    """The answer to M-Pesa, its order, and the reason. Without a rejection the payment may be made."""

    rejection: C2bRejection | None
    order_id: str | None = None
    why: str = ""

    @property
    def result_code(self) -> str:
        return self.rejection or "0"


def check_in_time(runtime: Runtime, secret: str) -> None:
    """Check the secret as `check_secret` does, but wait for the database only for SECRET_SECONDS."""

    def reload(runtime: Runtime) -> bool:
        return _in_time(lambda: reload_secrets(runtime), SECRET_SECONDS) or False

    check_secret(runtime, secret, reload)


def validate(runtime: Runtime, posted: Posted) -> Judgment:
    """Decide whether a payment may be made. Never raises, and never takes longer than M-Pesa waits."""
    try:
        payment = parse_c2b(posted.body)
    except UnreadableCallback as error:
        rule = _in_time(lambda: _when_unsure(runtime), JUDGE_SECONDS)
        verdict, judgment = InboxVerdict.UNREADABLE, _undecided(runtime, str(error), rule)
    else:
        verdict = InboxVerdict.NOTED
        judgment = _in_time(lambda: judge_payment(runtime, payment), JUDGE_SECONDS) or _undecided(
            runtime, "no decision in time"
        )
    reason = " ".join(("rejected" if judgment.rejection else "accepted", judgment.result_code, judgment.why))
    log.info("validation", extra={"verdict": judgment.result_code, "reason": judgment.why})
    _in_time(lambda: _keep(runtime, posted, verdict, reason), KEEP_SECONDS)
    return judgment


def judge_payment(runtime: Runtime, payment: C2bPayment) -> Judgment:
    """Judge a payment by the rules of the shortcode and the facts about its account reference."""
    if payment.shortcode is not None and not is_ours(runtime, payment.shortcode):
        return _judgment(Objection.SHORTCODE)
    could_type = bool(reference_key(payment.bill_reference)) or runtime.settings.mpesa_till is None
    with _time_limited_read(runtime) as session:
        rules = read_rules(runtime, session)
        found = find_orders(driver_of(session), reference_key(payment.bill_reference))
        order = session.get(ExpectedOrder, found[0]) if len(found) == 1 else None
        known = Known(
            order=_expectation(runtime, order) if order else None,
            started=_started_payments(session, payment.bill_reference),
            ambiguous=len(found) > 1,
            could_type_reference=could_type,
        )
    amount = int(payment.amount) if payment.amount == int(payment.amount) else None
    judgment = _judgment(objection(rules.rule, amount, known))
    return replace(judgment, order_id=order.reference) if order else judgment


def _when_unsure(runtime: Runtime) -> WhenUnsure:
    with _time_limited_read(runtime) as session:
        return read_rules(runtime, session).when_unsure


@contextmanager
def _time_limited_read(runtime: Runtime) -> Iterator[Session]:
    """A transaction whose statements end in time, too."""
    with runtime.database.read() as session:
        if not runtime.database.is_sqlite:
            session.execute(text(f"SET LOCAL statement_timeout = {int(STATEMENT_SECONDS * 1000)}"))
        yield session


def _expectation(runtime: Runtime, order: ExpectedOrder) -> Expectation:
    return Expectation(
        status=order.state,
        missing=order.missing_amount,
        amount_rule=AmountRule(order.amount_rule) if order.amount_rule else None,
        expired=order.is_over(runtime.clock()),
    )


def _started_payments(session: Session, bill_reference: str) -> StartedPayments | None:
    key, typed = reference_key(bill_reference), bill_reference.strip()
    if not key:
        return None
    named = or_(Payment.reference_key == key, Payment.account_reference.in_([typed, typed.upper()]))
    statement = (
        select(Payment.status, Payment.amount)
        .where(Payment.channel == Channel.STK, named)
        .order_by(Payment.id.desc())
        .limit(PAYMENTS_LOOKED_AT)
    )
    rows = [(PaymentStatus(status), amount) for status, amount in session.execute(statement)]
    if not rows:
        return None
    paid = any(status in PAID for status, _ in rows)
    waiting = frozenset(amount for status, amount in rows if status in OPEN)
    return StartedPayments(waiting, due=None if paid else rows[0][1])


def _judgment(reason: Objection | None) -> Judgment:
    return Judgment(_CODES[reason] if reason else None, why=reason or "")


def _undecided(runtime: Runtime, why: str, rule: WhenUnsure | None = None) -> Judgment:
    """Answer by the rule of the shortcode, or by the setting if the rule could not be read."""
    return replace(_judgment(unsure(rule or WhenUnsure(runtime.settings.c2b_when_unsure))), why=why)


def _keep(runtime: Runtime, posted: Posted, verdict: InboxVerdict, reason: str) -> None:
    """Store what was posted with its answer. Nothing is applied."""
    now = runtime.clock()
    with runtime.database.begin() as session:
        received = Received.of(posted, runtime.encryption, now)
        received.store(session, CallbackOutcome(verdict, reason), now)


def _in_time(work: Callable[[], Returned], seconds: float) -> Returned | None:
    """Do some work in a thread. Return its result, or None if it fails or takes too long."""
    try:
        task = _threads.submit(work)
        try:
            return task.result(seconds)
        finally:
            task.cancel()  # no thread has started it yet
    except Exception:  # M-Pesa must have its answer whatever goes wrong here
        log.exception("a part of a validation failed, or took too long")
        return None
