"""Revocation of tokens by a person, with the line of the audit log."""

import logging

from mpesa_service.core.revocations import RevocationRecord
from mpesa_service.core.runtime import Runtime

audit = logging.getLogger("mpesa_service.audit")


def revoke(
    runtime: Runtime, by: str, *, token_id: str | None, subject: str | None, reason: str
) -> RevocationRecord:
    """Revoke the token `token_id`, or the tokens of `subject` that were issued until now."""
    revocations, now = runtime.revocations, runtime.clock()
    if token_id is not None:
        record = revocations.revoke_token(token_id, by, reason, now)
    else:
        record = revocations.revoke_subject(subject or "", by, reason, now)
    audit.warning("tokens revoked", extra={"actor": by, "reason": reason})
    return record


def prune(runtime: Runtime) -> int:
    """Delete revocations of tokens that have expired; return how many."""
    return runtime.revocations.prune(runtime.clock(), runtime.settings.jwt_max_lifetime)
