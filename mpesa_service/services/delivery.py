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

from sqlalchemy.exc import SQLAlchemyError

from mpesa_service.outgoing import Answer, Poster, signed_headers
from mpesa_service.services.delivery_claims import Parcel, Room, claim
from mpesa_service.services.delivery_outcomes import record
from mpesa_service.services.runtime import Runtime

log = logging.getLogger(__name__)

THREADS = 32
STRUGGLING_THREADS = THREADS // 2
"""Receivers that do not answer never take more threads than these, however many there are."""
LOOK_EVERY = 0.25
"""Seconds between looks at what has become due, while attempts are under way."""
ROUND_SECONDS = 30.0

Flying = dict["Future[Answer]", Parcel]


def deliver_due(
    runtime: Runtime,
    *,
    poster: Poster | None = None,
    chance: Callable[[], float] = random.random,
    seconds: float = ROUND_SECONDS,
    stop: threading.Event | None = None,
) -> int:
    """Send what is due, and what becomes due meanwhile; return how many attempts came to an end.

    Returns when nothing is due and nothing is under way. After `seconds`, or when `stop` is set, it
    takes up nothing new and waits for what is under way (15 s at most): call it again, best from two
    processes or threads, so that one takes up what comes while the other waits. Any number may run at
    once. `chance` returns 0 to 1 and spreads the retries.
    """
    poster = poster or Poster(runtime.settings.webhook_networks)
    ends = time.monotonic() + seconds
    flying: Flying = {}
    ended = 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        while True:
            if time.monotonic() < ends and not (stop is not None and stop.is_set()):
                try:
                    parcels = claim(runtime, _room(flying))
                except SQLAlchemyError:
                    if not flying:
                        raise
                    log.exception("nothing could be claimed; finishing what is under way")
                    parcels, ends = [], 0.0
                flying.update({pool.submit(_attempt, runtime, poster, p): p for p in parcels})
            if not flying:
                return ended
            done, _ = wait(flying, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
            ended += sum(_conclude(runtime, flying.pop(future), future, chance) for future in done)


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
