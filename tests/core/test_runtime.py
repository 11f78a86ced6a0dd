"""The clock and the jitter of a runtime."""

from datetime import timedelta

from mpesa_service.config import load_settings
from mpesa_service.core.clock import utc_now
from mpesa_service.core.runtime import build_runtime
from tests.support import environment


def test_waits_are_stretched_or_shrunk_by_a_fifth_at_most() -> None:
    runtime = build_runtime(load_settings(environment()))
    drawn = [runtime.jitter() for _ in range(200)]
    assert 0.8 <= min(drawn) < 0.9
    assert 1.1 < max(drawn) <= 1.2
    runtime.database.dispose()


def test_the_clock_is_aware_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)
