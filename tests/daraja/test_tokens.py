"""One token for all: margins, leases, waiting, and many threads at once."""

import threading
import time
from datetime import timedelta

import pytest

from mpesa_service.daraja import InMemoryTokenStore, NotSent, Refused, Token, TokenSource
from mpesa_service.daraja.sending import MAX_SLEEP_SECONDS, PATIENCE_SECONDS
from mpesa_service.daraja.tokens import LEASE_SECONDS, utc_now

from .conftest import make_settings


class Fetcher:
    """An OAuth that returns numbered tokens of one hour, and fails on request."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.calls = 0
        self.error: BaseException | None = None

    def __call__(self) -> Token:
        self.calls += 1
        if self.error is not None:
            raise self.error
        return Token(f"t{self.calls}", self.clock() + timedelta(seconds=3599))


@pytest.fixture
def store(clock):
    return InMemoryTokenStore(clock)


@pytest.fixture
def fetch(clock):
    return Fetcher(clock)


@pytest.fixture
def source(store, fetch, clock):
    return TokenSource(store, fetch, clock, clock.sleep)


def test_the_repr_hides_the_value(clock):
    assert "secret" not in repr(Token("secret", clock()))


def test_a_token_is_kept_until_sixty_seconds_before_its_end(source, fetch, clock):
    assert source.get() == "t1"
    clock.forward(3599 - 60 - 0.001)
    assert source.get() == "t1"
    clock.forward(0.001)
    assert source.get() == "t2"
    assert fetch.calls == 2


def test_a_refused_token_is_renewed_though_it_is_fresh(source, fetch):
    assert source.renew(source.get()) == "t2"
    assert source.get() == "t2"
    assert fetch.calls == 2


def test_a_token_that_somebody_renewed_is_taken_over(source, fetch, store, clock):
    source.get()
    store.save(Token("theirs", clock() + timedelta(hours=1)))
    assert source.renew("t1") == "theirs"
    assert fetch.calls == 1


def test_a_different_but_stale_token_does_not_count_as_renewed(source, fetch, store, clock):
    store.save(Token("old", clock() + timedelta(seconds=60)))
    assert source.renew("older") == "t1"


def test_a_race_lost_between_reading_and_claiming(store, fetch, clock):
    class Slow(InMemoryTokenStore):
        """A store in which somebody saves a token just before the claim."""

        def claim_refresh(self, stale, lease_seconds):
            self.save(Token("theirs", clock() + timedelta(hours=1)))
            return super().claim_refresh(stale, lease_seconds)

    assert TokenSource(Slow(clock), fetch, clock, clock.sleep).get() == "theirs"
    assert (fetch.calls, clock.naps) == (0, [0.05])


def test_a_failed_fetch_is_not_sent_and_leaves_no_lease(source, fetch):
    fetch.error = Refused("HTTP 400 400.008.01", operation="oauth")
    with pytest.raises(NotSent, match=r"oauth: no access token: HTTP 400 400\.008\.01") as caught:
        source.get()
    assert caught.value.__cause__ is fetch.error
    fetch.error = None
    assert source.get() == "t2"


def test_any_other_failure_leaves_no_lease_either(source, fetch):
    fetch.error = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        source.get()
    fetch.error = None
    assert source.get() == "t2"


def test_a_store_that_cannot_save_does_not_keep_the_lease(source, store, monkeypatch):
    def full(token):
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "save", full)
        with pytest.raises(OSError, match="disk full"):
            source.get()
    assert source.get() == "t2"


def test_waiting_for_another_is_bounded(source, store, fetch, clock):
    in_another_thread(lambda: store.claim_refresh(None, 30.0))
    with pytest.raises(NotSent, match="another caller"):
        source.get()
    assert fetch.calls == 0
    assert 10.0 <= sum(clock.naps) <= 10.5
    assert clock.naps[:5] == [0.05, 0.1, 0.2, 0.4, 0.5]
    assert max(clock.naps) == 0.5


def test_a_dead_holder_blocks_only_as_long_as_its_lease(source, store, fetch, clock):
    in_another_thread(lambda: store.claim_refresh(None, 2.0))
    assert source.get() == "t1"
    assert 2.0 <= sum(clock.naps) <= 2.5


def test_a_waiter_takes_what_the_holder_brings(store, fetch, clock):
    store.claim_refresh(None, 30.0)

    def sleep(seconds):
        clock.sleep(seconds)
        if len(clock.naps) == 3:
            store.save(Token("theirs", clock() + timedelta(hours=1)))

    assert TokenSource(store, fetch, clock, sleep).get() == "theirs"
    assert (fetch.calls, len(clock.naps)) == (0, 3)


def test_claims(store, clock):
    assert store.claim_refresh(None, 5.0)
    assert not store.claim_refresh(None, 5.0)
    clock.forward(4.999)
    assert not store.claim_refresh(None, 5.0)
    clock.forward(0.001)
    assert store.claim_refresh(None, 5.0)
    store.save(Token("t", clock() + timedelta(hours=1)))
    assert not store.claim_refresh(None, 5.0)
    assert not store.claim_refresh("older", 5.0)
    assert store.claim_refresh("t", 5.0)
    store.release()
    assert store.claim_refresh("t", 5.0)


def test_a_token_about_to_end_can_be_claimed_by_anyone(store, clock):
    store.save(Token("t", clock() + timedelta(seconds=60)))
    assert store.claim_refresh("older", 5.0)


def test_only_the_holder_can_release(store):
    assert store.claim_refresh(None, 5.0)
    in_another_thread(store.release)
    assert not store.claim_refresh(None, 5.0)


def test_the_lease_outlives_the_slowest_fetch():
    slowest = PATIENCE_SECONDS + MAX_SLEEP_SECONDS + 2 * make_settings().read_timeout
    assert slowest <= LEASE_SECONDS < slowest + 5


def test_many_threads_fetch_once():
    calls = []

    def fetch():
        calls.append(threading.get_ident())
        time.sleep(0.05)  # long enough for every other thread to arrive
        return Token(f"t{len(calls)}", utc_now() + timedelta(hours=1))

    source = TokenSource(InMemoryTokenStore(), fetch)
    assert all_at_once(20, source.get) == ["t1"] * 20
    assert all_at_once(20, lambda: source.renew("t1")) == ["t2"] * 20
    assert len(calls) == 2


def in_another_thread(work):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def all_at_once(count, work):
    barrier, results = threading.Barrier(count), []

    def run():
        barrier.wait()
        results.append(work())

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
