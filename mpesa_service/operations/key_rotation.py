"""Key rotation: encrypts all stored ciphertexts again with the newest key, in small transactions."""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from mpesa_service.core.runtime import Runtime
from mpesa_service.models import (
    Approval,
    C2bConfirmation,
    C2bSecret,
    CallbackInbox,
    DarajaToken,
    Discrepancy,
    IdempotencyKey,
    Inquiry,
    Payment,
    Payout,
    Pull,
    Refund,
    StatementTexts,
    WebhookEndpoint,
)

BATCH = 200
ENCRYPTED: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (
        Payment,
        ("phone_encrypted", "payer_encrypted", "bill_reference_encrypted", "checkout_id_encrypted"),
    ),
    (C2bConfirmation, ("bill_reference_encrypted", "payer_encrypted", "names_encrypted")),
    (C2bSecret, ("secret_encrypted",)),
    (Refund, ("phone_encrypted",)),
    (Payout, ("party_encrypted", "account_reference_encrypted")),
    (Inquiry, ("answer_encrypted",)),
    (Pull, ("unreadable_encrypted",)),
    (CallbackInbox, ("body_encrypted",)),
    (Discrepancy, ("account_encrypted",)),
    (IdempotencyKey, ("answer_body",)),
    (StatementTexts, ("texts_encrypted",)),
    (Approval, ("action_encrypted",)),
    (WebhookEndpoint, ("secret_encrypted", "previous_secret_encrypted")),
)


def rows_to_rotate(runtime: Runtime) -> int:
    """Return how many rows the tables with encrypted columns have."""
    with runtime.database.read() as session:
        return sum(session.scalar(select(func.count()).select_from(table)) or 0 for table, _ in ENCRYPTED)


def rotate(runtime: Runtime, progress: Callable[[int], object] = lambda _: None) -> int:
    """Encrypt every row again with the newest key; return how many rows were rewritten.

    Nothing is lost if it is stopped half-way: both keys decrypt, and it can run again. After each batch it
    calls `progress` with the number of rows. It deletes Daraja's token; the next call fetches a new one.
    """
    done = 0
    for table, columns in ENCRYPTED:
        for count in _rotate_table(runtime, table, columns):
            done += count
            progress(count)
    with runtime.database.begin() as session:
        for token in session.scalars(select(DarajaToken)):
            token.token_encrypted = None
    return done


def _rotate_table(runtime: Runtime, table: Any, columns: tuple[str, ...]) -> Iterator[int]:
    key: InstrumentedAttribute[Any] = table.id
    last = None
    while True:
        statement = select(table).order_by(key).limit(BATCH).with_for_update()
        with runtime.database.begin() as session:
            rows = session.scalars(statement if last is None else statement.where(key > last)).all()
            for row in rows:
                for column in columns:
                    old = getattr(row, column)
                    if old is not None and runtime.encryption.opens(old):  # else mpesa keys check counts it
                        setattr(row, column, runtime.encryption.rotate(old))
            last = rows[-1].id if rows else None
        if last is None:
            return
        yield len(rows)
