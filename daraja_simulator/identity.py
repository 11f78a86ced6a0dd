"""The simulator's key pair and certificate, with which clients encrypt the initiator's password.

As at Daraja, a SecurityCredential is the base64 of the password bytes, encrypted with RSA PKCS#1 v1.5 and
2048 bits. Clients must not check the dates of the certificate, because Safaricom's real certificates have
expired.
"""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

_YEARS = timedelta(days=3650)


class Identity:
    """A private key and its self-signed certificate."""

    def __init__(self, key: rsa.RSAPrivateKey, certificate: x509.Certificate) -> None:
        self._key = key
        self.certificate_pem = certificate.public_bytes(serialization.Encoding.PEM).decode()

    def decrypt(self, credential: str) -> str | None:
        """Return the password in a SecurityCredential, or None if it is encrypted for another key.

        Raises ValueError if the text is not base64.
        """
        try:
            encrypted = base64.b64decode(credential, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        try:
            return self._key.decrypt(encrypted, padding.PKCS1v15()).decode()
        except ValueError:
            return None


@lru_cache(maxsize=1)
def process_identity() -> Identity:
    """Return the process's key pair. It is created once, because that takes a noticeable time."""
    key = _new_key()
    return Identity(key, _certificate(key))


def identity_from_file(path: Path) -> Identity:
    """Return the key pair in a PEM file (key, then certificate). Create the file if it is missing.

    Raises ValueError if the file has other content.
    """
    if not path.exists():
        key = _new_key()
        path.touch(mode=0o600)
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + _certificate(key).public_bytes(serialization.Encoding.PEM)
        )
    pem = path.read_bytes()
    loaded = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise ValueError(f"{path} contains no RSA key")  # noqa: TRY004 (of the file)
    return Identity(loaded, x509.load_pem_x509_certificate(pem))


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _certificate(key: rsa.RSAPrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "M-Pesa simulator")])
    today = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + _YEARS)
        .sign(key, hashes.SHA256())
    )
