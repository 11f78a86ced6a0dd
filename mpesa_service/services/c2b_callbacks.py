"""C2B confirmations as they come in: each receipt is noted once, and whoever notes it books it."""

import json

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.daraja import C2bPayment, UnreadableCallback, parse_c2b
from mpesa_service.domain.callbacks import InboxVerdict
from mpesa_service.domain.money import CENTS
from mpesa_service.models import C2bConfirmation
from mpesa_service.models.statements import insert_once
from mpesa_service.services.c2b_booking import book
from mpesa_service.services.c2b_payments import typed_reference
from mpesa_service.services.handled import Handled
from mpesa_service.services.runtime import Runtime

REFERENCE_KEPT, SHORTCODE_KEPT = 64, 16


def handle_c2b_confirmation(runtime: Runtime, session: Session, _token: str | None, body: bytes) -> Handled:
    """Book money that M-Pesa says has arrived, at an address that is a secret of ours and M-Pesa's."""
    try:
        told = parse_c2b(body)
    except UnreadableCallback as error:
        return Handled(InboxVerdict.UNREADABLE, str(error))
    cents = told.amount * CENTS
    if cents != int(cents) or not cents:
        return Handled(InboxVerdict.UNREADABLE, "TransAmount is no amount of money")
    inserted = insert_once(session, C2bConfirmation, _columns(runtime, told, int(cents)))
    row = session.scalars(select(C2bConfirmation).where(C2bConfirmation.receipt == told.receipt)).one()
    if inserted:
        return book(runtime, session, row)
    typed = typed_reference(runtime.vault, row.bill_reference_encrypted)
    if (row.amount_cents, typed) != (int(cents), told.bill_reference[:REFERENCE_KEPT]):
        said = "the first one with this receipt said otherwise"
        return Handled(InboxVerdict.DISPUTED, said, row.payment_id)
    return Handled(InboxVerdict.DUPLICATE, "its receipt is known", row.payment_id)


def _columns(runtime: Runtime, told: C2bPayment, cents: int) -> dict[str, object]:
    typed = told.bill_reference[:REFERENCE_KEPT]
    names = [told.first_name, told.middle_name, told.last_name]
    return {
        "receipt": told.receipt,
        "shortcode": told.shortcode[:SHORTCODE_KEPT],
        "amount_cents": cents,
        "transaction_type": told.transaction_type[:REFERENCE_KEPT],
        "bill_reference_encrypted": runtime.vault.encrypt(typed) if typed else None,
        "payer_encrypted": runtime.vault.encrypt(told.payer) if told.payer else None,
        "payer_kind": told.payer_kind,
        "names_encrypted": runtime.vault.encrypt(json.dumps(names)) if any(names) else None,
        "transacted_at": told.transacted_at,
        "received_at": runtime.clock(),
    }
