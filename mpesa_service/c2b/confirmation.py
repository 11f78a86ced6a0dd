"""C2B confirmations as they come in: each receipt is stored once, and booked in the same transaction."""

import json

from mpesa_service.c2b.arrivals import typed_reference
from mpesa_service.c2b.matching import Booking, Confirmation
from mpesa_service.core.apply import commit_until_settled
from mpesa_service.core.inbox import CallbackOutcome, Received, outcome_of
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import C2bPayment, UnreadableCallback, parse_c2b
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.plans import Plan

REFERENCE_KEPT, SHORTCODE_KEPT = 64, 16


def handle_c2b_confirmation(runtime: Runtime, received: Received, body: bytes) -> CallbackOutcome:
    """Book money that M-Pesa says has arrived, at an address that only M-Pesa and the service know."""
    try:
        payment = parse_c2b(body)
    except UnreadableCallback as error:
        return _store(runtime, received, Plan(InboxVerdict.UNREADABLE, str(error)))
    cents = payment.amount * CENTS
    if cents != int(cents) or not cents:
        return _store(runtime, received, Plan(InboxVerdict.UNREADABLE, "TransAmount is no amount of money"))

    booking = Booking(runtime, Confirmation(_columns(runtime, payment, int(cents))), received)

    def attempt() -> Plan | None:
        known = Confirmation.of_receipt(runtime, payment.receipt)
        if known is None:
            return booking.book()
        plan = received.added_to(_repeated(runtime, known, payment, int(cents)), runtime.clock())
        return booking.commit(plan)

    return outcome_of(commit_until_settled(attempt, booking.wait))


def _store(runtime: Runtime, received: Received, plan: Plan) -> CallbackOutcome:
    outcome = outcome_of(plan)
    with runtime.database.begin() as session:
        received.store(session, outcome, runtime.clock())
    return outcome


def _repeated(runtime: Runtime, known: Confirmation, payment: C2bPayment, cents: int) -> Plan:
    """Return the verdict on a confirmation whose receipt is known; it changes nothing."""
    typed = typed_reference(runtime.encryption, known.columns["bill_reference_encrypted"])
    if (known.columns["amount_cents"], typed) != (cents, payment.bill_reference[:REFERENCE_KEPT]):
        reason = "the first one with this receipt had other values"
        return Plan(InboxVerdict.DISPUTED, reason, known.columns["payment_id"])
    return Plan(InboxVerdict.DUPLICATE, "its receipt is known", known.columns["payment_id"])


def _columns(runtime: Runtime, payment: C2bPayment, cents: int) -> dict[str, object]:
    typed = payment.bill_reference[:REFERENCE_KEPT]
    names = [payment.first_name, payment.middle_name, payment.last_name]
    return {
        "receipt": payment.receipt,
        "shortcode": payment.shortcode[:SHORTCODE_KEPT],
        "amount_cents": cents,
        "transaction_type": payment.transaction_type[:REFERENCE_KEPT],
        "bill_reference_encrypted": runtime.encryption.encrypt(typed) if typed else None,
        "payer_encrypted": runtime.encryption.encrypt(payment.payer) if payment.payer else None,
        "payer_kind": payment.payer_kind,
        "names_encrypted": runtime.encryption.encrypt(json.dumps(names)) if any(names) else None,
        "transacted_at": payment.transacted_at,
        "received_at": runtime.clock(),
    }
