"""Checks the certificate that encrypts the initiator's password, and a ready-made security credential."""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from mpesa_service.config.mpesa_settings import SIMULATOR
from mpesa_service.config.settings import Settings
from mpesa_service.daraja.credentials import load_certificate, security_credential

CREDENTIAL_BYTES = frozenset({128, 256, 384, 512})
"""What RSA with keys of 1024 to 4096 bits makes of a password. Safaricom's keys have 2048 (documented)."""


def certificate_problems(s: Settings) -> Iterator[str]:
    """Yield what is wrong with the certificate and the credential. The simulator writes its file later."""
    if s.mpesa_environment == SIMULATOR:
        return
    if s.mpesa_security_credential is not None and not _is_encrypted(s.mpesa_security_credential):
        yield (
            "MPESA_SECURITY_CREDENTIAL is not an encrypted credential, which is base64 of 344 characters. Put"
            " a password into MPESA_INITIATOR_PASSWORD, with MPESA_CERTIFICATE_PATH."
        )
    if s.mpesa_certificate_path is None:
        return
    path = s.mpesa_certificate_path
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        yield f"MPESA_CERTIFICATE_PATH: {path} cannot be read ({error.strerror or type(error).__name__})."
        return
    try:
        security_credential(s.mpesa_initiator_password or "x", content)
    except ValueError as error:
        yield f"MPESA_CERTIFICATE_PATH: {path} does not encrypt the password: {error}."


def out_of_date(s: Settings, now: datetime) -> str | None:
    """Return a sentence if the certificate is not valid at this time, or None.

    It is a warning and no reason not to start: the certificates that Safaricom hands out have been past
    their end for years, and M-Pesa accepts them (observed).
    """
    if s.mpesa_environment == SIMULATOR or s.mpesa_certificate_path is None:
        return None
    try:
        found = load_certificate(Path(s.mpesa_certificate_path).read_bytes())
    except (OSError, ValueError):
        return None  # `certificate_problems` reports it
    if found.not_valid_before_utc <= now <= found.not_valid_after_utc:
        return None
    first, last = found.not_valid_before_utc, found.not_valid_after_utc
    return f"the certificate {s.mpesa_certificate_path} is valid from {first:%Y-%m-%d} to {last:%Y-%m-%d}"


def _is_encrypted(credential: str) -> bool:
    try:
        return len(b64decode(credential, validate=True)) in CREDENTIAL_BYTES
    except (Base64Error, ValueError):
        return False
