"""The limits of callers and of phone numbers, and the counters in memory."""

import contextlib
import threading
import time

import pytest
from limits.storage import RedisStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter

from mpesa_service.config import Settings, load_settings
from mpesa_service.core import process_counters, rate_limits
from mpesa_service.core.process_counters import ProcessCounters
from mpesa_service.core.rate_limits import PromptLimit, storage_uri
from mpesa_service.errors import LimitExceeded
from tests.support import environment

NO_OWNER = "redis://127.0.0.1:9/0"


def settings(**env: str) -> Settings:
    return load_settings(environment(**{"RATELIMIT_ENABLED": "true", **env}))


class TestPromptLimit:
    def test_five_prompts_a_number(self) -> None:
        limit = PromptLimit(settings())
        for _ in range(5):
            limit.check("one")
            limit.count("one")
        with pytest.raises(LimitExceeded) as refused:
            limit.check("one")
        assert refused.value.code == "prompt_limit"
        assert 590 < refused.value.retry_after <= 601
        limit.check("another")

    def test_checking_counts_nothing(self) -> None:
        limit = PromptLimit(settings(RATELIMIT_PROMPTS="1 per minute"))
        for _ in range(5):
            limit.check("one")
        limit.count("one")
        with pytest.raises(LimitExceeded):
            limit.check("one")

    @pytest.mark.parametrize(("enabled", "allowed"), [("true", 1), ("false", 9)])
    def test_turned_on_and_off(self, enabled: str, allowed: int) -> None:
        limit = PromptLimit(settings(RATELIMIT_ENABLED=enabled, RATELIMIT_PROMPTS="1 per minute"))
        prompts = 0
        with contextlib.suppress(LimitExceeded):
            while prompts < 9:
                limit.check("one")
                limit.count("one")
                prompts += 1
        assert prompts == allowed

    def test_a_store_that_is_away_makes_it_count_here(self) -> None:
        limit = PromptLimit(settings(RATELIMIT_PROMPTS="1 per minute", RATELIMIT_STORAGE_URI=NO_OWNER))
        limit.check("one")
        limit.count("one")
        with pytest.raises(LimitExceeded):
            limit.check("one")

    def test_a_store_that_is_away_is_left_alone_for_a_while(
        self, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        limit = PromptLimit(settings(RATELIMIT_STORAGE_URI=NO_OWNER))
        limit.count("one")
        limit.count("one")
        assert [record.message for record in caplog.records] == [
            "rate limit store unreachable; counting in this process"
        ]
        monkeypatch.setattr(rate_limits, "RETRY_SECONDS", 0.0)
        limit = PromptLimit(settings(RATELIMIT_STORAGE_URI=NO_OWNER))
        limit.count("one")
        limit.count("one")
        assert len(caplog.records) == 3


class TestStorage:
    @pytest.mark.parametrize(
        ("uri", "storage"), [("memory://", ProcessCounters), ("redis://127.0.0.1:9/0", RedisStorage)]
    )
    def test_requests_are_counted_where_the_settings_say(self, uri: str, storage: type[Storage]) -> None:
        found = storage_uri(settings(RATELIMIT_STORAGE_URI=uri))
        assert isinstance(storage_from_string(found), storage)


@pytest.mark.parametrize("strategy", [FixedWindowRateLimiter, MovingWindowRateLimiter])
class TestProcessCounters:
    """Our counters and the library's own counters give the same answers."""

    def test_as_the_librarys_do(
        self,
        strategy: type[FixedWindowRateLimiter | MovingWindowRateLimiter],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        now = 1_000.0
        monkeypatch.setattr(time, "time", lambda: now)
        item = rate_limits.parse("3 per 10 seconds")
        ours, theirs = strategy(ProcessCounters()), strategy(storage_from_string("memory://"))
        for step in (0, 4, 0, 0, 3, 2.5, 1, 0, 4, 0, 30, 0, 0, 0, 10.5, 0):
            now += step
            assert ours.test(item, "key") == theirs.test(item, "key")
            assert ours.hit(item, "key") == theirs.hit(item, "key"), now
            found, wanted = ours.get_window_stats(item, "key"), theirs.get_window_stats(item, "key")
            assert found.reset_time == pytest.approx(wanted.reset_time)
            assert max(found.remaining, 0) == max(wanted.remaining, 0)
        ours.clear(item, "key")
        assert ours.get_window_stats(item, "key").remaining == 3

    def test_threads_lose_no_hit(
        self, strategy: type[FixedWindowRateLimiter | MovingWindowRateLimiter]
    ) -> None:
        limiter, item = strategy(ProcessCounters()), rate_limits.parse("1000 per hour")

        def hit() -> None:
            for _ in range(100):
                limiter.hit(item, "key")

        threads = [threading.Thread(target=hit) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert limiter.get_window_stats(item, "key").remaining == 200

    def test_what_has_expired_is_forgotten(
        self,
        strategy: type[FixedWindowRateLimiter | MovingWindowRateLimiter],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        now = 1_000.0
        monkeypatch.setattr(time, "time", lambda: now)
        counters = ProcessCounters()
        limiter = strategy(counters)
        for number in range(5):
            limiter.hit(rate_limits.parse("1 per second"), str(number))
        limiter.hit(rate_limits.parse("1 per hour"), "hour")
        now += process_counters.SWEEP_SECONDS
        limiter.hit(rate_limits.parse("1 per second"), "after")
        assert counters.reset() == 2
        assert counters.reset() == 0


def test_memory_is_always_there() -> None:
    counters = ProcessCounters()
    assert counters.check()
    assert counters.base_exceptions == ()
