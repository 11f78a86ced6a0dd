"""A refund request, and the number that an admin states for it because M-Pesa masks who paid.

A number that disagrees with the payer may be right: people change their SIM. It may also be a typing error
that gives the money to another person. So it needs an explicit confirmation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import payer_agrees
from mpesa_service.domain.commands import RefundMethod
from mpesa_service.domain.phones import mask_payer
from mpesa_service.errors import Conflict, InvalidRequest
from mpesa_service.models import Payment
from mpesa_service.models.payments import Channel
from mpesa_service.outflow.actions import Consent


@dataclass(frozen=True)
class RefundRequest:
    """The caller's request: an amount in whole shillings or all that is left, and a method or the default.

    `phone` is a number that an admin states for a C2B payment, normalized; it needs a `reason`. A number that
    disagrees with the payer needs `confirm_different_payer`. The reason is kept in the audit trail.
    `only_unmatched`: refuse the refund if the payment has an order by now. `refuse_repeated`: refuse it if an
    equal one was requested shortly before; people have no idempotency key. `consent`: a second
    person approved exactly this refund.
    """

    amount: int | None = None
    method: RefundMethod | None = None
    reason: str | None = None
    phone: str | None = field(default=None, repr=False)
    confirm_different_payer: bool = False
    only_unmatched: bool = False
    refuse_repeated: bool = False
    consent: Consent | None = None


@dataclass(frozen=True)
class Payer:
    """Who paid, as far as it is known: the columns of a payment."""

    channel: str | None
    phone_encrypted: bytes | None = field(repr=False)
    payer_encrypted: bytes | None = field(repr=False)

    @classmethod
    def of(cls, payment: Payment) -> Self:
        return cls(payment.channel, payment.phone_encrypted, payment.payer_encrypted)

    @classmethod
    def of_columns(cls, payment: Mapping[str, Any]) -> Self:
        return cls(payment["channel"], payment["phone_encrypted"], payment["payer_encrypted"])

    def reported(self, encryption: Encryption) -> str:
        """Return the payer as M-Pesa reports it: plain, masked or hashed; an empty text if it is unknown."""
        known = self.phone_encrypted or self.payer_encrypted
        return encryption.decrypt(known) if known else ""

    def agrees(self, encryption: Encryption, phone: str) -> bool | None:
        """Return whether this number can be the payer's; None if M-Pesa does not reveal enough."""
        return payer_agrees(self.reported(encryption), phone)


def check_stated_phone(encryption: Encryption, request: RefundRequest, payer: Payer) -> bool | None:
    """Check a stated number against the payer; return whether they agree, None if that is not known.

    Raises InvalidRequest without a reason or for a reversal, and Conflict if the number is not allowed.
    """
    if request.method is RefundMethod.REVERSAL:
        message = "A reversal goes back to the payer: it takes no phoneNumber."
        raise InvalidRequest(message, code="reversal_takes_no_phone")
    if not (request.reason or "").strip():
        message = "Say why the money goes to this number: give a reason."
        raise InvalidRequest(message, code="reason_needed")
    agrees = payer.agrees(encryption, request.phone or "")
    if agrees is not False:
        return agrees
    details = {"payerAgrees": False, "payer": mask_payer(payer.reported(encryption))}
    if payer.channel == Channel.STK:
        message = "A payment by a prompt is refunded to the phone that paid."
        raise Conflict(message, code="not_the_paying_phone", details=details)
    if not request.confirm_different_payer:
        message = "This number is not the payer's. If that is right, confirm it with confirmDifferentPayer."
        raise Conflict(message, code="payer_differs", details=details)
    return agrees
