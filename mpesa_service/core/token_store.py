"""Daraja's access token in the database, so that all processes share the valid one."""

import hashlib
import threading
from datetime import timedelta

from cryptography.fernet import InvalidToken
from sqlalchemy import select, update

from mpesa_service.core.clock import Clock
from mpesa_service.core.database import Database
from mpesa_service.core.encryption import Encryption
from mpesa_service.daraja import Token
from mpesa_service.models import DarajaToken
from mpesa_service.models.statements import insert_once


class DatabaseTokenStore:
    """The `TokenStore` of the Daraja client. Each call is one short transaction.

    The lease (`refresh_until`) lets one caller at a time fetch a new token, without a lock during the network
    call. If a caller dies, its lease expires. A caller that is late never releases the lease of another.
    """

    def __init__(self, database: Database, encryption: Encryption, app: str, clock: Clock) -> None:
        self._database = database
        self._encryption = encryption
        self._app = hashlib.sha256(app.encode()).hexdigest()
        self._clock = clock
        self._held = threading.local()

    def read(self) -> Token | None:
        with self._database.read() as session:
            row = session.get(DarajaToken, self._app)
        return self._token(row)

    def claim_refresh(self, stale: str | None, lease_seconds: float) -> bool:
        """Return True to exactly one caller while the stored token is still the `stale` one."""
        now = self._clock()
        with self._database.begin() as session:
            insert_once(session, DarajaToken, {"app": self._app})
            row = session.scalars(
                select(DarajaToken).where(DarajaToken.app == self._app).with_for_update()
            ).one()
            current = self._token(row)
            if current is not None and current.value != stale and current.is_fresh(now):
                return False
            if row.refresh_until is not None and row.refresh_until > now:
                return False
            row.refresh_until = self._held.until = now + timedelta(seconds=lease_seconds)
            return True

    def save(self, token: Token) -> None:
        with self._database.begin() as session:
            session.execute(
                update(DarajaToken)
                .where(DarajaToken.app == self._app)
                .values(
                    token_encrypted=self._encryption.encrypt(token.value),
                    expires_at=token.expires_at,
                    refresh_until=None,
                )
            )

    def release(self) -> None:
        """Release this thread's lease after a failed fetch, if the thread still has it."""
        held = DarajaToken.refresh_until == getattr(self._held, "until", None)
        with self._database.begin() as session:
            session.execute(
                update(DarajaToken).where(DarajaToken.app == self._app, held).values(refresh_until=None)
            )

    def _token(self, row: DarajaToken | None) -> Token | None:
        if row is None or row.token_encrypted is None or row.expires_at is None:
            return None
        try:
            value = self._encryption.decrypt(row.token_encrypted)
        except InvalidToken:  # encrypted with a key that was removed: the token is lost
            return None
        return Token(value, row.expires_at)
