"""Password, timestamp and security credential, against published vectors and a key of our own."""

from base64 import b64decode
from datetime import UTC, datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import Encoding

from mpesa_service.daraja import daraja_timestamp, security_credential, stk_password

from .conftest import PASSKEY

PASSWORD = "Safaricom999!*!"


def certificate(key, encoding: Encoding) -> bytes:
    """An expired certificate, such as Safaricom's own are."""
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "apicrypt.test")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2015, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2016, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
        .public_bytes(encoding)
    )


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def test_the_published_password():
    assert stk_password("174379", PASSKEY, "20210628092408") == (
        "MTc0Mzc5YmZiMjc5ZjlhYTliZGJjZjE1OGU5N2RkNzFhNDY3Y2QyZTBjODkzMDU5YjEwZjc4ZTZiNzJhZGEx"
        "ZWQyYzkxOTIwMjEwNjI4MDkyNDA4"
    )


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2021, 6, 28, 6, 24, 8, tzinfo=UTC),
        datetime(2021, 6, 28, 6, 24, 8, 999999, tzinfo=UTC),
        datetime(2021, 6, 27, 22, 24, 8, tzinfo=timezone(timedelta(hours=-8))),
    ],
)
def test_the_timestamp_is_nairobi_time(moment):
    assert daraja_timestamp(moment) == "20210628092408"


def test_a_naive_moment_is_refused():
    with pytest.raises(ValueError, match="zone"):
        daraja_timestamp(datetime(2021, 6, 28))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize("encoding", [Encoding.PEM, Encoding.DER])
def test_the_credential_decrypts_to_the_password(key, encoding):
    credential = security_credential(PASSWORD, certificate(key, encoding))
    assert len(credential) == 344
    assert key.decrypt(b64decode(credential, validate=True), PKCS1v15()) == PASSWORD.encode()


def test_pem_may_have_blank_lines_before_it(key):
    assert security_credential(PASSWORD, b"\n\n" + certificate(key, Encoding.PEM))


def test_the_padding_is_random(key):
    der = certificate(key, Encoding.DER)
    assert security_credential(PASSWORD, der) != security_credential(PASSWORD, der)


@pytest.mark.parametrize("junk", [b"", b"junk", b"-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_that_is_no_certificate(junk):
    with pytest.raises(ValueError, match="neither PEM nor DER"):
        security_credential(PASSWORD, junk)


def test_a_key_of_the_wrong_kind():
    curve = ec.generate_private_key(ec.SECP256R1())
    with pytest.raises(ValueError, match="no RSA key"):
        security_credential(PASSWORD, certificate(curve, Encoding.DER))


def test_a_password_that_does_not_fit(key):
    with pytest.raises(ValueError, match="too long") as caught:
        security_credential("x" * 246, certificate(key, Encoding.DER))
    assert "xx" not in str(caught.value)
    assert caught.value.__suppress_context__
    assert security_credential("x" * 245, certificate(key, Encoding.DER))


def test_an_empty_password(key):
    with pytest.raises(ValueError, match="empty"):
        security_credential("", certificate(key, Encoding.DER))
