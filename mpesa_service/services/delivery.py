"""Sending outgoing events until they are received, at least once each.

    transaction 1   claim what is due (a lease)
    nothing open    the POSTs, each in a thread, 15 s at most
    transaction 2   what came of each

What dies in between is sent again when the lease runs out, under the same webhook-id.
"""

import logging
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.outgoing import Answer, Poster, signed_headers
from mpesa_service.services.delivery_claims import Parcel, Room, claim
from mpesa_service.services.delivery_outcomes import record
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)

THREADS = 64
STRUGGLING_THREADS = THREADS // 2
"""Receivers that do not answer never take more threads than these, however many there are."""
LOOK_EVERY = 0.25
"""Seconds between looks at what has become due, while attempts are under way."""
ROUND_SECONDS = 30.0

Flying = dict["Future[Answer]", Parcel]

_turn = threading.Lock()
stopping = threading.Event()
"""Set when this process is to end: it takes up nothing more."""


def deliver(runtime: Runtime) -> int:
    """Do one round of this process's; it begins to take up deliveries when the one before it ends that.

    So while one waits for receivers that hang, the next one serves the others, and never do both wait.
    """
    return deliver_due(runtime, turn=_turn, stop=stopping)


def deliver_due(
    runtime: Runtime,
    *,
    poster: Poster | None = None,
    chance: Callable[[], float] = random.random,
    seconds: float = ROUND_SECONDS,
    stop: threading.Event | None = None,
    turn: AbstractContextManager[Any] | None = None,
) -> int:
    """Send what is due, and what becomes due meanwhile; return how many attempts came to an end.

    Returns when nothing is due and nothing is under way. After `seconds`, or when `stop` is set, it
    takes up nothing new and waits for what is under way (15 s at most). Any number may run at once, in
    any number of processes; those that share a `turn` take up one after the other. `chance` returns 0
    to 1 and spreads the retries.
    """
    poster = poster or Poster(runtime.settings.webhook_networks)
    flying: Flying = {}
    ended = 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        with turn or nullcontext():
            ends = time.monotonic() + seconds
            while time.monotonic() < ends and not (stop is not None and stop.is_set()):
                parcels = _claim(runtime, flying)
                if parcels is None:
                    break
                flying.update({pool.submit(_attempt, runtime, poster, p): p for p in parcels})
                if not flying:
                    return ended
                ended += _conclude_some(runtime, flying, chance)
        while flying:
            ended += _conclude_some(runtime, flying, chance)
        return ended


def _claim(runtime: Runtime, flying: Flying) -> list[Parcel] | None:
    """Take up what there is room for; None when the database does not answer, and something is under way."""
    try:
        return claim(runtime, _room(flying))
    except SQLAlchemyError:
        if not flying:
            raise
        log.exception("nothing could be claimed; finishing what is under way")
        return None


def _room(flying: Flying) -> Room:
    struggling = sum(parcel.struggling for parcel in flying.values())
    return Room(THREADS - len(flying), STRUGGLING_THREADS - struggling)


def _attempt(runtime: Runtime, poster: Poster, parcel: Parcel) -> Answer:
    keys = [runtime.vault.decrypt(key) for key in parcel.secrets_encrypted]
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "mpesa-service",
        **signed_headers(keys, parcel.event_id, runtime.clock(), parcel.payload),
    }
    return poster.post(parcel.url, parcel.payload, headers)


def _conclude_some(runtime: Runtime, flying: Flying, chance: Callable[[], float]) -> int:
    done, _ = wait(flying, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
    return sum(_conclude(runtime, flying.pop(future), future, chance) for future in done)


def _conclude(
    runtime: Runtime, parcel: Parcel, future: "Future[Answer]", chance: Callable[[], float]
) -> bool:
    """Record an attempt; tell whether that worked. If not, its lease runs out, and it is made again."""
    about = {"delivery_id": parcel.delivery_id, "event_id": parcel.event_id}
    crash = future.exception()
    if crash is not None:
        log.error("webhook attempt crashed", exc_info=crash, extra=about)
        return False
    try:
        record(runtime, parcel, future.result(), chance())
    except SQLAlchemyError:
        log.exception("webhook attempt could not be recorded", extra=about)
        return False
    return True
