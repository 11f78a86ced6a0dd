"""Payments for the measurements: pending ones that callbacks settle, and tables of settled ones."""

import json
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from benchmarks.messages import paid_callback
from benchmarks.service import SHOP
from mpesa_service.core.encryption import Encryption, token_hash
from mpesa_service.domain.references import new_id
from mpesa_service.models import Base, Payment, PaymentEvent

AMOUNT = 100
OWNERS = 20
"""Shops that share the payments of a full table; one of them is SHOP."""
OTHER_SHOP = "shop-1"
"""One of them. Nothing adds to its payments after the table is filled."""


@dataclass(frozen=True)
class Pending:
    """A pending payment, with the values that M-Pesa puts into its callback."""

    payment_id: str
    checkout_id: str
    merchant_id: str
    token: str
    phone: str
    receipt: str

    def callback(self) -> dict[str, Any]:
        """Return the body that M-Pesa posts when the payment is paid."""
        return paid_callback(self.merchant_id, self.checkout_id, self.receipt, self.phone, AMOUNT)


def new_pending(count: int) -> list[Pending]:
    """Return new pending payments; they are not stored."""
    now = datetime.now(UTC)
    batch = secrets.token_hex(4)
    return [
        Pending(
            payment_id=new_id(now),
            checkout_id=f"ws_CO_{batch}{number:08d}712345678",
            merchant_id=f"29115-{batch}-{number}",
            token=secrets.token_urlsafe(32),
            phone=f"2547{number % 100_000_000:08d}",
            receipt=f"R{batch}{number:06d}".upper(),
        )
        for number in range(count)
    ]


def store(connection: "psycopg.Connection[Any]", encryption: Encryption, pending: Sequence[Pending]) -> None:
    """Store pending payments as the service does, with the two entries of their audit trail."""
    rows = [pending_row(encryption, one) for one in pending]
    copy(connection, Payment, rows)
    copy(connection, PaymentEvent, [event for one in pending for event in _pushed(one)])


