"""One access token for all processes: cached, renewed early, fetched by one caller at a time.

A new token can invalidate the previous one (documented), so processes with separate tokens would
invalidate each other's. They share a TokenStore instead: a table, a cache, or the memory of a single
process. The store grants one caller a lease to fetch a token, and the others wait.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from mpesa_service.daraja.errors import DarajaError, NotSent, NotSetUp, Refused, Throttled

REFRESH_MARGIN = timedelta(seconds=60)
LEASE_SECONDS = 30.0  # longer than the slowest fetch, retries included, with the default time-outs
MAX_WAIT_SECONDS = 10.0
READ_AGAIN_AFTER = timedelta(seconds=30)
FIRST_POLL_SECONDS = 0.05
LONGEST_POLL_SECONDS = 0.5


def utc_now() -> datetime:
    """Return the current moment, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class Token:
    """An access token and the aware moment when it expires. The repr hides the value."""

    value: str = field(repr=False)
    expires_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Return whether it lives for more than another 60 s."""
        return self.expires_at - now > REFRESH_MARGIN


class TokenStore(Protocol):
    """Where the token is stored. When an implementation raises, nothing has been sent yet."""

    def read(self) -> Token | None:
        """Return the stored token, fresh or not."""
        ...

    def claim_refresh(self, stale: str | None, lease_seconds: float) -> bool:
        """Grant the right to fetch to exactly one caller, for this many seconds.

        False while another caller holds the lease, and when the stored token is fresh and differs from
        `stale`, because another caller was faster.
        """
        ...

    def save(self, token: Token) -> None:
        """Store a new token and end the lease."""
        ...

    def release(self) -> None:
        """End the lease after a fetch that failed."""
        ...


class InMemoryTokenStore:
    """A store for one process and all its threads."""

    def __init__(
        self,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None
        self._holder: int | None = None
        self._lease_ends: datetime | None = None

    def read(self) -> Token | None:
        with self._lock:
            return self._token

    def claim_refresh(self, stale: str | None, lease_seconds: float) -> bool:
        """Give the lease to one thread, unless the token has been renewed already."""
        now = self._clock()
        with self._lock:
            token = self._token
            if token is not None and token.value != stale and token.is_fresh(now):
                return False
            if self._lease_ends is not None and now < self._lease_ends:
                return False
            self._holder = threading.get_ident()
            self._lease_ends = now + timedelta(seconds=lease_seconds)
            return True

    def save(self, token: Token) -> None:
        with self._lock:
            self._token = token
            self._holder = self._lease_ends = None

    def release(self) -> None:
        """End the lease if this thread still holds it. After it expires, another thread may hold it."""
        with self._lock:
            if self._holder == threading.get_ident():
                self._holder = self._lease_ends = None


class TokenSource:
    """Returns the shared token, and ensures that only one caller fetches a new one.

    `fetch` requests a token from Daraja and returns it, or raises a DarajaError.
    """

    def __init__(
        self,
        store: TokenStore,
        fetch: Callable[[], Token],
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._fetch = fetch
        self._clock = clock
        self._sleep = sleep
        self._read: tuple[Token, datetime] | None = None

    def get(self) -> str:
        """Return a token that is valid for more than 60 s. Raises NotSent when there is none.

        The store is read again every 30 s: a token that was replaced meanwhile is refused before anything
        is done, and then `renew` reads.
        """
        now, read = self._clock(), self._read
        if read is not None and now - read[1] < READ_AGAIN_AFTER and read[0].is_fresh(now):
            return read[0].value
        return self._obtain(refused=None)

    def renew(self, refused: str) -> str:
        """Return another token than `refused`, which Daraja did not accept. Raises NotSent."""
        return self._obtain(refused)

    def _obtain(self, refused: str | None) -> str:
        waited, pause = 0.0, FIRST_POLL_SECONDS
        while True:
            token = self._store.read()
            if token is not None and token.value != refused and token.is_fresh(self._clock()):
                self._read = token, self._clock()
                return token.value
            if self._store.claim_refresh(token.value if token is not None else None, LEASE_SECONDS):
                return self._fetch_and_save()
            if waited >= MAX_WAIT_SECONDS:
                raise NotSent("another caller is still fetching the token", operation="oauth")
            self._sleep(pause)
            waited += pause
            pause = min(pause * 2, LONGEST_POLL_SECONDS)

    def _fetch_and_save(self) -> str:
        saved = False
        try:
            token = self._fetch()
            self._store.save(token)
            self._read = token, self._clock()
            saved = True
        except DarajaError as error:
            refused = isinstance(error, Refused) and not isinstance(error, Throttled)
            kind = NotSetUp if refused else NotSent
            raise kind(f"no access token: {error.args[0]}", operation="oauth") from error
        finally:
            if not saved:
                self._store.release()
        return token.value
