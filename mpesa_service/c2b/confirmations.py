"""Books C2B confirmations: M-Pesa's posts about money that arrived, on the shortcode's secret address."""

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.book_money import book_money
from mpesa_service.core.inbox import CallbackOutcome, Received, outcome_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import C2bPayment, UnreadableCallback, parse_c2b
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import Evidence


def handle_c2b_confirmation(runtime: Runtime, received: Received, body: bytes) -> CallbackOutcome:
    """Book money that M-Pesa says has arrived, at an address that only M-Pesa and the service know."""
    try:
        payment = parse_c2b(body)
    except UnreadableCallback as error:
        return _store(runtime, received, Plan(InboxVerdict.UNREAD, str(error)))
    cents = payment.amount * CENTS
    if cents != int(cents) or not cents:
        return _store(runtime, received, Plan(InboxVerdict.UNREAD, "TransAmount is no amount of money"))
    money = _money(payment, int(cents))
    return outcome_of(book_money(runtime, money, Evidence.CONFIRMATION, received))


def _store(runtime: Runtime, received: Received, plan: Plan) -> CallbackOutcome:
    outcome = outcome_of(plan)
    with runtime.database.begin() as session:
        received.store(session, outcome, runtime.clock())
    return outcome


def _money(payment: C2bPayment, cents: int) -> ArrivedMoney:
    return ArrivedMoney(
        receipt=payment.receipt,
        cents=cents,
        shortcode=payment.shortcode,
        account=payment.bill_reference,
        payer=payment.payer,
        payer_kind=payment.payer_kind,
        names=(payment.first_name, payment.middle_name, payment.last_name),
        transaction_type=payment.transaction_type,
        transacted_at=payment.transacted_at,
        stated_text=payment.transacted_text,
        contradictory=payment.contradictory,
    )
