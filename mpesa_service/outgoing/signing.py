"""Signatures of Standard Webhooks 1.0.0, symmetric scheme `v1`."""

import hashlib
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a secret as receivers keep it: `whsec_` and 32 random bytes in base64."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(keys: Iterable[str], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return id, timestamp (Unix seconds) and one signature a key, with a space between, for `body`."""
    stamp = str(int(at.timestamp()))
    message = f"{event_id}.{stamp}.".encode() + body
    return {
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(_signature(key, message) for key in keys),
    }


def _signature(key: str, message: bytes) -> str:
    digest = hmac.new(b64decode(key.removeprefix(PREFIX)), message, hashlib.sha256).digest()
    return f"v1,{b64encode(digest).decode()}"
