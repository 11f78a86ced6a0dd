"""Many payments at once, as if they had been made one after the other."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.references import new_id
from mpesa_service.models import Payment

FIRST = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
STEP = timedelta(minutes=1)
TABLE = Payment.__table__


def phone_of(number: int) -> str:
    return f"2547{number:08d}"


def add_payments(
    runtime: Runtime, count: int, change: Callable[[int], dict[str, Any]] = lambda _: {}, start: int = 0
) -> list[str]:
    """Store payments a minute apart from FIRST on, each with a phone of its own; return their ids."""
    rows = [_row(runtime, number, change(number)) for number in range(start, start + count)]
    with runtime.database.begin() as session:
        session.connection().execute(insert(TABLE), rows)
    return [row["id"] for row in rows]


def _row(runtime: Runtime, number: int, changes: dict[str, Any]) -> dict[str, Any]:
    at = changes.get("created_at", FIRST + number * STEP)
    phone = changes.pop("phone", phone_of(number))
    checkout = f"ws_CO_01112026090000{number:04d}{phone[3:]}"
    row = {column.name: None for column in TABLE.columns}
    counts = (
        "refunded_amount",
        "refunding_amount",
        "refund_count",
        "event_count",
        "outgoing_count",
        "check_attempts",
    )
    return {
        **row,
        **dict.fromkeys(counts, 0),
        "id": new_id(at),
        "version": 1,
        "provider": "mpesa",
        "channel": "stk",
        "owner": "shop",
        "order_id": f"ORDER{number}",
        "account_reference": f"ORDER{number}",
        "amount": 100 + number,
        "currency": "kes",
        "status": "succeeded",
        "evidence": "callback",
        "receipt": f"RECEIPT{number}",
        "result_code": "0",
        "metadata": {"number": number},
        "created_at": at,
        "updated_at": at,
        "completed_at": at,
        "phone_encrypted": runtime.encryption.encrypt(phone),
        "phone_hash": runtime.encryption.blind_index("phone", phone),
        "callback_token_hash": f"token{number}",
        "checkout_id_encrypted": runtime.encryption.encrypt(checkout),
        "checkout_id_hash": runtime.encryption.blind_index("checkout", checkout),
        "merchant_request_id": f"merchant-{number}",
        **changes,
    }


def ids(payments: Iterable[dict[str, Any]]) -> list[str]:
    return [payment["_id"] for payment in payments]
