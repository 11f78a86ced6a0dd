"""C2B money: as a source reports it, and as it is stored, decrypted."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.paid_at import believed
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.models.statements import columns_of


@dataclass(frozen=True, kw_only=True)
class ArrivedMoney:
    """Money that one source reports to be in the account, by its receipt; `cents` is the exact amount.

    Everything else is None, or empty, if the source does not say it. `shortcode` is the number that received
    the money; without one, it is this service's own number. `account` is what the payer typed. `payer` is the
    number in the form that `payer_kind` says. `names` are the payer's, in order. `transacted_at` is M-Pesa's
    own time, aware, and `stated_text` is the text from which it was read. `began_at` is the time at which the
    transaction began, from a source that states no other: it helps to find the order or the prompt, and is
    not the time of the payment. `contradictory`: the source has several accounts, which do not agree; then
    `account` is empty.
    """

    receipt: str
    cents: int
    shortcode: str | None = None
    account: str | None = field(default=None, repr=False)
    payer: str | None = field(default=None, repr=False)
    payer_kind: PayerKind = PayerKind.NONE
    names: Sequence[str | None] = field(default=(), repr=False)
    transaction_type: str | None = None
    transacted_at: datetime | None = None
    stated_text: str | None = None
    contradictory: bool = False
    began_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.cents <= 0 or not self.receipt:
            raise ValueError("money that arrived has a receipt, and an amount above 0")


@dataclass(frozen=True)
class Arrival:
    """Money that arrived, in whole shillings; `payer` is masked, hashed or plain, as `payer_kind` says.

    `stated_at` is the time that M-Pesa states, None if it states none; `stated_text` is its text. `moved_at`
    is the same if it can be true, else the time of the report.
    """

    amount: int
    bill_reference: str
    payer: str
    payer_kind: PayerKind
    moved_at: datetime
    stated_at: datetime | None = None
    stated_text: str | None = None

    @property
    def names_something(self) -> bool:
        return reference_key(self.bill_reference) != ""


def arrival_of(encryption: Encryption, columns: Mapping[str, Any]) -> Arrival:
    """Return what the columns of a confirmation of whole shillings say."""
    payer, stated, received = columns["payer_encrypted"], columns["transacted_at"], columns["received_at"]
    return Arrival(
        amount=columns["amount_cents"] // CENTS,
        bill_reference=typed_reference(encryption, columns["bill_reference_encrypted"]),
        payer=encryption.decrypt(payer) if payer else "",
        payer_kind=PayerKind(columns["payer_kind"]),
        moved_at=believed(stated, received) or received,
        stated_at=stated,
    )


def arrival_of_payment(
    encryption: Encryption, payment: Payment, confirmation: C2bConfirmation | None
) -> Arrival:
    """Return what is known about the money of a C2B payment.

    If there is no confirmation, only a statement reported the money, and the payer is unknown.
    """
    if confirmation is not None:
        return arrival_of(encryption, confirmation_columns(confirmation))
    typed = typed_reference(encryption, payment.bill_reference_encrypted)
    return Arrival(payment.amount, typed, "", PayerKind.NONE, payment.created_at)


def confirmation_columns(row: C2bConfirmation) -> dict[str, Any]:
    """Return the columns of a stored confirmation, by name."""
    return {name: getattr(row, name) for name in columns_of(C2bConfirmation)}


def typed_reference(encryption: Encryption, encrypted: bytes | None) -> str:
    """Return the account reference that the payer typed, decrypted; an empty text if there is none."""
    return encryption.decrypt(encrypted) if encrypted else ""


def payer_name(encryption: Encryption, encrypted: bytes | None) -> str | None:
    """Return the payer's name from a confirmation, decrypted; None if M-Pesa sent none.

    It is personal data: only admins see it, and it is never in a log or an event.
    """
    names = json.loads(encryption.decrypt(encrypted)) if encrypted else []
    return " ".join(name for name in names if name) or None
