"""The money that M-Pesa reports about a receipt in a transaction status, or why none arrived here."""

import re
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from mpesa_service.c2b.arrivals import ArrivedMoney
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import payer_kind_of
from mpesa_service.domain.money import CENTS
from mpesa_service.models import Payout, Refund

COMPLETED = "Completed"
_PARTY = re.compile(r"\s*(\d+)\s*(?:-\s*(.*))?", re.DOTALL)
LEAST_PHONE_DIGITS = 9
NOT_COMPLETED = "M-Pesa says that the transaction is {}: no money arrived."
OTHER_RECEIPT = "M-Pesa's answer is about another receipt."
NO_AMOUNT = "M-Pesa's answer names no amount."
WENT_OUT = "The money went out: {} paid it."
FOREIGN = "The money went to another business: {}."
IS_OUTGOING = "It is the receipt of a {} of this service: the money went out."
NO_RECEIVER = "M-Pesa's answer does not name who received the money."


class NothingArrived(Exception):
    """The answer is about no money that arrived here."""


def reported_money(runtime: Runtime, receipt: str, answer: dict[str, Any]) -> ArrivedMoney:
    """Return the money of an answer; raise NothingArrived if none arrived here."""
    if answer["status"] != COMPLETED:
        raise NothingArrived(NOT_COMPLETED.format(answer["status"]))
    if answer["receipt"] not in (None, receipt):
        raise NothingArrived(OTHER_RECEIPT)
    settings = runtime.settings
    own = {settings.mpesa_shortcode, settings.mpesa_till, settings.mpesa_b2c_shortcode}
    debit, payer_name = _party(answer["debit_party"])
    credit, _ = _party(answer["credit_party"])
    if debit in own:
        raise NothingArrived(WENT_OUT.format(debit))
    if credit is None:
        raise NothingArrived(NO_RECEIVER)
    if credit not in own:
        raise NothingArrived(FOREIGN.format(credit if len(credit) < LEAST_PHONE_DIGITS else "a person"))
    payer = debit if debit is not None and len(debit) >= LEAST_PHONE_DIGITS else None
    finalised = answer["finalised_at"]
    return ArrivedMoney(
        receipt=receipt,
        cents=_cents(answer["amount"]),
        shortcode=credit,
        account=answer.get("account"),
        payer=payer,
        payer_kind=payer_kind_of(payer),
        names=(payer_name,),
        transaction_type=answer["reason"],
        transacted_at=datetime.fromisoformat(finalised) if finalised else None,
    )


def outgoing_kind(session: Session, receipt: str) -> str | None:
    """Return whether the receipt is of a `refund` or a `payout` of this service."""
    for name, table in (("refund", Refund), ("payout", Payout)):
        if session.scalar(select(table.id).where(table.receipt == receipt)) is not None:
            return name
    return None


def _party(text: str | None) -> tuple[str | None, str | None]:
    """Return the number and the name of a party such as `174379 - SHOP`; None for what is missing."""
    found = _PARTY.fullmatch(text or "")
    return (found[1], found[2] or None) if found else (None, None)


def _cents(amount: str | None) -> int:
    try:
        cents = Decimal(amount or "") * CENTS
    except InvalidOperation:
        raise NothingArrived(NO_AMOUNT) from None
    if cents <= 0 or cents != int(cents):
        raise NothingArrived(NO_AMOUNT)
    return int(cents)
