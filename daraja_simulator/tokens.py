"""Access tokens: their apps and when they expire."""

from datetime import datetime, timedelta

from daraja_simulator import ids


class TokenStore:
    """Issues and checks access tokens. The consumer key identifies an app."""

    def __init__(self) -> None:
        self._tokens: dict[str, tuple[str, datetime]] = {}

    def issue(self, app_key: str, now: datetime, lifetime: float, *, keep_old: bool) -> str:
        """Return a new token. Without `keep_old`, it invalidates the app's older tokens (portal FAQ)."""
        self._tokens = {
            token: (app, expires)
            for token, (app, expires) in self._tokens.items()
            if expires > now and (keep_old or app != app_key)
        }
        token = ids.access_token()
        self._tokens[token] = (app_key, now + timedelta(seconds=lifetime))
        return token

    def app_of(self, token: str, now: datetime) -> str | None:
        """Return the app of this token, or None if the token is invalid or expired."""
        app_key, expires = self._tokens.get(token, (None, now))
        return app_key if now < expires else None

    def revoke_all(self) -> None:
        """Invalidate every token."""
        self._tokens.clear()
