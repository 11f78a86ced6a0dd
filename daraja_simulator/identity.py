"""The simulator's key pair: the initiator's password arrives encrypted with its certificate.

Daraja: base64 of RSA PKCS#1 v1.5 over the raw password bytes, 2048 bits. Real certificates in
circulation are long expired, so nobody may check the dates of this one either.
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
        """Return the password in a SecurityCredential, or None when it was not made for this key.

        Raises ValueError when the text is not base64 at all.
        """
        try:
            sealed = base64.b64decode(credential, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        try:
            return self._key.decrypt(sealed, padding.PKCS1v15()).decode()
        except ValueError:
            return None


@lru_cache(maxsize=1)
def process_identity() -> Identity:
    """Return a key pair made once per process: making one takes a noticeable moment."""
    key = _new_key()
    return Identity(key, _certificate(key))


def identity_from_file(path: Path) -> Identity:
    """Return the key pair kept in a PEM file (key, then certificate), making the file when missing.

    Raises ValueError when the file holds something else.
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
        raise ValueError(f"{path} holds no RSA key")  # noqa: TRY004 (of the file)
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
