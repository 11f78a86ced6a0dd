"""Books C2B money once, whatever reports it: a confirmation, a pull, a transaction status, a statement."""

import json
from typing import Any

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.c2b.confirmation_checks import first_check
from mpesa_service.c2b.matching import Booking, Confirmation
from mpesa_service.c2b.repeated import repeated_plan
from mpesa_service.core.apply import commit_until_settled
from mpesa_service.core.inbox import Received
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.plans import Plan
from mpesa_service.domain.reports import ARRIVALS, Evidence

REFERENCE_KEPT, SHORTCODE_KEPT = 64, 16


def book_money(
    runtime: Runtime, money: ArrivedMoney, evidence: Evidence, received: Received | None = None
) -> Plan:
    """Book money that a source reports; return the committed plan. `received` is stored with it.

    The plan's verdict is an `InboxVerdict`, and `payment_id` is the payment that has the money, if there is
    one:

        applied     it pays an order, or it is the money of an STK payment
        unmatched   it fits no order, or it is a fractional amount: it is listed
        noted       it waits: the STK payment that it fits may still be named by a callback
        duplicate   the receipt is known, and the source agrees
        disputed    the receipt is known with another amount, or its payment differs; `reason` says it

    A receipt that is known is booked no second time. A later source raises the evidence of its payment, and
    fills what is missing. Raises NotCommitted if other writers were faster too often, and
    sqlalchemy.exc.SQLAlchemyError.
    """
    if evidence not in ARRIVALS:
        raise ValueError(f"{evidence} does not say that money arrived")
    received_at = received.received_at if received else runtime.clock()
    columns = {**_columns(runtime, money, evidence), "received_at": received_at}
    if evidence is Evidence.CONFIRMATION:
        columns["check_at"] = first_check(runtime, money.receipt, money.cents, received_at)
    confirmation = Confirmation(columns)
    booking = Booking(
        runtime,
        confirmation,
        received,
        contradictory=money.contradictory,
        began_at=money.began_at,
        stated_text=money.stated_text,
    )

    def attempt() -> Plan | None:
        known = Confirmation.of_receipt(runtime, money.receipt)
        if known is None:
            return booking.book()
        return booking.repeat(repeated_plan(runtime, known, money, columns))

    return commit_until_settled(attempt, booking.wait)


def _columns(runtime: Runtime, money: ArrivedMoney, evidence: Evidence) -> dict[str, Any]:
    typed = (money.account or "")[:REFERENCE_KEPT]
    encrypt, names = runtime.encryption.encrypt, [*money.names]
    return {
        "receipt": money.receipt,
        "source": evidence,
        # Every source is the service's own: a secret address, its credentials, or its operator.
        "shortcode": (money.shortcode or runtime.settings.mpesa_shortcode)[:SHORTCODE_KEPT],
        "amount_cents": money.cents,
        "transaction_type": (money.transaction_type or "")[:REFERENCE_KEPT],
        "bill_reference_encrypted": encrypt(typed) if typed else None,
        "payer_encrypted": encrypt(money.payer) if money.payer else None,
        "payer_kind": money.payer_kind if money.payer else PayerKind.NONE,
        "names_encrypted": encrypt(json.dumps(names)) if any(names) else None,
        "transacted_at": money.transacted_at,
    }
