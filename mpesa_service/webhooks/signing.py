"""Signs events by Standard Webhooks 1.0.0 (symmetric scheme `v1`), with the `standardwebhooks` library."""

import secrets
from base64 import b64encode
from collections.abc import Iterable
from datetime import UTC, datetime

from standardwebhooks import Webhook

PREFIX = "whsec_"
SECRET_BYTES = 32


def new_secret() -> str:
    """Return a new secret in the form that receivers store: `whsec_` and 32 random bytes in base64."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(keys: Iterable[str], event_id: str, at: datetime, body: bytes) -> dict[str, str]:
    """Return the id, the timestamp (Unix seconds) and one signature for each key, separated by spaces.

    `body` is UTF-8 text. `at` has a time zone.
    """
    # The library does not convert time zones: it treats any time as UTC.
    at, text = at.astimezone(UTC), body.decode()
    return {
        "webhook-id": event_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(event_id, at, text) for key in keys),
    }
