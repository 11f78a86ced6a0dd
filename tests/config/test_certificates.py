"""The certificate of Safaricom: readable, a certificate, and fit for the password; its dates only warn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from mpesa_service.config import load_settings, out_of_date
from mpesa_service.daraja.credentials import security_credential
from tests.config.environments import problems, production

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def certificate(*, bits: int = 2048, end: datetime = NOW + timedelta(days=90)) -> x509.Certificate:
    key = rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "apicrypt.example")])
    made = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    return made.not_valid_before(end - timedelta(days=365)).not_valid_after(end).sign(key, hashes.SHA256())


@pytest.fixture(scope="module")
def pem() -> bytes:
    return certificate().public_bytes(Encoding.PEM)


def environ(path: Path, content: bytes, **changes: str) -> dict[str, str]:
    path.write_bytes(content)
    return production(MPESA_SECURITY_CREDENTIAL="", MPESA_CERTIFICATE_PATH=str(path), **changes)


@pytest.mark.parametrize("before", [b"", b"\xef\xbb\xbf", b"\r\n\r\n", b"subject=CN = x\nissuer=CN = x\n"])
def test_pem_with_text_or_a_byte_order_mark_before_it(tmp_path: Path, pem: bytes, before: bytes) -> None:
    assert load_settings(environ(tmp_path / "cert.cer", before + pem))
    assert len(security_credential("password", before + pem)) == 344


def test_der(tmp_path: Path) -> None:
    assert load_settings(environ(tmp_path / "cert.cer", certificate().public_bytes(Encoding.DER)))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "no.cer"
    found = problems(production(MPESA_SECURITY_CREDENTIAL="", MPESA_CERTIFICATE_PATH=str(path)))
    assert found == [f"MPESA_CERTIFICATE_PATH: {path} cannot be read (No such file or directory)."]
    found = problems(production(MPESA_SECURITY_CREDENTIAL="", MPESA_CERTIFICATE_PATH=str(tmp_path)))
    assert found == [f"MPESA_CERTIFICATE_PATH: {tmp_path} cannot be read (Is a directory)."]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
)
def test_a_file_that_is_no_certificate(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cert.cer"
    words = "does not encrypt the password: the certificate is neither PEM nor DER X.509."
    assert problems(environ(path, content)) == [f"MPESA_CERTIFICATE_PATH: {path} {words}"]


def test_a_key_that_does_not_fit(tmp_path: Path, pem: bytes) -> None:
    path = tmp_path / "cert.cer"
    [found] = problems(environ(path, certificate(bits=0).public_bytes(Encoding.PEM)))
    assert found.endswith("does not encrypt the password: the certificate holds no RSA key.")
    [found] = problems(environ(path, pem, MPESA_INITIATOR_PASSWORD="canary" * 60))
    assert found.endswith("does not encrypt the password: the initiator password is too long for the key.")
    assert "canary" not in found


def test_the_simulator_writes_its_file_later(tmp_path: Path) -> None:
    later = str(tmp_path / "later.pem")
    assert load_settings(production(MPESA_ENVIRONMENT="simulator", MPESA_CERTIFICATE_PATH=later))


def test_dates_warn_and_do_not_stop_the_start(tmp_path: Path) -> None:
    old = certificate(end=datetime(2019, 5, 1, tzinfo=UTC)).public_bytes(Encoding.PEM)
    path = tmp_path / "cert.cer"
    settings = load_settings(environ(path, old))
    assert out_of_date(settings, NOW) == f"the certificate {path} is valid from 2018-05-01 to 2019-05-01"
    assert out_of_date(settings, datetime(2019, 4, 30, tzinfo=UTC)) is None
    path.write_bytes(b"")
    assert out_of_date(settings, NOW) is None
    assert out_of_date(load_settings(production()), NOW) is None
