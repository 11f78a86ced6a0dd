"""Sends each outgoing event until it is received, at least once.

    transaction 1    claim due deliveries (a lease), a bundle for each lane of an endpoint
    no transaction   post a bundle's deliveries one after the other, in a thread, 15 s at most each
    transaction 2    record the results

If the worker dies in between, the deliveries are sent again when the lease ends, under the same webhook-id.
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
from mpesa_service.webhooks.claim import Bundle, Capacity, Sizes, claim
from mpesa_service.webhooks.outcome import Sent, record
from mpesa_service.webhooks.posting import Poster
from mpesa_service.webhooks.signing import signed_headers

log = logging.getLogger(__name__)

THREADS = 64
STRUGGLING_THREADS = THREADS // 2
"""The most threads that receivers which do not answer can take together."""
POLL_SECONDS = 0.25
"""Seconds between searches for due deliveries while attempts are in progress."""
ROUND_SECONDS = 30.0
BUNDLE_SECONDS = 1.0
"""After this time a lane begins no more posts, and releases the rest. The lease is far longer."""
HEADERS = {"Content-Type": "application/json", "User-Agent": "mpesa-service"}

InFlight = dict["Future[Sent]", Bundle]

_claim_lock = threading.Lock()
stopping = threading.Event()
"""Set when this process must end: it claims no more deliveries."""


def deliver(runtime: Runtime) -> int:
    """Run one round of deliveries in this process. It claims deliveries when the round before it has stopped.

    So the next round serves other receivers while one round waits for receivers that hang, and only one round
    at a time claims.
    """
    return deliver_due(runtime, claim_lock=_claim_lock, stop=stopping)


def deliver_due(
    runtime: Runtime,
    *,
    poster: Poster | None = None,
    chance: Callable[[], float] = random.random,
    seconds: float = ROUND_SECONDS,
    stop: threading.Event | None = None,
    claim_lock: AbstractContextManager[Any] | None = None,
) -> int:
    """Send due deliveries, also those that become due meanwhile; return how many attempts finished.

    Returns when nothing is due and no attempt is in progress. After `seconds`, or when `stop` is set, it
    claims no more and waits for the attempts in progress (16 s at most). Any number of calls may run at once,
    in any number of processes. Calls that share a `claim_lock` claim one after the other. `chance` returns 0
    to 1 and spreads the retries.
    """
    poster = poster or Poster(runtime.settings.webhook_networks)
    in_flight: InFlight = {}
    sizes, ended = Sizes(), 0
    with ThreadPoolExecutor(THREADS, thread_name_prefix="webhook") as pool:
        with claim_lock or nullcontext():
            ends = time.monotonic() + seconds
            while time.monotonic() < ends and not (stop is not None and stop.is_set()):
                bundles = _claim(runtime, in_flight, sizes)
                if bundles is None:
                    break
                in_flight.update({pool.submit(send, runtime, poster, b): b for b in bundles})
                if not in_flight:
                    return ended
                ended += _conclude_some(runtime, in_flight, sizes, chance)
        while in_flight:
            ended += _conclude_some(runtime, in_flight, sizes, chance)
        return ended


def _claim(runtime: Runtime, in_flight: InFlight, sizes: Sizes) -> list[Bundle] | None:
    """Claim as many bundles as the threads allow.

    Return None if the database does not answer while attempts are in progress.
    """
    try:
        return claim(runtime, _capacity(in_flight), sizes)
    except SQLAlchemyError:
        if not in_flight:
            raise
        log.exception("no deliveries could be claimed; finishing the attempts in progress")
        return None


def _capacity(in_flight: InFlight) -> Capacity:
    struggling = sum(bundle.struggling for bundle in in_flight.values())
    return Capacity(THREADS - len(in_flight), STRUGGLING_THREADS - struggling)


def send(runtime: Runtime, poster: Poster, bundle: Bundle) -> Sent:
    """Post the parcels of a bundle one after the other. Stop after one that is not received, or when late."""
    sent, ends = Sent(bundle), time.monotonic() + BUNDLE_SECONDS
    try:
        keys = [runtime.encryption.decrypt(key) for key in bundle.secrets_encrypted]
        for parcel in bundle.parcels:
            headers = {**HEADERS, **signed_headers(keys, parcel.event_id, runtime.clock(), parcel.payload)}
            sent.answers.append(poster.post(bundle.url, parcel.payload, headers))
            if not sent.answers[-1].is_received or time.monotonic() > ends:
                break
    except Exception:  # it is not known whether the receiver got the event
        sent.crashed = True
        parcel = bundle.parcels[len(sent.answers)]
        about = {"delivery_id": parcel.delivery_id, "event_id": parcel.event_id}
        log.exception("webhook attempt crashed", extra=about)
    return sent


def _conclude_some(runtime: Runtime, in_flight: InFlight, sizes: Sizes, chance: Callable[[], float]) -> int:
    done, _ = wait(in_flight, timeout=POLL_SECONDS, return_when=FIRST_COMPLETED)
    by_endpoint: dict[str, list[Sent]] = {}
    for future in done:
        endpoint_id, sent = in_flight.pop(future).endpoint_id, future.result()
        by_endpoint.setdefault(endpoint_id, []).append(sent)
        sizes.update(endpoint_id, len(sent.answers), len(sent.not_begun))
    return sum(_conclude(runtime, *one, chance) for one in by_endpoint.items())


def _conclude(runtime: Runtime, endpoint_id: str, sent: list[Sent], chance: Callable[[], float]) -> int:
    """Record attempts; return how many. If that fails, their leases end, and the attempts are repeated."""
    try:
        return record(runtime, endpoint_id, sent, chance)
    except SQLAlchemyError:
        log.exception("webhook attempts could not be recorded", extra={"endpoint_id": endpoint_id})
        return 0
