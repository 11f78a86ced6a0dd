"""The report of a C2B payment, decrypted."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import PayerKind
from mpesa_service.domain.money import CENTS
from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.paid_at import believed
from mpesa_service.models import C2bConfirmation, Payment
from mpesa_service.models.statements import columns_of


@dataclass(frozen=True)
class Arrival:
    """Money that arrived, in whole shillings; `payer` is masked, hashed or plain, as `payer_kind` says.

    `stated_at` is the time that M-Pesa states, None if it states none. `moved_at` is the same if it can be
    true, else the time of the report.
    """

    amount: int
    bill_reference: str
    payer: str
    payer_kind: PayerKind
    moved_at: datetime
    stated_at: datetime | None = None

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
