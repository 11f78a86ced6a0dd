"""What tests of validation and of unmatched money start from: expected orders, and started payments."""

from typing import Any

from mpesa_service.domain.orders import reference_key
from mpesa_service.domain.references import account_reference, new_id
from mpesa_service.models import ExpectedOrder
from tests.support import Service


def add_order(service: Service, reference: str = "ORDER1", amount: int = 100, **columns: Any) -> str:
    """Register an order in any state; return its id."""
    now = service.clock()
    row = {
        "id": new_id(now),
        "owner": "shop",
        "reference": reference,
        "reference_key": reference_key(reference),
        "account_key": reference_key(account_reference(reference)),
        "amount_due": amount,
        "received_amount": 0,
        "status": "open",
        "details": {},
        "created_at": now,
        "updated_at": now,
        **columns,
    }
    with service.runtime.database.begin() as session:
        session.add(ExpectedOrder(**row))
    return str(row["id"])
