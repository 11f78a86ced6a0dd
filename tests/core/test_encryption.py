"""Encryption at rest, and keyed hashes for look-ups."""

from cryptography.fernet import Fernet

from mpesa_service.core.encryption import Vault
from tests.support import ENCRYPTION_KEY, SECRET


class TestVault:
    def test_rotation(self) -> None:
        old, new = ENCRYPTION_KEY, Fernet.generate_key().decode()
        written = Vault([old], SECRET).encrypt("254712345678")
        both = Vault([new, old], SECRET)
        assert both.decrypt(written) == "254712345678"
        assert Vault([new], SECRET).decrypt(both.rotate(written)) == "254712345678"

    def test_fingerprints_depend_on_purpose_key_and_text(self) -> None:
        vault = Vault([ENCRYPTION_KEY], SECRET)
        marks = {
            vault.fingerprint("phone", "1"),
            vault.fingerprint("phone", "2"),
            vault.fingerprint("checkout", "1"),
            Vault([ENCRYPTION_KEY], SECRET + "x").fingerprint("phone", "1"),
        }
        assert len(marks) == 4
        assert vault.fingerprint("phone", "1") == Vault([ENCRYPTION_KEY], SECRET).fingerprint("phone", "1")
