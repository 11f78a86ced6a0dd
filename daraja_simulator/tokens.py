"""Access tokens: who holds which, and until when."""

from datetime import datetime, timedelta

from daraja_simulator import ids


class TokenDesk:
    """Issues tokens to apps, by consumer key."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def issue(self, app_key: str, now: datetime, lifetime: float, *, keep_old: bool) -> str:
        """Return a new token; unless `keep_old`, the app's earlier ones die (portal FAQ)."""
        self._tokens = {
            token: (holder, expires)
            for token, (holder, expires) in self._tokens.items()
            if expires > now and (keep_old or holder != app_key)
        }
        token = ids.access_token()
        self._tokens[token] = (app_key, now + timedelta(seconds=lifetime))
        return token

    def holder(self, token: str, now: datetime) -> str | None:
        """Return the app that holds this token, or None when it is unknown, dead or expired."""
        app_key, expires = self._tokens.get(token, (None, now))
        return app_key if now < expires else None

    def revoke_all(self) -> None:
        """Kill every token at once."""
        self._tokens.clear()
