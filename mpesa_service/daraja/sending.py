"""How a request is sent: with the shared token, and with one rule for repetition.

After a refused access token, the sender renews the token once and sends the request once more. After
a spike arrest, it waits and sends again. Daraja refused both before processing. A request on which
Daraja may have acted is repeated only if it is a read.
"""

import random
import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import requests

from mpesa_service.daraja.codes import ErrorKind
from mpesa_service.daraja.errors import DarajaError, InvalidToken, NotSent, OutcomeUnknown, Throttled
from mpesa_service.daraja.settings import DarajaSettings
from mpesa_service.daraja.tokens import InMemoryTokenStore, Token, TokenSource, TokenStore, utc_now
from mpesa_service.daraja.transport import Call, Transport
from mpesa_service.daraja.verdicts import DarajaAnswer

OAUTH_PATH = "/oauth/v1/generate?grant_type=client_credentials"
LONGEST_TOKEN_LIFE = 24 * 3600

_TOKEN = re.compile(r"[\x21-\x7e]{1,2048}")
_SECONDS = re.compile(r"[0-9]{1,6}")

Body = Mapping[str, object]


MAX_RETRIES = 2
MAX_SLEEP_SECONDS = 4.0
PATIENCE_SECONDS = 5.0


class Pauses:
    """The waits of one call: at most two, at most 4 s in all, jittered.

    No wait starts once the call has taken 5 s, because a caller in a web request waits.
    """

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sleep = sleep
        self._rng = rng if rng is not None else random.Random()
        self._monotonic = monotonic
        self._started = monotonic()
        self._taken = 0
        self._slept = 0.0

    def take(self, at_least: float | None = None) -> bool:
        """Sleep before another attempt, and return True; return False when there must be none.

        The first wait is 0.5 to 1 s, the second 1 to 2 s, unless `at_least` (seconds) is more.
        """
        if self._taken >= MAX_RETRIES or self._monotonic() - self._started > PATIENCE_SECONDS:
            return False
        base = 2.0**self._taken
        pause = max(self._rng.uniform(base / 2, base), at_least or 0.0)
        if self._slept + pause > MAX_SLEEP_SECONDS:
            return False
        self._sleep(pause)
        self._taken += 1
        self._slept += pause
        return True


def may_retry(error: DarajaError, *, reads: bool) -> bool:
    """Return whether the same request may be sent again after a pause.

    After a spike arrest any request may, because Daraja refused it before processing. A quota does not
    recover within seconds. Without an answer, only a request that cannot move money is repeated.
    """
    if isinstance(error, Throttled):
        return error.entry is None or error.entry.kind is not ErrorKind.QUOTA
    return reads and isinstance(error, OutcomeUnknown | NotSent)


class Sender:
    """Posts bodies for one app, as its caller DarajaClient explains. Safe to share between threads."""

    def __init__(
        self,
        settings: DarajaSettings,
        token_store: TokenStore | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], None] = time.sleep,
        session: requests.Session | None = None,
        rng: random.Random | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._sleep = sleep
        self._rng = rng if rng is not None else random.Random()
        self._monotonic = monotonic
        self._transport = Transport(
            settings.base_url,
            connect_timeout=settings.connect_timeout,
            read_timeout=settings.read_timeout,
            session=session,
            monotonic=monotonic,
        )
        store = token_store if token_store is not None else InMemoryTokenStore(clock)
        self._tokens = TokenSource(store, self._fetch_token, clock, sleep)

    def close(self) -> None:
        """Close idle connections; the sender stays usable."""
        self._transport.close()

    def post(
        self, operation: str, path: str, body: Callable[[], Body], *, reads: bool = False
    ) -> DarajaAnswer:
        """Post with the shared token; renew it once if it is refused. `body` is called for each attempt.

        `reads` marks requests that cannot move money. Raises NotSent, OutcomeUnknown or Refused.
        """
        token = self._tokens.get()
        pauses = self._pauses()

        def attempt(bearer: str) -> DarajaAnswer:
            def make() -> Call:
                return Call(
                    operation=operation,
                    method="POST",
                    path=path,
                    authorization=f"Bearer {bearer}",
                    body=body(),
                    reads=reads,
                )

            return self._persist(make, pauses)

        try:
            return attempt(token)
        except InvalidToken:
            pass
        return attempt(self._tokens.renew(token))

    def _persist(self, make: Callable[[], Call], pauses: Pauses) -> DarajaAnswer:
        """Send, and send again after a pause where that is safe."""
        while True:
            call = make()
            try:
                return self._transport.call(call)
            except DarajaError as error:
                if not may_retry(error, reads=call.reads):
                    raise
                if not pauses.take(error.retry_after):
                    raise

    def _pauses(self) -> Pauses:
        return Pauses(self._sleep, self._rng, self._monotonic)

    def _fetch_token(self) -> Token:
        settings = self._settings
        pair = f"{settings.consumer_key}:{settings.consumer_secret}"
        call = Call(
            operation="oauth",
            method="GET",
            path=OAUTH_PATH,
            authorization=f"Basic {b64encode(pair.encode()).decode()}",
            reads=True,
        )
        last_checked_at = self._clock()
        body = self._persist(lambda: call, self._pauses()).body or {}
        value, life = body.get("access_token"), str(body.get("expires_in"))
        if not isinstance(value, str) or not _TOKEN.fullmatch(value):
            raise OutcomeUnknown("the answer contains no access token", operation="oauth")
        if not _SECONDS.fullmatch(life) or not 0 < int(life) <= LONGEST_TOKEN_LIFE:
            raise OutcomeUnknown("expires_in is no number of seconds", operation="oauth")
        return Token(value, last_checked_at + timedelta(seconds=int(life)))
