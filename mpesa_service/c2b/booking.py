"""Books C2B payments: for the expected order that the payment names, or in review, where a person decides."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import or_, select

from mpesa_service.c2b.arrivals import Arrival
from mpesa_service.c2b.reversed_money import portal_reversal
from mpesa_service.core.apply import apply_to
from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.audit import MPESA, SERVICE, Cause
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.changes import PaymentChange
from mpesa_service.domain.facts import OrderFacts, PaymentFacts
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.moves import match_to_order
from mpesa_service.domain.orders import NO_OWNER, OrderStatus, reference_key
from mpesa_service.domain.paid_at import believed, ignored_detail, ignored_line, ignored_text
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.domain.plans import Plan, Update
from mpesa_service.domain.portal_reversals import PortalReversal
from mpesa_service.domain.references import account_reference, new_id
from mpesa_service.domain.reports import Evidence, PaymentReport, Verdict
from mpesa_service.domain.states import PAID, PaymentStatus
from mpesa_service.errors import InvalidPhone
from mpesa_service.models import Payment
from mpesa_service.models.load import facts_of_new, find_orders, load_order
from mpesa_service.models.payments import Channel, Provider

RESULT_CODE = "0"
MOST_KNOWN = 20
"""Payments that are read of one order id."""
FITS_NONE = "Needs manual review: it fits no order."
ORDER_PAID = "Needs manual review: the order that its payer typed is paid already, and is not registered."
FITS_NO_ORDER = frozenset({FITS_NONE, ORDER_PAID})
"""The reasons of money whose order may be registered later."""
FITS_SEVERAL = "Needs manual review: its reference fits more than one order."
EXPIRED = "Needs manual review: its order had expired."
CANCELED = "Needs manual review: its order was canceled."
NOT_OURS = "Needs manual review: it names another business number."
CONTRADICTORY = "Needs manual review: it names several accounts or business numbers, which do not agree."
PAID_BEFORE = "Needs manual review: what it was meant to pay is paid already, by other money."


def new_payment(
    runtime: Runtime,
    receipt: str,
    arrival: Arrival,
    order: OrderFacts | str | None,
    evidence: Evidence,
    undone: PortalReversal | None = None,
) -> Plan:
    """Return the plan that makes a payment of its own of money that arrived: of its order, or in review.

    `order` is what `order_for` returned; None if the money names another business number. Money that was
    reversed is in review, with its order.
    """
    cause = Cause(MPESA, runtime.clock(), evidence)
    if order == FITS_NONE and _names_paid_order(runtime, arrival.bill_reference):
        order = ORDER_PAID
    return _new_payment(runtime, receipt, arrival, NOT_OURS if order is None else order, cause, undone)


def second_payment(runtime: Runtime, prompted: PaymentFacts, report: PaymentReport) -> Plan:
    """Return the plan of what a prompt brought after its payment had been paid by other money.

    It is the payment that its confirmation would make, which may come later or never: of the expected order,
    or in review. Money that was reversed in the portal is in review.
    """
    now, payment = runtime.clock(), prompted.payment
    arrival = Arrival(
        amount=prompted.amount,
        bill_reference=payment["account_reference"] or "",
        payer=runtime.encryption.decrypt(payment["phone_encrypted"] or b""),
        payer_kind=PayerKind.PLAIN,
        moved_at=believed(report.paid_at, now) or now,
        stated_at=report.paid_at,
        stated_text=report.paid_at_text,
    )
    order = order_for(runtime, arrival)
    cause = Cause(MPESA, now, report.evidence, {"paidBesides": prompted.id})
    reason = PAID_BEFORE if isinstance(order, str) else order
    return _new_payment(runtime, str(report.receipt), arrival, reason, cause, prompted.portal_reversal)


def _new_payment(
    runtime: Runtime,
    receipt: str,
    arrival: Arrival,
    order: OrderFacts | str,
    cause: Cause,
    undone: PortalReversal | None = None,
) -> Plan:
    """Give new money to its order, or to a person, for the reason why there is no order."""
    stated = believed(arrival.stated_at, cause.at)
    ignored = ignored_text(arrival.stated_at, arrival.stated_text) if stated is None else None
    columns = _columns(runtime, receipt, arrival, cause.at)
    if stated is not None:
        columns |= {"paid_at": stated, "paid_at_source": cause.evidence}
    change = PaymentChange(facts_of_new(columns))
    if ignored is not None:
        cause = replace(cause, detail={**(cause.detail or {}), **ignored_detail(ignored)})
        change.log.append(ignored_line(change.facts.id, ignored))
    change.create(cause)
    if isinstance(order, OrderFacts):
        change.assign_to_order(order)
    if undone is not None:
        send_to_review(change, undone.reason, cause)
        return replace(change.plan_new(InboxVerdict.DISPUTED, undone.reason), updates=(undone.marked,))
    if isinstance(order, OrderFacts):
        change.move("paid", cause)
        return change.plan_new(InboxVerdict.APPLIED, "pays an expected order")
    change.set(failure_reason=order)
    change.move("unmatched", cause)
    return change.plan_new(InboxVerdict.UNMATCHED, order)


def send_to_review(change: PaymentChange, reason: str, cause: Cause) -> None:
    """Let a person decide about a payment, for this reason. A payment that is in review gets a note."""
    cause = replace(cause, detail={**(cause.detail or {}), "reason": reason})
    text = f"Needs manual review: {reason}."[:512]
    if change.status is PaymentStatus.REVIEW:
        change.note("disputed", cause, failure_reason=text)
    else:
        change.move("contradicted", cause, failure_reason=text)


def match_if_it_fits(
    runtime: Runtime,
    payment_id: str,
    arrival: Arrival,
    evidence: Evidence,
    also: Update,
    *,
    disputed: bool,
) -> None:
    """Match a payment that waits, if the order that it names exists by now. `also` is written anyway.

    Money that was reversed in the portal, or whose amount is `disputed`, waits for a person.
    """

    def decide(facts: PaymentFacts) -> Plan:
        change = PaymentChange(facts)
        if facts.status is PaymentStatus.REVIEW and facts.payment["order_id"] is None:
            with runtime.database.reading() as connection:
                undone = portal_reversal(connection, facts.receipt or "")
            order = order_for(runtime, arrival)
            if isinstance(order, OrderFacts) and undone is None and not disputed:
                match_to_order(change, order, Cause(SERVICE, runtime.clock(), evidence))
        return replace(change.plan(Verdict.NOTED, "another attempt to match"), updates=(also,))

    apply_to(runtime.database, payment_id, decide)


def order_for(runtime: Runtime, arrival: Arrival) -> OrderFacts | str:
    """Return the order that money names, or why there is none that takes it."""
    with runtime.database.reading() as connection:
        found = find_orders(connection, reference_key(arrival.bill_reference))
        order = load_order(connection, "id", found[0]) if len(found) == 1 else None
    if order is None:
        return FITS_SEVERAL if len(found) > 1 else FITS_NONE
    if order.status == OrderStatus.CANCELED:
        return CANCELED
    # What was paid in time counts, however late M-Pesa reports it.
    over = order.expires_at is not None and order.expires_at <= arrival.moved_at
    return EXPIRED if over else order


def _names_paid_order(runtime: Runtime, typed: str) -> bool:
    """Return whether a payer typed an order that is only known from payments, and one of them is paid."""
    key = reference_key(typed)
    if not key:
        return False
    shown = Payment.account_reference == typed.strip().upper()
    statement = (
        select(Payment.order_id)
        .where(or_(Payment.reference_key == key, shown), Payment.status.in_(PAID))
        .where(Payment.order_id.is_not(None))
        .limit(MOST_KNOWN)
    )
    with runtime.database.read() as session:
        orders = [order_id for order_id in session.scalars(statement) if order_id is not None]
    # A payment keeps its keys when it is moved to another order.
    return any(key in {reference_key(one), reference_key(account_reference(one))} for one in orders)


def typed_key(encryption: Encryption, key: str) -> str:
    """Return the condition for payments whose typed reference has this key."""
    return encryption.blind_index("typed", key)


def payer_columns(runtime: Runtime, payer: str, kind: PayerKind) -> dict[str, object]:
    """Return the columns of a C2B payment's payer; the phone number only if all of it is known."""
    phone = full_number(payer, kind)
    return {
        "phone_encrypted": runtime.encryption.encrypt(phone) if phone else None,
        "phone_hash": runtime.encryption.blind_index("phone", phone) if phone else None,
        "payer_encrypted": runtime.encryption.encrypt(payer),
    }


def account_columns(runtime: Runtime, typed: str) -> dict[str, object]:
    """Return the columns of the account that a C2B payer typed."""
    return {
        "bill_reference_encrypted": runtime.encryption.encrypt(typed) if typed else None,
        "reference_key": typed_key(runtime.encryption, reference_key(typed)),
    }


def _columns(runtime: Runtime, receipt: str, arrival: Arrival, now: datetime) -> dict[str, object]:
    return {
        "id": new_id(now),
        "provider": Provider.MPESA,
        "channel": Channel.C2B,
        "owner": NO_OWNER,
        "amount": arrival.amount,
        "currency": CURRENCY,
        "receipt": receipt,
        "result_code": RESULT_CODE,
        **payer_columns(runtime, arrival.payer, arrival.payer_kind),
        **account_columns(runtime, arrival.bill_reference),
        "created_at": now,
        "updated_at": now,
    }


def full_number(payer: str, kind: PayerKind) -> str | None:
    """Return the payer's number if M-Pesa reports all digits, as it did before it masked them."""
    if kind is not PayerKind.PLAIN:
        return None
    try:
        return normalize_msisdn(payer)
    except InvalidPhone:
        return None
