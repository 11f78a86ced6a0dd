"""The three secrets in the bodies of Daraja's requests: password, timestamp, security credential."""

from base64 import b64encode
from datetime import datetime
from zoneinfo import ZoneInfo

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

NAIROBI = ZoneInfo("Africa/Nairobi")


def daraja_timestamp(moment: datetime) -> str:
    """Write an aware moment as yyyyMMddHHmmss in Nairobi, whatever the host's own zone.

    The portal's documentation names no zone; Nairobi time is what works (observed).
    Raises ValueError for a naive moment.
    """
    if moment.utcoffset() is None:
        raise ValueError("the moment must carry its zone")
    return moment.astimezone(NAIROBI).strftime("%Y%m%d%H%M%S")


def stk_password(shortcode: str, passkey: str, timestamp: str) -> str:
    """Join and encode as documented: base64(shortcode + passkey + timestamp).

    This is no signature: one password reveals the passkey. Keep it out of logs.
    """
    return b64encode(f"{shortcode}{passkey}{timestamp}".encode()).decode()


def security_credential(password: str, certificate: bytes) -> str:
    """Encrypt the initiator's password with Safaricom's X.509 certificate, PEM or DER.

    RSA with PKCS#1 v1.5 over the raw bytes of the password, then base64: 344 characters for a
    2048-bit key (documented). The padding is random, so the text differs each time. Expiry is
    not checked: certificates that Safaricom hands out have been past theirs for years (observed).

    Raises ValueError, which never shows the password.
    """
    if not password:
        raise ValueError("the initiator password is empty")
    try:
        key = load_certificate(certificate).public_key()
    except Exception as error:
        raise ValueError("the certificate is neither PEM nor DER X.509") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")  # noqa: TRY004 - a value, not a type
    try:
        return b64encode(key.encrypt(password.encode(), PKCS1v15())).decode()
    except ValueError:
        raise ValueError("the initiator password is too long for the key") from None


def load_certificate(content: bytes) -> x509.Certificate:
    """Return the first certificate of a PEM or DER file. PEM may have text or a byte order mark before it.

    Raises ValueError.
    """
    begin = content.find(b"-----BEGIN CERTIFICATE-----")
    if begin >= 0:
        return x509.load_pem_x509_certificate(content[begin:])
    return x509.load_der_x509_certificate(content)
