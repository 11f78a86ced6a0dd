"""When a call is sent again, and how long it waits before that."""

import random
import time
from collections.abc import Callable

from mpesa_service.daraja.codes import ErrorKind
from mpesa_service.daraja.errors import DarajaError, NotSent, OutcomeUnknown, Throttled

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
