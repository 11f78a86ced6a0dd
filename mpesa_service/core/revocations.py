"""Revoked tokens: one by its `jti`, or all tokens that a subject has been given so far.

Each process keeps a copy of the list and reads it again when the copy is REFRESH_SECONDS old. So a request
costs no query, and a revocation takes effect in every process within MOST_SECONDS.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from mpesa_service.core.database import Database
from mpesa_service.models import RevokedToken

REFRESH_SECONDS = 5.0
MOST_SECONDS = 10.0
"""An older copy is never used: while one thread reads the list, the others use the copy until then."""
CLOCKS_DIFFER = timedelta(seconds=10)
"""The clock of the issuer may be ahead: a token of these seconds after a subject's revocation is refused."""
KEPT_LONGER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RevocationRecord:
    """A revocation. Either `token_id` or `subject` is None."""

    token_id: str | None
    subject: str | None
    revoked_at: datetime
    revoked_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Copy:
    token_ids: frozenset[str] = frozenset()
    subjects: dict[str, float] = field(default_factory=dict)
    """The last `iat` that is refused, by subject."""
    read_at: float = float("-inf")


class Revocations:
    """The revoked tokens, as the database has them, with a copy for the requests of this process."""

    def __init__(self, database: Database, now: Callable[[], float] = time.monotonic) -> None:
        self._database, self._now = database, now
        self._copy = _Copy()
        self._reading = threading.Lock()

    def refuses(self, subject: str, token_id: str | None, issued_at: float | None) -> bool:
        """Return whether a token is revoked. Without `iat`, it counts as issued before any revocation."""
        copy = self._recent_copy()
        if token_id in copy.token_ids:
            return True
        until = copy.subjects.get(subject)
        return until is not None and (issued_at is None or issued_at <= until)

    def revoke_token(self, token_id: str, by: str, reason: str, now: datetime) -> RevocationRecord:
        """Revoke the token with this `jti`, whether or not the service has seen it."""
        return self._store(RevocationRecord(token_id, None, now, by, reason))

    def revoke_subject(self, subject: str, by: str, reason: str, now: datetime) -> RevocationRecord:
        """Revoke every token that was issued to `subject` until now."""
        return self._store(RevocationRecord(None, subject, now, by, reason))

    def list_all(self) -> list[RevocationRecord]:
        """Return the revocations, the newest first."""
        with self._database.read() as session:
            rows = session.scalars(select(RevokedToken).order_by(RevokedToken.id.desc())).all()
        return [
            RevocationRecord(row.token_id, row.subject, row.revoked_at, row.revoked_by, row.reason)
            for row in rows
        ]

    def prune(self, now: datetime, max_lifetime: timedelta) -> int:
        """Delete revocations of tokens that have expired by now; return how many."""
        old = RevokedToken.revoked_at < now - max_lifetime - KEPT_LONGER
        with self._database.begin() as session:
            return len(session.execute(delete(RevokedToken).where(old).returning(RevokedToken.id)).all())

    def _store(self, record: RevocationRecord) -> RevocationRecord:
        with self._database.begin() as session:
            session.add(
                RevokedToken(
                    token_id=record.token_id,
                    subject=record.subject,
                    revoked_at=record.revoked_at,
                    revoked_by=record.revoked_by,
                    reason=record.reason,
                )
            )
        self._copy = _Copy()  # this process reads it at once
        return record

    def _recent_copy(self) -> _Copy:
        copy = self._copy
        age = self._now() - copy.read_at
        if age < REFRESH_SECONDS:
            return copy
        if self._reading.acquire(blocking=False):
            try:
                return self._read()
            finally:
                self._reading.release()
        return copy if age < MOST_SECONDS else self._read()

    def _read(self) -> _Copy:
        begun = self._now()
        columns = (RevokedToken.token_id, RevokedToken.subject, RevokedToken.revoked_at)
        with self._database.read() as session:
            rows = session.execute(select(*columns).order_by(RevokedToken.revoked_at)).all()
        self._copy = _Copy(
            frozenset(row.token_id for row in rows if row.token_id is not None),
            {row.subject: (row.revoked_at + CLOCKS_DIFFER).timestamp() for row in rows if row.subject},
            begun,
        )
        return self._copy
