"""C2B secrets in the database: people make and revoke them, and M-Pesa's first use ends the older ones."""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from mpesa_service.core.encryption import token_hash
from mpesa_service.core.records import record_from
from mpesa_service.core.runtime import Runtime
from mpesa_service.domain.c2b_secrets import GRACE, C2bSecretRecord
from mpesa_service.errors import Conflict, NotFound
from mpesa_service.models import C2bSecret
from mpesa_service.models.absence import lock_against_absence

log = logging.getLogger("mpesa_service.audit")

RANDOM_BYTES = 32
"""Written in hex digits: with other letters, a secret could contain a word that Safaricom forbids."""


@dataclass(frozen=True)
class RevealedSecret:
    """A secret with its text, for the address that is registered. It is never shown by the API."""

    record: C2bSecretRecord
    text: str


def create_secret(runtime: Runtime, actor: str) -> RevealedSecret:
    """Make a random secret of the shortcode. It is valid at once, and the older ones stay valid."""
    adopt_derived(runtime)
    with runtime.database.begin() as session:
        found = _add(runtime, session, actor)
    _audit("c2b secret created", found.record, actor)
    return found


def secret_to_register(runtime: Runtime, actor: str) -> RevealedSecret:
    """Return the newest secret that has no end; make the first one if there is none."""
    adopt_derived(runtime)
    with runtime.database.read() as session:
        row = _newest(runtime, session)
    if row is None:
        return _first_secret(runtime, actor)
    return _revealed(runtime, row)


def newest_secret(runtime: Runtime) -> C2bSecretRecord | None:
    """Return what `secret_to_register` would return, without the secret; None if there is none."""
    adopt_derived(runtime)
    with runtime.database.read() as session:
        row = _newest(runtime, session)
    return None if row is None else _record(row)


def list_secrets(runtime: Runtime) -> Sequence[C2bSecretRecord]:
    """Return all secrets of the shortcode, without the secrets, newest first."""
    return [record for _, record in reversed(load_secrets(runtime))]


def load_secrets(runtime: Runtime) -> Sequence[tuple[str, C2bSecretRecord]]:
    """Return the hashes of the shortcode's secrets, revoked ones too, and their records, oldest first."""
    adopt_derived(runtime)
    with runtime.database.read() as session:
        rows = session.scalars(_of_shortcode(runtime).order_by(C2bSecret.id))
        return [(row.secret_hash or "", _record(row)) for row in rows]


def mark_registered(runtime: Runtime, secret: C2bSecretRecord) -> None:
    """Store that M-Pesa has accepted the addresses with this secret."""
    statement = update(C2bSecret).where(C2bSecret.id == secret.id).values(registered_at=runtime.clock())
    with runtime.database.begin() as session:
        session.execute(statement)


def mark_used(runtime: Runtime, secret: C2bSecretRecord) -> None:
    """Store that M-Pesa has used a secret for the first time, and let the older ones end after the grace.

    In a burst of confirmations one caller does it; the others do not wait.
    """
    now = runtime.clock()
    first = select(C2bSecret).where(C2bSecret.id == secret.id, C2bSecret.first_used_at.is_(None))
    older = C2bSecret.id < secret.id, C2bSecret.valid_until.is_(None)
    with runtime.database.begin() as session:
        used = session.scalar(first.with_for_update(skip_locked=True))
        if used is None:
            return
        used.first_used_at = now
        ending = session.scalars(_locked(runtime).where(*older)).all()
        for row in ending:
            row.valid_until = now + GRACE
        ended = sorted(row.id for row in ending)
    log.info("c2b secret first used by M-Pesa", extra={"id": secret.id, "shortcode": secret.shortcode})
    for one in ended:
        log.info("c2b secret ends", extra={"id": one, "valid_until": (now + GRACE).isoformat()})


