"""Whether this process has the keys that stored data was made with, and which keys nothing needs any more.

The first process that encrypts with a key stores the key's id. A process that lacks a stored key cannot read
all data, so it does not start. `check_rows` decrypts every row; when no row needs an old key, the id of that
key is deleted, and the key can be dropped.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import Encryption
from mpesa_service.core.runtime import Runtime
from mpesa_service.models import Payment, UsedKey
from mpesa_service.models.statements import insert_once
from mpesa_service.operations.key_rotation import BATCH, ENCRYPTED

ENCRYPTION, HASH = "encryption", "hash"
SAMPLE = 20
"""So many of the newest rows of each table are tried while no key's id is stored."""
WRONG_HASH_KEY = (
    "The stored data was made with another PHONE_HASH_KEY. With this one, payments would not be found. Set"
    " the earlier key."
)


def keys_problem(runtime: Runtime, *, store: bool = True) -> str | None:
    """Return a sentence if this process lacks a key that stored data needs, else None.

    With `store`, the ids of the keys that this process uses are stored, if they are not yet.
    """
    encryption = runtime.encryption
    with runtime.database.read() as session:
        rows = session.execute(select(UsedKey.key_id, UsedKey.purpose)).all()
        used = {(row.key_id, row.purpose) for row in rows}
        problem = _lacking(encryption, used) if used else _unreadable_sample(session, encryption)
    if problem is None and store and (new := _own(encryption) - used):
        with runtime.database.begin() as session:
            _store(session, runtime, new)
    return problem


def _own(encryption: Encryption) -> set[tuple[str, str]]:
    """Return the ids of the keys that this process encrypts and hashes with."""
    return {(encryption.key_ids[0], ENCRYPTION), (encryption.hash_key_id, HASH)}


def _store(session: Session, runtime: Runtime, keys: set[tuple[str, str]]) -> None:
    for key_id, purpose in sorted(keys):
        values = {"key_id": key_id, "purpose": purpose, "first_used_at": runtime.clock()}
        insert_once(session, UsedKey, values)


def start_problem(runtime: Runtime) -> str | None:
    """Return why the keys forbid a start, or None. A database without tables is a matter of readiness."""
    database = runtime.database
    path = database.engine.url.database or ""
    if database.is_sqlite and not Path(path).exists():
        return None  # to connect would create the file
    try:
        return keys_problem(runtime)
    except SQLAlchemyError:  # the database is away or has no tables: /readyz and the doctor say so
        return None
    finally:
        database.dispose()  # gunicorn may fork after this


def _lacking(encryption: Encryption, used: set[tuple[str, str]]) -> str | None:
    lost = sorted(key for key, purpose in used if purpose == ENCRYPTION and key not in encryption.key_ids)
    if lost:
        return (
            f"Stored data needs a key that PHONE_ENCRYPTION_KEYS does not have (id {', '.join(lost)}). Add"
            " the key behind the others. `mpesa keys check` shows what needs it."
        )
    hashes = {key for key, purpose in used if purpose == HASH}
    return WRONG_HASH_KEY if hashes and encryption.hash_key_id not in hashes else None


def _unreadable_sample(session: Session, encryption: Encryption) -> str | None:
    """Return a sentence if the newest rows do not fit the keys. Only asked while no key's id is stored."""
    for table, columns in ENCRYPTED:
        for row in session.scalars(select(table).order_by(table.id.desc()).limit(SAMPLE)):
            stored = [value for column in columns if (value := getattr(row, column)) is not None]
            if any(not encryption.opens(value) for value in stored):
                return (
                    "PHONE_ENCRYPTION_KEYS has no key that decrypts the newest rows of"
                    f" {table.__tablename__}. Add the key behind the others. `mpesa keys check` shows what"
                    " needs it."
                )
            if table is Payment and not _hashed_alike(encryption, row):
                return WRONG_HASH_KEY
    return None


def _hashed_alike(encryption: Encryption, payment: Payment) -> bool:
    """Return whether the blind index of a payment's phone is that of this hash key."""
    phone = payment.phone_encrypted
    if phone is None or payment.phone_hash is None:
        return True
    return encryption.blind_index("phone", encryption.decrypt(phone)) == payment.phone_hash


@dataclass(slots=True)
class TableKeys:
    """How many rows of a table the newest key decrypts, how many only an older key, and how many none."""

    table: str
    newest: int = 0
    older: int = 0
    unreadable: int = 0


def check_rows(
    runtime: Runtime, progress: Callable[[int], object] = lambda _: None, *, accept_unreadable: bool = False
) -> list[TableKeys]:
    """Try every encrypted row; return the counts of each table. It changes no row.

    If no row needs an older key, it deletes the ids of the older keys, so that a process may start without
    them. The id of a key that this process lacks stays while there are unreadable rows, unless
    `accept_unreadable` says that the key is lost.
    """
    counts = []
    for table, columns in ENCRYPTED:
        found = TableKeys(table.__tablename__)
        for row in _rows(runtime, table, columns, progress):
            _count(found, runtime.encryption, [value for value in row if value is not None])
        counts.append(found)
    if not any(one.older for one in counts):
        readable = not any(one.unreadable for one in counts)
        _forget(runtime, unknown=readable or accept_unreadable, start_again=accept_unreadable)
    return counts


def _rows(
    runtime: Runtime, table: Any, columns: tuple[str, ...], progress: Callable[[int], object]
) -> Iterator[list[Any]]:
    """Yield the encrypted values of each row, in small reads."""
    values = [getattr(table, column) for column in columns]
    last = None
    while True:
        statement = select(table.id, *values).order_by(table.id).limit(BATCH)
        with runtime.database.read() as session:
            rows = session.execute(statement if last is None else statement.where(table.id > last)).all()
        if not rows:
            return
        last = rows[-1][0]
        yield from ([*row[1:]] for row in rows)
        progress(len(rows))


def _count(found: TableKeys, encryption: Encryption, values: list[bytes]) -> None:
    if all(encryption.opens(value, newest=True) for value in values):
        found.newest += 1
    elif all(encryption.opens(value) for value in values):
        found.older += 1
    else:
        found.unreadable += 1


def _forget(runtime: Runtime, *, unknown: bool, start_again: bool) -> None:
    """Delete the ids of encryption keys that nothing needs: the older ones, and if asked the `unknown` ones.

    To `start_again` is to take the keys of this process as the right ones, the hash key as well.
    """
    newest, *older = runtime.encryption.key_ids
    which = UsedKey.key_id != newest if unknown else UsedKey.key_id.in_(older)
    with runtime.database.begin() as session:
        session.execute(delete(UsedKey).where(UsedKey.purpose == ENCRYPTION, which))
        if start_again:
            session.execute(delete(UsedKey))
            _store(session, runtime, _own(runtime.encryption))
