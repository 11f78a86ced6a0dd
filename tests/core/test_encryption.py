"""Encryption at rest, and keyed hashes for look-ups."""

from cryptography.fernet import Fernet

from mpesa_service.core.encryption import Encryption
from tests.support import ENCRYPTION_KEY, SECRET


class TestEncryption:
    def test_rotation(self) -> None:
        old, new = ENCRYPTION_KEY, Fernet.generate_key().decode()
        written = Encryption([old], SECRET).encrypt("254712345678")
        both = Encryption([new, old], SECRET)
        assert both.decrypt(written) == "254712345678"
        assert Encryption([new], SECRET).decrypt(both.rotate(written)) == "254712345678"

    def test_blind_indexes_depend_on_purpose_key_and_text(self) -> None:
        encryption = Encryption([ENCRYPTION_KEY], SECRET)
        marks = {
            encryption.blind_index("phone", "1"),
            encryption.blind_index("phone", "2"),
            encryption.blind_index("checkout", "1"),
            Encryption([ENCRYPTION_KEY], SECRET + "x").blind_index("phone", "1"),
        }
        assert len(marks) == 4
        assert encryption.blind_index("phone", "1") == Encryption([ENCRYPTION_KEY], SECRET).blind_index(
            "phone", "1"
        )
