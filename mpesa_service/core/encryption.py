"""Encryption at rest, and the blind indexes that find encrypted values."""

import base64
import hashlib
import hmac
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from mpesa_service.domain.phones import mask_msisdn

MASKS_REMEMBERED = 10_000
ID_LENGTH = 32


class Encryption:
    """Encrypts with the newest key, decrypts with any key, and hashes with a separate key.

    Encryption is randomized: equal texts have different ciphertexts. `blind_index` makes the blind index that
    finds them. Rotation: put a new key first, run `mpesa keys rotate`, then remove the old key.
    """

    def __init__(self, encryption_keys: Sequence[str], hash_key: str) -> None:
        self._newest = Fernet(encryption_keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in encryption_keys])
        self._hash_key = hash_key.encode()
        self.key_ids = [_key_id(key) for key in encryption_keys]
        """One-way hashes of the encryption keys, the newest first."""
        self.hash_key_id = self.blind_index("key", "id")[:ID_LENGTH]
        self._masks: dict[str, str] = {}

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode())

    def encrypt_bytes(self, data: bytes) -> bytes:
        return self._fernet.encrypt(data)

    def decrypt(self, ciphertext: bytes) -> str:
        return self._fernet.decrypt(ciphertext).decode()

    def masked(self, ciphertext: bytes, blind_index: str) -> str:
        """Return an encrypted phone number, masked. Results are cached by hash: decryption is slow."""
        known = self._masks.get(blind_index)
        if known is None:
            if len(self._masks) >= MASKS_REMEMBERED:
                self._masks.clear()
            known = self._masks[blind_index] = mask_msisdn(self.decrypt(ciphertext))
        return known

    def opens(self, ciphertext: bytes, *, newest: bool = False) -> bool:
        """Return whether a key decrypts the text; with `newest`, whether the newest key does."""
        try:
            (self._newest if newest else self._fernet).decrypt(ciphertext)
        except InvalidToken:
            return False
        return True

    def decrypt_bytes(self, ciphertext: bytes) -> bytes:
        return self._fernet.decrypt(ciphertext)

    def rotate(self, ciphertext: bytes) -> bytes:
        """Return the same text, encrypted with the newest key."""
        return self._fernet.rotate(ciphertext)

    def blind_index(self, purpose: str, text: str) -> str:
        """Return a keyed hash (HMAC-SHA256, 64 hex digits) of `text`, different for each purpose."""
        message = f"{purpose}\0{text}".encode()
        return hmac.digest(self._hash_key, message, "sha256").hex()


def _key_id(key: str) -> str:
    """Return a one-way hash of an encryption key, by which processes compare their keys."""
    return hashlib.sha256(b"mpesa_service key\0" + base64.urlsafe_b64decode(key)).hexdigest()[:ID_LENGTH]


def token_hash(token: str) -> str:
    """Return the SHA-256 of a random token; only this is stored. A random token needs no keyed hash."""
    return hashlib.sha256(token.encode()).hexdigest()