def copy(connection: "psycopg.Connection[Any]", table: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Insert rows into one table with COPY; all rows have the same columns."""
    columns = ", ".join(rows[0])
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table.__tablename__} ({columns}) FROM STDIN") as stream,
    ):
        for row in rows:
            stream.write_row(tuple(row.values()))


def pending_row(encryption: Encryption, one: Pending) -> dict[str, Any]:
    """Return the columns of a pending payment."""
    now = datetime.now(UTC)
    return {
        **_plain(one.payment_id, now),
        "owner": SHOP,
        "order_id": one.payment_id,
        "status": "pending",
        "evidence": "push",
        "event_count": 2,
        "phone_encrypted": encryption.encrypt(one.phone),
        "phone_hash": encryption.blind_index("phone", one.phone),
        "callback_token_hash": token_hash(one.token),
        "checkout_id_encrypted": encryption.encrypt(one.checkout_id),
        "checkout_id_hash": encryption.blind_index("checkout", one.checkout_id),
        "merchant_request_id": one.merchant_id,
        "order_lock": one.payment_id,
        "phone_lock": encryption.blind_index("live", one.payment_id),
        "prompt_expires_at": now + timedelta(hours=1),
        "next_check_at": now + timedelta(hours=1),
        "checks_since": now,
    }


def as_attributes(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row as attributes of a Payment without an audit trail."""
    details = json.loads(row["metadata"])
    others = {name: value for name, value in row.items() if name != "metadata"}
    return {**others, "details": details, "event_count": 0}


def _plain(payment_id: str, now: datetime) -> dict[str, Any]:
    return {
        "id": payment_id,
        "provider": "mpesa",
        "channel": "stk",
        "amount": AMOUNT,
        "currency": "kes",
        "refunded_amount": 0,
        "refunding_amount": 0,
        "refund_count": 0,
        "metadata": json.dumps({"basket": 7}),
        "outgoing_count": 0,
        "account_reference": "ORDER1001",
        "check_attempts": 0,
        "created_at": now,
        "updated_at": now,
    }


def _pushed(one: Pending) -> Iterator[dict[str, Any]]:
    now = datetime.now(UTC)
    moves = ((None, "submitting", "created"), ("submitting", "pending", "push_accepted"))
    for sequence, (before, after, cause) in enumerate(moves, 1):
        yield {
            "payment_id": one.payment_id,
            "sequence": sequence,
            "from_status": before,
            "to_status": after,
            "cause": cause,
            "actor": SHOP,
            "detail": "{}",
            "at": now,
        }


def fill(
    connection: "psycopg.Connection[Any]", encryption: Encryption, count: int, note: Callable[[str], None]
) -> None:
    """Fill the table with `count` payments of the last three months; nine of ten are paid.

    The database itself creates the rows. Ids and times grow together, as in production. Phones and checkout
    ids are encrypted, and many rows share one value.
    """
    phones = [f"2547{number:08d}" for number in range(500)]
    connection.execute("CREATE TABLE seed_phones (n int, phone bytea, hash text, checkout bytea)")
    with connection.cursor() as cursor, cursor.copy("COPY seed_phones FROM STDIN") as stream:
        for number, phone in enumerate(phones):
            checkout = encryption.encrypt(f"ws_CO_22112026{number:010d}{phone[3:]}")
            stream.write_row(
                (number, encryption.encrypt(phone), encryption.blind_index("phone", phone), checkout)
            )
    step = 250_000
    for first in range(0, count, step):
        note(f"{first:,} of {count:,} payments")
        connection.execute(_FILL, {"first": first, "last": min(first + step, count) - 1, "count": count})
    connection.execute("DROP TABLE seed_phones")


_FILL = f"""
INSERT INTO payments (
  id, provider, channel, owner, order_id, amount, currency, status, evidence, result_code, result_desc,
  failure_reason, receipt, refunded_amount, refunding_amount, refund_count, metadata, event_count,
  outgoing_count, created_at, updated_at, completed_at, paid_at, paid_at_source, phone_encrypted, phone_hash,
  account_reference,
  callback_token_hash, checkout_id_encrypted, checkout_id_hash, merchant_request_id, prompt_expires_at,
  checks_since, check_attempts, order_lock
)
SELECT
  lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || lpad(to_hex(i), 12, '0'),
  'mpesa', 'stk', CASE WHEN i %% {OWNERS} = 0 THEN '{SHOP}' ELSE 'shop-' || i %% {OWNERS} END, 'ORDER-' || i,
  100 + i %% 5000, 'kes', CASE WHEN i %% 10 = 9 THEN 'failed' ELSE 'succeeded' END, 'callback',
  CASE WHEN i %% 10 = 9 THEN '1' ELSE '0' END, 'The service request is processed successfully.',
  CASE WHEN i %% 10 = 9 THEN 'The balance is insufficient.' END,
  CASE WHEN i %% 10 < 9 THEN 'S' || lpad(upper(to_hex(i)), 9, '0') END, 0, 0, 0, '{{"basket": 7}}', 3,
  1, at, at + interval '20 seconds', at + interval '20 seconds',
  CASE WHEN i %% 10 < 9 THEN at + interval '18 seconds' END, CASE WHEN i %% 10 < 9 THEN 'callback' END,
  phone, hash, 'ORDER1001',
  encode(sha256(('token' || i)::bytea), 'hex'), checkout, encode(sha256(('checkout' || i)::bytea), 'hex'),
  '29115-' || i || '-1', at + interval '3 minutes', at, 1,
  CASE WHEN i %% 10 < 9 THEN 'ORDER-' || i END
FROM (
  SELECT i, now() - interval '90 days' + (i::float8 / %(count)s) * interval '89 days' AS at
  FROM generate_series(%(first)s::bigint, %(last)s::bigint) AS i
) AS made
JOIN seed_phones ON seed_phones.n = i %% 500
"""
