"""Payments of money that came without a prompt: towards the order that it names, or waiting for a person."""

from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from mpesa_service.daraja import PayerKind
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.decisions import Evidence, Report
from mpesa_service.domain.money import CURRENCY
from mpesa_service.domain.orders import OrderStatus, reference_key
from mpesa_service.domain.phones import normalize_msisdn
from mpesa_service.domain.references import new_id
from mpesa_service.domain.states import PaymentStatus
from mpesa_service.errors import InvalidPhone
from mpesa_service.models import C2bConfirmation, ExpectedOrder, Payment
from mpesa_service.models.payments import Channel, Provider
from mpesa_service.models.statements import lock_order_where
from mpesa_service.services.c2b_candidates import Arrival
from mpesa_service.services.handled import Handled
from mpesa_service.services.runtime import Runtime
from mpesa_service.services.states import MPESA, SERVICE, Cause, create_payment, move_payment
from mpesa_service.services.vault import Vault

NOBODY = ""
"""The owner of money that fits no order: no token has an empty subject, so only admins see it."""
RESULT_CODE = "0"
FITS_NONE = "A person must look: it fits no order."
FITS_SEVERAL = "A person must look: its reference fits more than one order."
EXPIRED = "A person must look: its order had expired."
CANCELED = "A person must look: its order was canceled."
NOT_OURS = "A person must look: it names another business number."
PAID_BEFORE = "A person must look: what it was asked for is paid already, by other money."


def book_unprompted(
    runtime: Runtime, session: Session, row: C2bConfirmation, arrival: Arrival, *, ours: bool
) -> Handled:
    """Make a payment of its own of a confirmation: of the order that it names, or in review."""
    now = runtime.clock()
    payment = Payment(**_columns(runtime, row.receipt, arrival, now))
    cause = Cause(MPESA, now, Evidence.CONFIRMATION)
    create_payment(session, payment, cause)
    row.payment_id = payment.id
    order = order_for(session, arrival) if ours else NOT_OURS
    return _settle(session, payment, order, cause)


def book_beside(runtime: Runtime, session: Session, prompted: Payment, report: Report) -> Handled:
    """Make a payment of its own of what a prompt brought after its payment had been paid by other money.

    It is as its confirmation would have it, which may come yet or never: towards the announced order, or
    in review. The caller has locked the prompt's payment.
    """
    now = runtime.clock()
    arrival = Arrival(
        amount=prompted.amount,
        bill_reference=prompted.account_reference or "",
        payer=runtime.vault.decrypt(prompted.phone_encrypted or b""),
        payer_kind=PayerKind.PLAIN,
        moved_at=now,
    )
    payment = Payment(**_columns(runtime, str(report.receipt), arrival, now))
    cause = Cause(MPESA, now, report.evidence, {"paidBesides": prompted.id})
    create_payment(session, payment, cause)
    order = order_for(session, arrival)
    return _settle(session, payment, PAID_BEFORE if isinstance(order, str) else order, cause)


def _settle(session: Session, payment: Payment, order: ExpectedOrder | str, cause: Cause) -> Handled:
    """Give new money to its order, or have a person look, for the reason why there is none."""
    if isinstance(order, ExpectedOrder):
        give_to(payment, order)
        move_payment(session, payment, "paid", cause)
        return Handled(InboxVerdict.APPLIED, "pays an announced order", payment.id)
    payment.failure_reason = order
    move_payment(session, payment, "unmatched", cause)
    return Handled(InboxVerdict.UNMATCHED, order, payment.id)


def match_if_it_fits(session: Session, payment: Payment, arrival: Arrival, now: datetime) -> bool:
    """Match a locked payment that waits, if an order has come that it names; tell whether it was."""
    if payment.state is not PaymentStatus.REVIEW or payment.order_id is not None:
        return False
    order = order_for(session, arrival)
    if not isinstance(order, ExpectedOrder):
        return False
    give_to(payment, order)
    payment.failure_reason = None
    move_payment(session, payment, "matched", Cause(SERVICE, now, Evidence.CONFIRMATION))
    return True


def order_for(session: Session, arrival: Arrival) -> ExpectedOrder | str:
    """Return the order that money names, locked, or why there is none that takes it."""
    found = find_orders(session, arrival.bill_reference)
    if len(found) != 1:
        return FITS_SEVERAL if found else FITS_NONE
    order = lock_order_where(session, id=found[0])
    if order is None:
        return FITS_NONE
    if order.state is OrderStatus.CANCELED:
        return CANCELED
    # What was paid in time counts, however late it is told.
    over = order.expires_at is not None and order.expires_at <= arrival.moved_at
    return EXPIRED if over else order


def find_orders(session: Session, bill_reference: str) -> list[str]:
    """Return the ids of the orders that a payer's reference stands for: none, one, or by mischance two."""
    key = reference_key(bill_reference)
    if not key:
        return []
    fits = or_(ExpectedOrder.reference_key == key, ExpectedOrder.account_key == key)
    return list(session.scalars(select(ExpectedOrder.id).where(fits).limit(2)))


def typed_key(vault: Vault, key: str) -> str:
    """Return what finds payments whose payers typed something that comes to `key`."""
    return vault.fingerprint("typed", key)


def typed_reference(vault: Vault, encrypted: bytes | None) -> str:
    """Return what a payer typed as account, in the clear; "" for nothing."""
    return vault.decrypt(encrypted) if encrypted else ""


def give_to(payment: Payment, order: ExpectedOrder) -> None:
    """Make a payment the order's, and its owner's."""
    payment.owner = order.owner
    payment.order_id = order.reference
    payment.expected_order_id = order.id
    payment.details = order.details


def _columns(runtime: Runtime, receipt: str, arrival: Arrival, now: datetime) -> dict[str, object]:
    phone, typed = _whole_number(arrival), arrival.bill_reference
    return {
        "id": new_id(now),
        "provider": Provider.MPESA,
        "channel": Channel.C2B,
        "owner": NOBODY,
        "amount": arrival.amount,
        "currency": CURRENCY,
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "asks_made": 0,
        "details": {},
        "receipt": receipt,
        "result_code": RESULT_CODE,
        "phone_encrypted": runtime.vault.encrypt(phone) if phone else None,
        "phone_hash": runtime.vault.fingerprint("phone", phone) if phone else None,
        "payer_encrypted": runtime.vault.encrypt(arrival.payer),
        "bill_reference_encrypted": runtime.vault.encrypt(typed) if typed else None,
        "reference_key": typed_key(runtime.vault, reference_key(typed)),
        "created_at": now,
        "updated_at": now,
    }


def _whole_number(arrival: Arrival) -> str | None:
    """Return the payer's number where M-Pesa tells all of it, as it did before it masked them."""
    if arrival.payer_kind is not PayerKind.PLAIN:
        return None
    try:
        return normalize_msisdn(arrival.payer)
    except InvalidPhone:
        return None
