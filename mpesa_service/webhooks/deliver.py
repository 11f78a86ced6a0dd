"""Sending outgoing events until they are received, at least once each.

    transaction 1   claim what is due (a lease), a bundle for each lane of an endpoint
    nothing open    the POSTs of a bundle, one after the other, in a thread, 15 s at most each
    transaction 2   what came of them

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

from mpesa_service.core.runtime import Runtime
from mpesa_service.webhooks.claim import Bundle, Room, Sizes, claim
from mpesa_service.webhooks.outcome import Sent, record
from mpesa_service.webhooks.posting import Poster
from mpesa_service.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

THREADS = 64
STRUGGLING_THREADS = THREADS // 2
"""Receivers that do not answer never take more threads than these, however many there are."""
LOOK_EVERY = 0.25
"""Seconds between looks at what has become due, while attempts are under way."""
ROUND_SECONDS = 30.0
BUNDLE_SECONDS = 1.0
"""So long a lane goes on posting; what it has not begun then is given back. The lease outlasts it by far."""
HEADERS = {"Content-Type": "application/json", "User-Agent": "mpesa-service"}

Flying = dict["Future[Sent]", Bundle]

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
    takes up nothing new and waits for what is under way (16 s at most). Any number may run at once, in
    any number of processes; those that share a `turn` take up one after the other. `chance` returns 0
    to 1 and spreads the retries.
    """
    poster = poster or Poster(runtime.settings.webhook_networks)
    flying: Flying = {}
    sizes, ended = Sizes(), 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        with turn or nullcontext():
            ends = time.monotonic() + seconds
            while time.monotonic() < ends and not (stop is not None and stop.is_set()):
                bundles = _claim(runtime, flying, sizes)
                if bundles is None:
                    break
                flying.update({pool.submit(send, runtime, poster, b): b for b in bundles})
                if not flying:
                    return ended
                ended += _conclude_some(runtime, flying, sizes, chance)
        while flying:
            ended += _conclude_some(runtime, flying, sizes, chance)
        return ended


def _claim(runtime: Runtime, flying: Flying, sizes: Sizes) -> list[Bundle] | None:
    """Take up what there is room for; None when the database does not answer, and something is under way."""
    try:
        return claim(runtime, _room(flying), sizes)
    except SQLAlchemyError:
        if not flying:
            raise
        log.exception("nothing could be claimed; finishing what is under way")
        return None


def _room(flying: Flying) -> Room:
    struggling = sum(bundle.struggling for bundle in flying.values())
    return Room(THREADS - len(flying), STRUGGLING_THREADS - struggling)


def send(runtime: Runtime, poster: Poster, bundle: Bundle) -> Sent:
    """Post the parcels of a bundle one after the other, as long as they are received and that is quick."""
    sent, ends = Sent(bundle), time.monotonic() + BUNDLE_SECONDS
    try:
        keys = [runtime.vault.decrypt(key) for key in bundle.secrets_encrypted]
        for parcel in bundle.parcels:
            headers = {**HEADERS, **signed_headers(keys, parcel.event_id, runtime.clock(), parcel.payload)}
            sent.answers.append(poster.post(bundle.url, parcel.payload, headers))
            if not sent.answers[-1].is_received or time.monotonic() > ends:
                break
    except Exception:  # what it has done is not known
        sent.crashed = True
        parcel = bundle.parcels[len(sent.answers)]
        about = {"delivery_id": parcel.delivery_id, "event_id": parcel.event_id}
        log.exception("webhook attempt crashed", extra=about)
    return sent


def _conclude_some(runtime: Runtime, flying: Flying, sizes: Sizes, chance: Callable[[], float]) -> int:
    done, _ = wait(flying, timeout=LOOK_EVERY, return_when=FIRST_COMPLETED)
    by_endpoint: dict[str, list[Sent]] = {}
    for future in done:
        endpoint_id, sent = flying.pop(future).endpoint_id, future.result()
        by_endpoint.setdefault(endpoint_id, []).append(sent)
        sizes.learn(endpoint_id, len(sent.answers), len(sent.not_begun))
    return sum(_conclude(runtime, *one, chance) for one in by_endpoint.items())


def _conclude(runtime: Runtime, endpoint_id: str, sent: list[Sent], chance: Callable[[], float]) -> int:
    """Record attempts; return how many. If that fails, their leases run out, and they are made again."""
    try:
        return record(runtime, endpoint_id, sent, chance)
    except SQLAlchemyError:
        log.exception("webhook attempts could not be recorded", extra={"endpoint_id": endpoint_id})
        return 0
