"""Recognizes the C2B secret of an address, without a statement for each post.

Each process keeps the hashes of all secrets for C2B_SECRETS_SECONDS. A secret that is not among them is
looked up at once, so a new one works in every process. A revocation by a person reaches the other processes
within those seconds.
"""

import logging
import re
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.c2b.address_secrets import load_secrets, mark_used
from mpesa_service.c2b.matching import is_ours
from mpesa_service.core.encryption import token_hash
from mpesa_service.core.runtime import Runtime
from mpesa_service.daraja import UnreadableCallback, parse_c2b
from mpesa_service.domain.c2b_secrets import C2bSecretRecord
from mpesa_service.errors import NotFound, Unavailable

log = logging.getLogger(__name__)

_SHAPE = re.compile(r"[0-9a-f]{64}")


def reload_secrets(runtime: Runtime) -> bool:
    """Read the secrets again. Return False if the database cannot be read."""
    try:
        runtime.c2b_secrets.reload(lambda: dict(load_secrets(runtime)), runtime.clock())
    except SQLAlchemyError:
        log.warning("the C2B secrets cannot be read", exc_info=True)
        return False
    return True


def check_secret(
    runtime: Runtime, secret: str, reload: Callable[[Runtime], bool] = reload_secrets
) -> C2bSecretRecord:
    """Return the valid secret of an address; raise NotFound for an address that is not one of ours.

    While the database cannot be read, the secrets that were read before count. Raises Unavailable if it
    is not one of them.
    """
    hashed, now = token_hash(secret), runtime.clock()
    found = _held(runtime, hashed)
    if _SHAPE.fullmatch(secret) and (found is None or not runtime.c2b_secrets.is_fresh(now)):
        was_read = reload(runtime)
        found = _held(runtime, hashed)
        if found is None and not was_read:
            raise Unavailable("The address could not be checked; send it again.")
    if found is not None and found.is_valid(now):
        return found
    if found is not None:
        extra = {"id": found.id, "shortcode": found.shortcode}
        log.error("ALERT: a post to the address of a revoked C2B secret is refused", extra=extra)
    raise NotFound("There is nothing at this address.")


def note_confirmation(runtime: Runtime, secret: C2bSecretRecord, body: bytes) -> None:
    """Note that a confirmation arrived with this secret. The first one lets the older secrets end."""
    extra = {"id": secret.id, "shortcode": secret.shortcode}
    if secret.valid_until is not None:
        until = secret.valid_until.isoformat()
        log.warning("a confirmation used a C2B secret that ends", extra={**extra, "valid_until": until})
    if secret.first_used_at is not None or not _reports_our_money(runtime, body):
        return
    try:
        mark_used(runtime, secret)
    except SQLAlchemyError:  # the confirmation is stored; the next one notes the use
        log.exception("the first use of a C2B secret could not be stored", extra=extra)
        return
    reload_secrets(runtime)


def _held(runtime: Runtime, hashed: str) -> C2bSecretRecord | None:
    return (runtime.c2b_secrets.held() or {}).get(hashed)


def _reports_our_money(runtime: Runtime, body: bytes) -> bool:
    """Return whether a body is a confirmation: a person's test of the address does not end other secrets."""
    try:
        payment = parse_c2b(body)
    except UnreadableCallback:
        return False
    return payment.shortcode is None or is_ours(runtime, payment.shortcode)
