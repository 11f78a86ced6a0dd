"""An action by which money leaves, with everything that is approved of it, and a second person's consent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mpesa_service.core.encryption import Encryption
from mpesa_service.domain.outflow import Outflow, OutflowKind
from mpesa_service.domain.payout_batches import person_of


@dataclass(frozen=True)
class Consent:
    """A second person's approval, which the transaction that carries out the action uses up."""

    approval_id: str
    by: str
    reason: str

    @property
    def detail(self) -> dict[str, str]:
        """Return what the audit trail of the action keeps."""
        return {"approvedBy": self.by, "approval": self.approval_id, "approvalReason": self.reason}


@dataclass(frozen=True)
class Action:
    """What `maker` requests, exactly.

    `payees` maps the blind index of each payee to its part, and `payee` names it to people, masked.
    `parameters` (JSON) are what the action needs to be carried out later. `own`: it decides about a command
    that the maker requested.
    """

    kind: OutflowKind
    maker: str
    subject_id: str
    amount: int
    parameters: Mapping[str, Any] = field(default_factory=dict, repr=False)
    payees: Mapping[str, int] = field(default_factory=dict)
    payee: str | None = None
    order_id: str | None = None
    reason: str | None = None
    own: bool = False

    @property
    def outflow(self) -> Outflow:
        return Outflow(self.amount, self.payees, self.own)

    def hash(self, encryption: Encryption) -> str:
        """Return the keyed hash of what is approved: the kind, subject, amount, payees, order and method."""
        kinds = [self.kind.value, self.subject_id, self.amount, self.order_id]
        exact = [*kinds, sorted(self.payees.items()), self.parameters.get("method")]
        return encryption.blind_index("approval", json.dumps(exact))

    def encrypted(self, encryption: Encryption) -> bytes:
        """Return the parameters and the masked payee, encrypted."""
        return encryption.encrypt(json.dumps({"payee": self.payee, "parameters": dict(self.parameters)}))


def person_index(encryption: Encryption, actor: str) -> str:
    """Return the blind index of a person, however the name is spelled."""
    return encryption.blind_index("person", person_of(actor))


def phone_index(encryption: Encryption, phone: str) -> str:
    """Return the blind index of a phone as a payee. Payouts and payments have the same."""
    return encryption.blind_index("phone", phone)