def revoke_secret(runtime: Runtime, actor: str, secret_id: int, reason: str) -> C2bSecretRecord:
    """Revoke a secret at once. Raise NotFound, or Conflict if no other secret would stay valid."""
    adopt_derived(runtime)
    now = runtime.clock()
    with runtime.database.begin() as session:
        rows = session.scalars(_locked(runtime)).all()
        row = next((one for one in rows if one.id == secret_id), None)
        if row is None:
            raise NotFound("There is no such C2B secret. List them: mpesa c2b secrets.")
        if not _record(row).is_valid(now):
            raise Conflict("This C2B secret is revoked already.")
        if not any(one.valid_until is None for one in rows if one is not row):
            raise Conflict(
                "This is the only C2B secret: without it, M-Pesa's confirmations are refused. First run"
                " mpesa c2b rotate-secret."
            )
        row.valid_until, row.revoked_by, row.revocation_reason = now, actor, reason
        record = _record(row)
    log.info("c2b secret revoked", extra={"id": record.id, "actor": actor, "reason": reason})
    return record


def adopt_derived(runtime: Runtime) -> None:
    """Store the secret that was derived from PHONE_HASH_KEY by earlier versions, if M-Pesa may have it.

    It is one of the valid secrets until a newer one is used.
    """
    with runtime.database.read() as session:
        if session.scalar(select(C2bSecret.id).where(C2bSecret.secret_hash.is_(None))) is None:
            return
    shortcode = runtime.settings.mpesa_shortcode
    derived = runtime.encryption.blind_index("c2b", shortcode)
    with runtime.database.begin() as session:
        session.execute(
            update(C2bSecret)
            .where(C2bSecret.secret_hash.is_(None))
            .values(
                shortcode=shortcode,
                secret_hash=token_hash(derived),
                secret_encrypted=runtime.encryption.encrypt(derived),
            )
        )


def _add(runtime: Runtime, session: Session, actor: str) -> RevealedSecret:
    text = secrets.token_hex(RANDOM_BYTES)
    row = C2bSecret(
        shortcode=runtime.settings.mpesa_shortcode,
        secret_hash=token_hash(text),
        secret_encrypted=runtime.encryption.encrypt(text),
        created_by=actor,
        created_at=runtime.clock(),
    )
    session.add(row)
    session.flush()
    return RevealedSecret(_record(row), text)


def _first_secret(runtime: Runtime, actor: str) -> RevealedSecret:
    """Make the first secret, or return the one that another caller has made meanwhile."""
    with runtime.database.begin() as session:
        lock_against_absence(session, f"c2b secret of {runtime.settings.mpesa_shortcode}")
        row = _newest(runtime, session)
        found = _add(runtime, session, actor) if row is None else _revealed(runtime, row)
    if row is None:
        _audit("c2b secret created", found.record, actor)
    return found


def _locked(runtime: Runtime) -> Select[C2bSecret]:
    """Return the statement that locks the shortcode's secrets, newest first in every transaction.

    In another order, two transactions could wait for each other.
    """
    return _of_shortcode(runtime).order_by(C2bSecret.id.desc()).with_for_update()


def _of_shortcode(runtime: Runtime) -> Select[C2bSecret]:
    return select(C2bSecret).where(C2bSecret.shortcode == runtime.settings.mpesa_shortcode)


def _newest(runtime: Runtime, session: Session) -> C2bSecret | None:
    statement = _of_shortcode(runtime).where(C2bSecret.valid_until.is_(None)).order_by(C2bSecret.id.desc())
    return session.scalars(statement.limit(1)).one_or_none()


def _revealed(runtime: Runtime, row: C2bSecret) -> RevealedSecret:
    return RevealedSecret(_record(row), runtime.encryption.decrypt(row.secret_encrypted or b""))


def _record(row: C2bSecret) -> C2bSecretRecord:
    return record_from(C2bSecretRecord, row)


def _audit(what: str, record: C2bSecretRecord, actor: str) -> None:
    log.info(what, extra={"id": record.id, "shortcode": record.shortcode, "actor": actor})
